// Comfort for parts that work without it: menus, dialogs, confirmations, toasts, copying, forms that submit themselves.

const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
};

function openDialog(event, link) {
  const dialog = document.getElementById(link.dataset.dialog);
  if (!dialog?.showModal || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  dialog.showModal();
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return; // the browser refused; the button does not say that it worked
  }
  button.classList.add("is-copied");
  setTimeout(() => button.classList.remove("is-copied"), 1600);
}

document.addEventListener("click", (event) => {
  closeMenus(event.target);
  const link = event.target.closest("[data-dialog]");
  if (link) openDialog(event, link);
  const copier = event.target.closest("[data-copy]");
  if (copier) copy(copier);
  if (event.target.matches("dialog")) event.target.close(); // a click on the veil
});

document.addEventListener("click", (event) => {
  const asked = event.target.closest("[data-confirm]");
  if (asked && !window.confirm(asked.dataset.confirm)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details[data-menu][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.hasAttribute("data-autosubmit") && event.target.matches("select, input[type=checkbox], input[type=radio]")) form.requestSubmit();
});

function leaveLater(toast) {
  if (toast.dataset.leaving) return;
  toast.dataset.leaving = "yes";
  const time = 4000 + toast.textContent.length * 60;
  setTimeout(() => {
    toast.classList.add("is-leaving");
    setTimeout(() => toast.remove(), 250);
  }, time);
}

const toasts = document.getElementById("toasts");
if (toasts) {
  const all = () => toasts.querySelectorAll("[data-toast]").forEach(leaveLater);
  new MutationObserver(all).observe(toasts, {childList: true});
  all();
}
document.querySelector("[data-autofocus]")?.focus();
