// The door: starts what every page has, and fetches what only some pages need.
import htmx from "../vendor/htmx.esm.min.js";
import {csrfToken, tellFailure, unlessCut} from "./page.js";
import "./pieces.js";
import "./keyboard.js";
import "./theme.js";
import "./live.js";

const wanted = [
  ["relative-time", () => import("../vendor/relative-time-element.js")],
  ["[data-editor]", () => import("./editor.js")],
  ["[data-chart]", () => import("./chart.js")],
];

function fetchWanted(root) {
  for (const [selector, load] of wanted) {
    if (root.querySelector(selector)) load().then((module) => module.wire?.(root)).catch(unlessCut); // the page works without
  }
}

document.addEventListener("htmx:config:request", (event) => {
  const token = csrfToken();
  if (token) event.detail.ctx.request.headers["X-CSRFToken"] = token;
});
// What someone did and did not come through is said; a suggestion that fails to come is not missed.
document.addEventListener("htmx:error", ({detail}) => {
  if (["click", "submit"].includes(detail.ctx?.sourceEvent?.type)) tellFailure();
});
// Somebody new begins in the time zone of their browser.
for (const field of document.querySelectorAll("[data-browser-zone]")) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
// On a narrow screen a strip of tabs may be longer than the page: the one where we are comes into sight.
for (const tab of document.querySelectorAll("nav:is(.tabs, .settings-tabs, .side-nav) [aria-current]")) {
  const strip = tab.closest("nav");
  const [seen, here] = [strip.getBoundingClientRect(), tab.getBoundingClientRect()];
  if (here.left < seen.left || here.right > seen.right) strip.scrollLeft += here.left - seen.left - (seen.width - here.width) / 2;
}
htmx.onLoad((element) => fetchWanted(element.parentElement ?? document));
fetchWanted(document);
