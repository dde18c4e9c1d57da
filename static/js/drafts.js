// Drafts are kept on the server; what cannot be sent stays on the device until it can.
import {csrfToken, send} from "./page.js";

const PAUSE = 1200;

const fieldsOf = (form) => [...form.elements].filter((e) => e.name && e.name !== "csrf_token" && e.matches("textarea, select, input:not([type=hidden], [type=file], [type=password], [type=submit])"));

function read(form) {
  const found = {};
  for (const field of fieldsOf(form)) {
    if (field.type === "radio" ? field.checked : field.type !== "checkbox") found[field.name] = field.value;
    else if (field.type === "checkbox") found[field.name] = field.checked;
  }
  return found;
}

function fill(form, values) {
  for (const field of fieldsOf(form)) {
    const value = values[field.name];
    if (value === undefined) continue;
    if (field.type === "checkbox") field.checked = Boolean(value);
    else if (field.type === "radio") field.checked = field.value === value;
    else field.value = value;
  }
}

function local(key, value) {
  try {
    if (value === undefined) return JSON.parse(localStorage.getItem(key));
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    return null; // storage may be switched off: the server's copy remains
  }
  return null;
}

/** Save the form around `editor` to its draft address while someone writes, and bring back what was kept. */
export async function keepDraft(editor) {
  const url = editor.dataset.draftUrl;
  const form = editor.closest("form");
  const status = editor.querySelector("[data-draft-status]");
  const area = editor.querySelector("textarea");
  const key = `draft:${url}`;
  if (!form || !csrfToken()) return;
  let timer = 0;
  let isSent = false;
  let last = JSON.stringify(read(form));
  const say = (word) => { status.textContent = status.dataset[word] ?? ""; };

  async function save() {
    const values = read(form);
    const text = JSON.stringify(values);
    if (text === last) return;
    try {
      say("saving");
      await send("PUT", url, values);
      last = text;
      local(key, null);
      say("saved");
    } catch {
      local(key, values);
      say("offline");
    }
  }

  form.addEventListener("input", () => {
    isSent = false;
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE);
  });
  form.addEventListener("submit", () => {
    isSent = true;
    clearTimeout(timer);
    local(key, null);
  });
  addEventListener("online", save);
  addEventListener("pagehide", () => {
    if (!isSent && JSON.stringify(read(form)) !== last) local(key, read(form));
  });

  const kept = local(key) ?? (area.value ? null : await stored(url));
  if (!kept || area.value) return;
  fill(form, kept);
  area.dispatchEvent(new Event("input", {bubbles: true}));
  say("restored");
}

async function stored(url) {
  const answer = await fetch(url, {headers: {Accept: "application/json"}, credentials: "same-origin"});
  return answer.status === 200 ? (await answer.json()).fields : null;
}
