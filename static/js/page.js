// What scripts may know about the page they are on.

/** The token that unsafe requests carry, or "" on pages for visitors. */
export const csrfToken = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** The path under which the site is mounted, without a slash at its end. */
export const root = () => document.body.dataset.root ?? "";

/** Is someone writing in this element? */
export const isWriting = (element) => Boolean(element?.closest?.("input, textarea, select, [contenteditable]"));

/** Send JSON or a form to this site; rejects unless the answer is good. */
export async function send(method, url, body) {
  const isForm = body instanceof FormData;
  const headers = {"X-CSRFToken": csrfToken(), Accept: "application/json"};
  if (!isForm) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, {method, headers, body: isForm ? body : JSON.stringify(body), credentials: "same-origin"});
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status}`);
  return answer;
}
