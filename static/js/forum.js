// Comfort on a thread's page: quoting into the reply box, whom a reply is to, and word of new replies.

const posts = document.querySelector("[data-posts]");
const form = document.querySelector("[data-reply]");
const area = form?.querySelector("textarea");

function answerTo(id, name) {
  form.querySelector("[data-reply-to]").value = id;
  form.querySelector("[data-reply-name]").textContent = name;
  form.querySelector("[data-reply-note]").hidden = !id;
}

/** The marked words of a post as a quotation, or nothing when no words of it are marked. */
function markedIn(article) {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return "";
  const body = article.querySelector(".post-body");
  if (!body?.contains(selection.anchorNode) || !body.contains(selection.focusNode)) return "";
  return selection.toString().trim().split("\n").map((line) => `> ${line}`.trimEnd()).join("\n");
}

function write(quotation) {
  const before = area.value.trimEnd();
  area.value = `${before ? `${before}\n\n` : ""}${quotation.trim()}\n\n`;
  area.dispatchEvent(new Event("input", {bubbles: true}));
}

async function reply(link) {
  const article = link.closest("article");
  answerTo(link.dataset.quote, link.dataset.author);
  const marked = markedIn(article);
  if (marked) write(marked);
  form.scrollIntoView({block: "center"});
  area.focus({preventScroll: true});
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-quote]");
  if (link && form && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    reply(link);
  }
  if (event.target.closest("[data-reply-clear]")) answerTo("", "");
});

// "r" begins a reply to the post that j and k walked to, else to the thread.
document.addEventListener("keydown", (event) => {
  if (event.key !== "r" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (!form || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  const link = document.querySelector("article.is-active [data-quote]");
  if (link) reply(link);
  else area.focus();
});

// A new reply elsewhere: say so, and lead there. What this page shows already is no news.
document.body.addEventListener("live-thread-replied", ({detail}) => {
  const note = document.querySelector("[data-live-replies]");
  if (!posts || !note || String(detail.thread) !== posts.dataset.thread || detail.position <= Number(posts.dataset.last)) return;
  note.querySelector("[data-live-count]").textContent = String(detail.position - Number(posts.dataset.last));
  note.hidden = false;
});

