/* demo.js - the front page: a list of events, and ways to make some. */
import { Feed } from "./pgfeed.js";

const KEEP = 200; // entries in the list
const COLUMNS = 50; // of a row that are shown
const STATES = {
  connecting: "Connecting",
  live: "Live",
  polling:
    "Live, by polling: the server is full, or something on the way holds streams back",
  waiting: "Connection lost; trying again",
  closed: "Refused",
};
const $ = (id) => document.getElementById(id);
const list = $("events");
const feed = new Feed("events", {
  topics: ["events", "demo", "demo_notify"],
  since: "-20",
});
let held = []; // while paused
let count = 0;

const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
const text = (value) =>
  typeof value === "string" ? value : JSON.stringify(value);
const make = (tag, content, ...children) => {
  const element = document.createElement(tag);
  if (content !== undefined) element.textContent = content;
  element.append(...children);
  return element;
};

/* A row change of pgfeed.attach: which columns, and from what to what. */
function showRow(change) {
  if (change.omitted) return "The row is too big for an event.";
  if (!change.new && !change.old) return "All rows are gone.";
  const dl = make("dl");
  dl.className = "row";
  for (const name of Object.keys(change.new ?? change.old).slice(0, COLUMNS)) {
    const was = change.old?.[name];
    const is = change.new?.[name];
    const dd = make("dd");
    const same = JSON.stringify(was) === JSON.stringify(is);
    if (change.old && (!change.new || !same)) dd.append(make("del", text(was)));
    if (change.old && change.new && !same) dd.append(" \u2192 ");
    if (change.new) dd.append(make(same ? "span" : "ins", text(is)));
    dl.append(make("dt", name), dd);
  }
  return dl;
}

function show(event) {
  const li = $("event").content.firstElementChild.cloneNode(true);
  const part = (name) => li.querySelector(name);
  const row = parse(event.data);
  // Anybody may publish what looks like a row.
  const isObject = (value) => typeof (value ?? {}) === "object";
  const isRow =
    row?.table && "new" in row && isObject(row.new) && isObject(row.old);
  const at = event.at ? new Date(event.at) : new Date();
  part(".topic").textContent = event.topic;
  part(".kind").textContent = [event.kind, isRow && row.table]
    .filter(Boolean)
    .join(" ");
  part(".kind").dataset.kind = event.kind ?? "";
  part(".id").textContent = event.id ? `#${event.id}` : "live only";
  part("time").dateTime = at.toISOString();
  part("time").textContent = at.toLocaleTimeString();
  if (isRow) part(".body").append(showRow(row));
  else part(".body").textContent = event.data;
  li.classList.toggle("own", event.own);
  li.classList.add("new");
  list.prepend(li);
  while (list.children.length > KEEP) list.lastChild.remove();
  $("empty").hidden = true;
}

function tell(message, bad) {
  $("said").textContent = message;
  $("said").classList.toggle("bad", !!bad);
}

async function send(data, options) {
  tell("Sending");
  try {
    const { id } = await feed.publish("events", data, options);
    tell(`Committed as event ${id}`);
  } catch (e) {
    tell(`Not sent: ${e.message}`, true);
  }
}

feed.addEventListener("message", (event) => {
  $("count").textContent = `(${++count})`;
  if ($("pause").ariaPressed === "true") held.push(event);
  else show(event);
});
const showState = () => {
  $("state").dataset.state = feed.state;
  $("state-text").textContent = STATES[feed.state];
};
feed.addEventListener("state", showState);
feed.addEventListener("state", () => {
  if (/live|polling/.test(feed.state)) $("empty").hidden = count > 0;
});
feed.addEventListener("error", (e) => tell(e.message, true));
setInterval(() => ($("cursor").textContent = feed.cursor ?? "\u2013"), 500);
showState();

for (const id of ["generate", "pause", "clear"]) $(id).hidden = false;
$("generate").addEventListener("click", () =>
  send(`Event generated at ${new Date().toLocaleTimeString()}`, {
    kind: "generated",
  }),
);
$("send").addEventListener("submit", (e) => {
  e.preventDefault();
  send($("data").value);
  $("data").value = "";
  $("data").focus();
});
$("pause").addEventListener("click", ({ target }) => {
  const paused = target.ariaPressed !== "true";
  target.ariaPressed = paused;
  if (!paused) held.splice(0).forEach(show);
});
$("clear").addEventListener("click", () => {
  list.replaceChildren();
  $("empty").hidden = false;
});
