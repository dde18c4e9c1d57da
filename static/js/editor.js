// The editor: toolbar, mentions, files, preview and drafts; fetched only on pages that have one.
import "../vendor/markdown-toolbar-element.js";
import "../vendor/text-expander-element.js";
import "../vendor/file-attachment-element.js";
import {keepDraft} from "./drafts.js";
import {send, unlessCut} from "./page.js";

const wired = new WeakSet();

/** Bring every editor under `root` to life, each once. */
export function wire(root) {
  for (const editor of root.querySelectorAll("[data-editor]")) {
    if (wired.has(editor)) continue;
    wired.add(editor);
    offerMentions(editor);
    takeFiles(editor);
    switchModes(editor);
    if (editor.dataset.draftUrl) keepDraft(editor).catch(unlessCut);
  }
}

async function people(url, text) {
  const answer = await fetch(`${url}?q=${encodeURIComponent(text)}`, {headers: {Accept: "text/html", "HX-Request": "true"}, credentials: "same-origin"});
  if (answer.status !== 200) return {matched: false};
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.setAttribute("role", "listbox");
  list.append(...new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("[role=option]"));
  return {matched: list.childElementCount > 0, fragment: list};
}

function offerMentions(editor) {
  const url = editor.dataset.mentionsUrl;
  const expander = editor.querySelector("text-expander");
  if (!url) return;
  expander.addEventListener("text-expander-change", ({detail}) => {
    if (detail.text.length > 0) detail.provide(people(url, detail.text).catch(unlessCut).then((found) => found ?? {matched: false}));
  });
  expander.addEventListener("text-expander-value", ({detail}) => { detail.value = detail.item.dataset.value; });
}

function insert(text, area) {
  area.focus();
  area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input", {bubbles: true}));
}

/** The server's own words, where it gave any: they say what to do. */
async function reasonOf(error) {
  const problem = await error.answer?.json().catch(() => null);
  return problem?.detail ?? "";
}

async function upload(editor, file) {
  const status = editor.querySelector("[data-upload-status]");
  status.textContent = status.dataset.uploading;
  const body = new FormData();
  body.set("file", file);
  try {
    const {markdown} = await (await send("POST", editor.dataset.uploadUrl, body)).json();
    insert(`${markdown}\n`, editor.querySelector("textarea"));
    status.textContent = "";
  } catch (error) {
    status.textContent = `${file.name}: ${(await reasonOf(error)) || status.dataset.failed}`;
  }
}

function takeFiles(editor) {
  const box = editor.querySelector("file-attachment");
  box.addEventListener("file-attachment-accept", (event) => {
    if (!editor.dataset.uploadUrl) event.preventDefault();
  });
  box.addEventListener("file-attachment-accepted", async ({detail}) => {
    for (const {file} of detail.attachments) await upload(editor, file);
  });
}

function switchModes(editor) {
  const buttons = editor.querySelectorAll("[data-editor-mode]");
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const isPreview = button.dataset.editorMode === "preview";
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      editor.querySelector("text-expander").hidden = isPreview;
      editor.querySelector(".editor-preview").hidden = !isPreview;
      editor.querySelector("markdown-toolbar").hidden = isPreview;
      if (!isPreview) editor.querySelector("textarea").focus();
    });
  }
}
