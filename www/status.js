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
      : `${number(us / 1000, 1)} ms`;
const flat = (object, prefix = "") =>
  Object.entries(object).flatMap(([name, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? flat(value, `${prefix}${name}.`)
      : [[prefix + name, value]],
  );

/* The value below which a share q of what was counted between a and b lies. */
function quantile(q, a, b) {
  const counts = b.map(({ count }, i) => count - (a?.[i]?.count ?? 0));
  const all = counts.reduce((sum, n) => sum + n, 0);
  if (all <= 0) return undefined;
  let rest = q * all;
  for (let i = 0; i < counts.length; i++) {
    rest -= counts[i];
    if (rest <= 0) return b[i].below_us ?? b[i - 1]?.below_us;
  }
  return undefined;
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

  plot(
    "Streams",
    status.streams,
    number(status.streams),
    "browsers that follow now",
  );
  plot(
    "Deliveries",
    rate("deliveries"),
    `${number(rate("deliveries"))}/s`,
    `${number(status.deliveries)} in all`,
  );
  plot(
    "Events",
    rate("events"),
    `${number(rate("events"), 1)}/s`,
    `${number(status.events)} in all`,
  );
  const [p50, p99] = [0.5, 0.99].map((q) =>
    quantile(q, tenAgo.status.latency, status.latency),
  );
  plot(
    "Commit to socket",
    p99,
    `${time(p50)} / ${time(p99)}`,
    "p50 / p99 of the last 10 s, upper bounds",
  );
  plot(
    "Ring",
    status.ring.bytes,
    size(status.ring.bytes),
    `${number(status.ring.events)} events, limit ${size(status.ring.limit_bytes)}`,
  );
  plot(
    "Lag",
    status.lag_ms,
    `${number(status.lag_ms)} ms`,
    "age of the oldest stream that is behind",
  );
  plot(
    "Holes",
    status.holes,
    number(status.holes),
    "ids whose transactions are still open",
  );
  const good = status.database === "listening";
  $("state").dataset.state = good ? "live" : "waiting";
  $("state-text").textContent = `Database: ${status.database}`;
  $("summary").textContent =
    `pgfeed ${status.version}, up ${number(status.uptime_s)} s, position ${status.cursor}`;
  rows($("all"), flat(status), ["th", "td"]);
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
