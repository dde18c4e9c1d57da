// Drafts are kept on the server; what cannot be sent stays on the device and is sent again until it arrives.
import {csrfToken, send} from "./page.js";

const PAUSE = 1200;
const LONGEST = 30_000;

const fieldsOf = (form) => [...form.elements].filter((e) => e.name && e.name !== "csrf_token" && e.matches("textarea, select, input:not([type=hidden], [type=file], [type=password], [type=submit])"));

function read(form, valueOf = (field) => field.value, isChecked = (field) => field.checked) {
  const found = {};
  for (const field of fieldsOf(form)) {
    if (field.type === "radio" ? isChecked(field) : field.type !== "checkbox") found[field.name] = valueOf(field);
    else if (field.type === "checkbox") found[field.name] = isChecked(field);
  }
  return found;
}

/** What the form held when it came: someone may have written before this script was there. */
function readAsServed(form) {
  const chosen = (list) => ([...list.options].find((option) => option.defaultSelected) ?? list.options[0])?.value ?? "";
  return read(form, (field) => (field.options ? chosen(field) : field.defaultValue), (field) => field.defaultChecked);
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
  const area = editor.querySelector("textarea");
  if (!form || !csrfToken()) return;
  const kept = local(`draft:${url}`);
  const draft = watch(form, area, editor);
  // What was kept here went on from a text the server had; where the page shows another one, that is newer.
  const found = kept && (!area.value || kept.since === area.value) ? kept.values : null;
  if (found) draft.bringBack(found, {isSent: false});
  if (found || area.value) return;
  const draftThere = await stored(url);
  if (!area.value) draft.bringBack(draftThere, {isSent: true});
}

function watch(form, area, editor) {
  const url = editor.dataset.draftUrl;
  const key = `draft:${url}`;
  const status = editor.querySelector("[data-draft-status]");
  let timer = 0;
  let failures = 0;
  let isSending = false;
  let isPosted = false; // the form itself is on its way: the draft has served
  let sent = JSON.stringify(readAsServed(form));
  const isChanged = () => JSON.stringify(read(form)) !== sent;
  const keep = () => local(key, {values: read(form), since: JSON.parse(sent)[area.name]});
  const say = (word) => { status.textContent = status.dataset[word] ?? ""; };

  function saveIn(time) {
    clearTimeout(timer);
    timer = setTimeout(save, time);
  }

  async function save() {
    if (isSending || isPosted) return;
    isSending = true;
    const values = read(form);
    say("saving");
    const word = await put(values);
    isSending = false;
    if (isPosted) failures = 0;
    if (isPosted) return;
    if (failures) keep();
    else local(key, null);
    say(word);
    if (failures || isChanged()) saveIn(failures ? Math.min(PAUSE * 2 ** failures, LONGEST) : PAUSE);
  }

  async function put(values) {
    try {
      await send("PUT", url, values);
    } catch {
      failures += 1;
      return "unsaved";
    }
    sent = JSON.stringify(values);
    failures = 0;
    return "saved";
  }

  form.addEventListener("input", () => {
    isPosted = false;
    if (failures) keep();
    else saveIn(PAUSE);
  });
  form.addEventListener("submit", () => {
    isPosted = true;
    failures = 0;
    clearTimeout(timer);
    local(key, null);
  });
  addEventListener("online", () => { if (failures) saveIn(0); });
  addEventListener("pagehide", () => { if (!isPosted && isChanged()) keep(); });

  if (isChanged()) saveIn(PAUSE);

  return {
    bringBack(values, {isSent}) {
      if (!values) return;
      fill(form, values);
      if (isSent) sent = JSON.stringify(read(form));
      else saveIn(PAUSE);
      say("restored");
    },
  };
}

async function stored(url) {
  const answer = await fetch(url, {headers: {Accept: "application/json"}, credentials: "same-origin"});
  return answer.status === 200 ? (await answer.json()).fields : null;
}
