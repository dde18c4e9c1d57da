// The theme changes at once; the form tells the server, which would have done it alone.
import {tellFailure} from "./page.js";

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-theme-form]");
  if (!form || !event.submitter) return;
  event.preventDefault();
  const wanted = event.submitter.value;
  if (wanted === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  for (const button of form.querySelectorAll("button[name=theme]")) button.setAttribute("aria-pressed", String(button === event.submitter));
  try {
    await fetch(form.action, {method: "POST", body: new FormData(form, event.submitter), credentials: "same-origin"});
  } catch {
    tellFailure(); // it holds until the next page only
  }
});
