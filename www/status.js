/* status.js - a gateway's figures over time, drawn as they come. */
import { Feed } from "./pgfeed.js";

const KEEP = 120; // samples in a chart
const EVERY_MS = 1000;
const $ = (id) => document.getElementById(id);
const charts = new Map();
const samples = []; // { at, status }
let delay; // of the last event that this browser saw, in ms
let heard = 0;

const number = (n, digits = 0) =>
  n.toLocaleString("en", { maximumFractionDigits: digits });
const size = (n) => {
  const units = ["B", "kB", "MB", "GB"];
  let i = 0;
  for (; n >= 1024 && i < 3; i++) n /= 1024;
  return `${number(n, n < 10 ? 1 : 0)} ${units[i]}`;
};
const time = (us) =>
  us === undefined
    ? "none"
    : us < 1000
      ? `${number(us)} \u00b5s`
      : us < 1e6
        ? `${number(us / 1000, 1)} ms`
        : `${number(us / 1e6, 1)} s`;
/*
 * The bound below which a share q of what was counted between two samples lies;
 * bucket i of the histogram is below 64 us << i, the last one has no bound.
 */
function quantile(q, before, now) {
  const counts = now.map((n, i) => n - before[i]);
  let rest = q * counts.reduce((sum, n) => sum + n, 0);
  if (rest <= 0) return undefined;
  const i = counts.findIndex((n) => (rest -= n) <= 0);
  return 64 * 2 ** Math.min(i, counts.length - 2);
}

/* Adds a value to the chart of that name, and draws it. */
function plot(name, value, text, hint = "") {
  if (value === undefined && !charts.has(name)) return;
  if (!charts.has(name)) {
    const figure = $("chart").content.firstElementChild.cloneNode(true);
    figure.querySelector(".name").textContent = name;
    $("charts").append(figure);
    charts.set(name, { figure, values: [] });
  }
  const { figure, values } = charts.get(name);
  values.push(value ?? 0);
  if (values.length > KEEP) values.shift();
  const top = Math.max(...values, 1e-9);
  const step = 120 / (KEEP - 1);
  const from = 120 - (values.length - 1) * step;
  const points = values.map(
    (v, i) =>
      `${(from + i * step).toFixed(2)} ${(34 - (32 * v) / top).toFixed(2)}`,
  );
  figure.querySelector(".line").setAttribute("d", `M${points.join("L")}`);
  figure
    .querySelector(".area")
    .setAttribute("d", `M${from} 36L${points.join("L")}L120 36Z`);
  figure.querySelector(".value").textContent = text;
  figure.querySelector(".range").textContent = hint;
  figure.querySelector("svg").setAttribute("aria-label", `${name}: ${text}`);
}

function rows(target, pairs, cell) {
  target.replaceChildren(
    ...pairs.flatMap(([name, value]) => {
      const [th, td] = cell.map((tag) => document.createElement(tag));
      th.textContent = name;
      td.textContent =
        typeof value === "object" ? JSON.stringify(value) : value;
      if (cell[0] === "dt") return [th, td];
      th.scope = "row";
      const tr = document.createElement("tr");
      tr.append(th, td);
      return [tr];
    }),
  );
}

function show(status) {
  const now = { at: performance.now(), status };
  const before = samples.at(-1) ?? now;
  const tenAgo = samples.find(({ at }) => now.at - at < 10000) ?? now;
  samples.push(now);
  if (samples.length > KEEP) samples.shift();
  const seconds = (now.at - before.at) / 1000;
  const rate = (name) =>
    seconds ? Math.max(0, (status[name] - before.status[name]) / seconds) : 0;

  const count = (name) => number(status[name] ?? 0);
  const draw = (name, field, text, hint) =>
    plot(name, status[field], text ?? count(field), hint);
  draw(
    "Streams",
    "streams",
    undefined,
    `${count("opened")} opened, ${count("refused")} refused`,
  );
  plot(
    "Deliveries",
    rate("deliveries"),
    `${number(rate("deliveries"))}/s`,
    `${count("deliveries")} in all`,
  );
  plot(
    "Events",
    rate("events"),
    `${number(rate("events"), 1)}/s`,
    `${count("events")} in all`,
  );
  const [p50, p99] = [0.5, 0.99].map((q) =>
    quantile(q, tenAgo.status.latency_us, status.latency_us),
  );
  plot(
    "Latency",
    p99 ?? 0,
    `${time(p50)} / ${time(p99)}`,
    "commit to socket, p50 / p99 of the last 10 s, at most",
  );
  const limit = status.ring_limit ? `, limit ${size(status.ring_limit)}` : "";
  draw(
    "Ring",
    "ring_bytes",
    size(status.ring_bytes ?? 0),
    `${count("ring_events")} events${limit}`,
  );
  draw(
    "Lag",
    "lag_ms",
    time(1000 * (status.lag_ms ?? 0)),
    `the stream most behind; ${count("lagged")} closed for it`,
  );
  draw("Holes", "holes", undefined, "ids whose transactions are still open");
  plot(
    "Database",
    +status.live,
    status.live ? "followed" : "away",
    `connections so far: ${count("connects")}`,
  );
  $("state").dataset.state = status.live ? "live" : "waiting";
  $("state-text").textContent = status.live
    ? "Following PostgreSQL"
    : "Without the database";
  const up = status.uptime_s ? `, up ${count("uptime_s")} s` : "";
  $("summary").textContent =
    `pgfeed ${status.version}${up}, position ${status.cursor}`;
  rows($("all"), Object.entries(status), ["th", "td"]);
}

const feed = new Feed("events", { topics: ["events", "demo"] });
feed.addEventListener("message", ({ at }) => {
  heard++;
  delay = Date.now() - Date.parse(at);
});

async function step() {
  try {
    const res = await fetch("events/-/status", { cache: "no-store" });
    if (res.status === 403 || res.status === 404)
      throw Error("the web server shows this page's figures to itself only");
    if (!res.ok) throw Error(`the answer was ${res.status}`);
    show(await res.json());
  } catch (e) {
    $("state").dataset.state = "waiting";
    $("state-text").textContent = `No figures: ${e.message}`;
  }
  rows(
    $("browser"),
    [
      ["connection", feed.state],
      ["position", feed.cursor ?? "none yet"],
      ["events seen", heard],
      [
        "last delay",
        delay === undefined ? "none yet" : `${delay} ms by this clock`,
      ],
    ],
    ["dt", "dd"],
  );
  setTimeout(step, EVERY_MS);
}
step();
