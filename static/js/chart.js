// Charts from the figures in data-chart: {"labels": [...], "series": [{"label", "data": [...]}], "kind": "line" | "bars"}.
// Labels are ISO dates or plain words. The table inside the figure stays, folded, for everyone who wants the numbers.
import uPlot from "../vendor/uplot.js";

const drawn = new WeakSet();
const token = (name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
};

function style() {
  if (document.querySelector("link[data-uplot]")) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../vendor/uplot.css", import.meta.url).href;
  link.dataset.uplot = "yes";
  document.head.append(link);
}

function options(figure, width, {labels, series, kind}, isTime) {
  const axis = {stroke: token("--text-soft"), grid: {stroke: token("--line"), width: 1}, ticks: {show: false}, font: `12px ${getComputedStyle(document.body).fontFamily}`};
  const day = new Intl.DateTimeFormat(document.documentElement.lang, {day: "numeric", month: "short", timeZone: "UTC"});
  const words = {values: (_plot, at) => at.map((x) => (isTime ? day.format(x * 1000) : labels[x] ?? "")), space: 72};
  const bars = kind === "bars" ? {paths: uPlot.paths.bars({size: [0.6, 48]}), points: {show: false}} : {width: 2, points: {show: labels.length < 40, fill: token("--surface")}};
  const colours = ["--arc-2", "--arc-4", "--arc-1", "--arc-3"].map(token);
  return {
    width,
    height: Number(figure.dataset.height ?? 240),
    scales: {x: {time: isTime}, y: {range: (_plot, least, most) => [Math.min(0, least), most * 1.08 || 1]}}, // bars and lines start at zero
    axes: [{...axis, grid: {show: false}, ...words}, {...axis, size: 48}],
    legend: {show: series.length > 1, live: false},
    cursor: {y: false},
    series: [{}, ...series.map((one, i) => ({label: one.label, stroke: colours[i % 4], fill: kind === "bars" ? colours[i % 4] : undefined, spanGaps: false, ...bars}))],
  };
}

function draw(figure) {
  const data = JSON.parse(figure.dataset.chart);
  const isTime = data.labels.every((label) => /^\d{4}-\d{2}-\d{2}/.test(label));
  const xs = isTime ? data.labels.map((label) => Date.parse(label) / 1000) : data.labels.map((_label, i) => i);
  const place = document.createElement("div");
  place.setAttribute("aria-hidden", "true"); // the table says the same
  figure.append(place);
  const plot = new uPlot(options(figure, place.clientWidth, data, isTime), [xs, ...data.series.map((one) => one.data)], place);
  const table = figure.querySelector("table");
  table?.closest(".table-scroll, table").classList.add("visually-hidden");
  new ResizeObserver(() => plot.setSize({width: place.clientWidth, height: plot.height})).observe(place);
}

/** Draw every chart under `root`, each once. */
export function wire(root) {
  style();
  for (const figure of root.querySelectorAll("[data-chart]")) {
    if (drawn.has(figure)) continue;
    drawn.add(figure);
    draw(figure);
  }
}
