/*
 * dots.js - positions of dots, ten times a second from every browser.
 *
 * An event is { from, dots: [[x, y], ...] }, in thousandths of the field.
 * Anybody may publish one: what has another shape is ignored, and a browser's
 * dots and the browsers are counted.
 */
import { Feed } from "../pgfeed.js";

const EVERY_MS = 100;
const GONE_MS = 5000; // a browser that was silent for so long has left
const SWARM = 40;
const DOTS_MAX = 100; // of one browser
const OTHERS_MAX = 100; // browsers that are drawn
const $ = (id) => document.getElementById(id);
const feed = new Feed("../events", { topics: ["dots"] });
const me = Math.random().toString(36).slice(2, 8);
const others = new Map(); // from -> { at, circles }
const mine = [[500, 500, 0, 0]];
let moved = true;
let sending = false;
let received = 0;

const bounded = (n) => Math.max(0, Math.min(1000, Math.round(n)));
const hue = (text) =>
  [...text].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 360, 7);

function circle(from) {
  const c = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  c.setAttribute("r", "7");
  c.setAttribute("fill", `hsl(${hue(from)} 70% 50%)`);
  $("dots").append(c);
  return c;
}

/* What an event means, or undefined. */
function parse(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { from, dots } = value ?? {};
  if (typeof from !== "string" || !Array.isArray(dots)) return undefined;
  const good = (dot) => Array.isArray(dot) && dot.every(Number.isFinite);
  const shown = dots.slice(0, DOTS_MAX);
  return shown.every(good)
    ? { from: from.slice(0, 20), dots: shown }
    : undefined;
}

function draw({ from, dots }) {
  if (!others.has(from) && others.size >= OTHERS_MAX) return;
  const other = others.get(from) ?? { circles: [] };
  others.set(from, other);
  other.at = Date.now();
  while (other.circles.length < dots.length) other.circles.push(circle(from));
  other.circles.splice(dots.length).forEach((c) => c.remove());
  const { clientWidth: w, clientHeight: h } = $("field");
  dots.forEach(([x = 0, y = 0], i) => {
    other.circles[i].setAttribute("cx", (bounded(x) * w) / 1000);
    other.circles[i].setAttribute("cy", (bounded(y) * h) / 1000);
  });
}

function wander(dot) {
  dot[2] = dot[2] * 0.9 + (Math.random() - 0.5) * 12;
  dot[3] = dot[3] * 0.9 + (Math.random() - 0.5) * 12;
  dot[0] = bounded(dot[0] + dot[2]);
  dot[1] = bounded(dot[1] + dot[3]);
}

async function step() {
  if (mine.length > 1) {
    mine.slice(1).forEach(wander);
    moved = true;
  }
  // One on its way at a time: on a slow line fewer are sent, none queue up.
  if (moved && !sending && !document.hidden) {
    moved = false;
    sending = true;
    const dots = mine.map(([x, y]) => [x, y]);
    await feed.publish("dots", { from: me, dots }).catch(() => {});
    sending = false;
  }
}

feed.on("dots", (event) => {
  received++;
  const positions = parse(event.data);
  if (positions) draw(positions);
});
// What was sent before the stream was live has not come back to this page.
feed.addEventListener("state", ({ state }) => {
  moved ||= state === "live";
});
setInterval(step, EVERY_MS);
setInterval(() => {
  for (const [from, { at, circles }] of others) {
    if (Date.now() - at < GONE_MS || from === me) continue;
    circles.forEach((c) => c.remove());
    others.delete(from);
  }
  $("said").textContent =
    feed.state === "live" || feed.state === "polling"
      ? `${others.size} here, ${received} events a second`
      : "Connecting";
  received = 0;
}, 1000);

$("field").addEventListener("pointermove", (e) => {
  const box = $("field").getBoundingClientRect();
  mine[0][0] = bounded((1000 * (e.clientX - box.left)) / box.width);
  mine[0][1] = bounded((1000 * (e.clientY - box.top)) / box.height);
  moved = true;
});
$("field").addEventListener("keydown", (e) => {
  const step = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  }[e.key];
  if (!step) return;
  e.preventDefault();
  mine[0][0] = bounded(mine[0][0] + 20 * step[0]);
  mine[0][1] = bounded(mine[0][1] + 20 * step[1]);
  moved = true;
});
$("swarm").addEventListener("click", ({ currentTarget: button }) => {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", on);
  mine.length = 1;
  for (let i = 0; on && i < SWARM; i++)
    mine.push([
      bounded(Math.random() * 1000),
      bounded(Math.random() * 1000),
      0,
      0,
    ]);
  moved = true;
});
