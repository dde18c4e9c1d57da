// Keys: "g" and a letter goes somewhere, j and k walk a list, one letter presses what bears it as data-shortcut.
import {isWriting, root} from "./page.js";

const places = {h: "/", q: "/questions", i: "/ideas", m: "/roadmap", l: "/releases", n: "/notices", b: "/inbox", d: "/desk", c: "/circle"};
let going = 0;

const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);
const active = () => document.querySelector("[data-row].is-active");

function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(active());
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))];
  active()?.classList.remove("is-active");
  next.classList.add("is-active");
  next.scrollIntoView({block: "nearest"});
  (next.querySelector("[data-row-link]") ?? next.querySelector("a, button"))?.focus({preventScroll: true});
}

function press(key) {
  const selector = `[data-shortcut="${CSS.escape(key)}"]`;
  const found = active()?.querySelector(selector) ?? document.querySelector(selector);
  if (!found) return false;
  if (found.matches("input, textarea")) found.focus();
  else found.click();
  return true;
}

function focusSearch() {
  const box = document.querySelector("[data-search]");
  box?.focus();
  box?.select();
}

const commands = {
  "/": focusSearch,
  j: () => walk(1),
  k: () => walk(-1),
  o: () => active()?.querySelector("[data-row-link]")?.click(),
  "?": () => document.getElementById("keys")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isWriting(event.target) || document.querySelector("dialog[open]")) return;
  if (Date.now() - going < 1200 && places[event.key]) {
    event.preventDefault();
    location.assign(root() + places[event.key]);
    return;
  }
  going = event.key === "g" ? Date.now() : 0;
  if (commands[event.key]) {
    event.preventDefault();
    commands[event.key]();
  } else if (event.key.length === 1 && press(event.key)) event.preventDefault();
});

// Ctrl+Enter sends what is being written.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea")) event.target.form?.requestSubmit();
});
