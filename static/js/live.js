// Live updates: a stream while the page is in view, polling where streams are not served, backing off when neither answers.
import {root} from "./page.js";

const channels = document.body.dataset.live;
const POLL = 15_000;
const LONGEST = 120_000;
let since = "";
let source = null;
let timer = 0;
let wait = 1000;
let polls = 0;

function show(name) {
  for (const element of document.querySelectorAll(`[data-live-show="${CSS.escape(name)}"]`)) {
    const counter = element.querySelector("[data-live-count]");
    if (counter) counter.textContent = String(Number(counter.textContent || 0) + 1);
    element.hidden = false;
  }
}

function ring(count) {
  const bell = document.querySelector("[data-bell-count]");
  if (!bell) return;
  bell.textContent = count > 99 ? "99+" : String(count);
  bell.hidden = !count;
}

function receive(message) {
  if (message.type === "bell") ring(message.count);
  else show(message.type);
  const name = `live-${String(message.type).replace(/[^a-z0-9]+/gi, "-")}`;
  document.body.dispatchEvent(new CustomEvent(name, {detail: message, bubbles: true}));
}

const address = (path) => `${root()}${path}?c=${encodeURIComponent(channels)}&since=${encodeURIComponent(since)}`;
const later = (action, time) => {
  clearTimeout(timer);
  timer = setTimeout(action, time * (0.8 + Math.random() * 0.4));
};

async function poll() {
  try {
    const answer = await fetch(address("/events/poll"), {headers: {Accept: "application/json"}, credentials: "same-origin"});
    if (!answer.ok) throw new Error(String(answer.status));
    const {messages, cursor} = await answer.json();
    since = cursor ?? since;
    messages.forEach(receive);
    wait = 1000;
    polls += 1;
    later(polls % 20 ? poll : listen, POLL); // now and then ask whether streams are served again
  } catch {
    wait = Math.min(wait * 2, LONGEST);
    later(listen, wait);
  }
}

function listen() {
  stop();
  source = new EventSource(address("/events"));
  source.onopen = () => { wait = 1000; };
  source.onmessage = (event) => {
    since = event.lastEventId || since;
    receive(JSON.parse(event.data));
  };
  source.onerror = () => {
    if (source?.readyState !== EventSource.CLOSED) return; // the browser reconnects by itself
    stop();
    poll();
  };
}

function stop() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

// Hidden tabs hold no connection: browsers allow few of them to one site.
if (channels && "EventSource" in window) {
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
  addEventListener("pagehide", stop);
  if (!document.hidden) listen();
}
