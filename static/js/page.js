// What scripts may know about the page they are on.

/** The token that unsafe requests carry, or "" on pages for visitors. */
export const csrfToken = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** The path under which the site is mounted, without a slash at its end. */
export const root = () => document.body.dataset.root ?? "";

/** Is someone writing in this element? */
export const isWriting = (element) => Boolean(element?.closest?.("input, textarea, select, [contenteditable]"));

let leaving = false;
addEventListener("pagehide", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });

/** For a fetch that may fail in silence: nothing when the network or the leaving of the page cut it; a mistake of ours stays one. */
export function unlessCut(error) {
  if (!(error instanceof TypeError) && error.name !== "AbortError") throw error;
}

/** Tell who is still here that what they did has not reached the server. */
export function tellFailure() {
  const words = document.getElementById("failure")?.content;
  const toasts = document.getElementById("toasts");
  if (leaving || !words || toasts.textContent.includes(words.textContent.trim())) return;
  toasts.append(words.cloneNode(true));
}

/** Send JSON or a form to this site; rejects unless the answer is good, which the error then has with it. */
export async function send(method, url, body) {
  const isForm = body instanceof FormData;
  const headers = {"X-CSRFToken": csrfToken(), Accept: "application/json"};
  if (!isForm) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, {method, headers, body: isForm ? body : JSON.stringify(body), credentials: "same-origin"});
  if (!answer.ok) throw Object.assign(new Error(`${method} ${url}: ${answer.status}`), {answer});
  return answer;
}
