/*
 * pgfeed-elements.js - live forms and lists without a script of your own.
 *
 *   <script type="module" src="pgfeed-elements.js"></script>
 *
 *   <form data-pgfeed action="/events/chat" method="post">
 *     <input name="data"> <button>Send</button> <output></output>
 *   </form>
 *
 *   <pgfeed-list topic="chat" since="-20">
 *     <template><p><time data-field="at"></time> <b data-field="data"></b></p></template>
 *   </pgfeed-list>
 *
 * The form means what it means without scripts, but the page stays, and what
 * could not be sent yet is sent later. The fields _topic, _kind and _key are
 * pgfeed's own, and those that the attribute names (data-pgfeed="csrf"); a field
 * data that is the only other one is the payload, else all others are, as one
 * JSON object. The form reports in its <output>, and by the events "pgfeed-sent"
 * and "pgfeed-failed" (detail: the answer, the error).
 *
 * The list's attributes: topic (several with blanks between), kind, since,
 * persist, src (default /events), max (entries kept, default 100), order
 * ("newest" puts new ones first), into (a selector: where the entries go, for
 * table rows), key (a path such as row.id: an entry with the same value is
 * replaced; kind delete removes it, truncate removes all; an event without it
 * is not shown).
 *
 * data-field names what an element shows: topic, kind, id, at, data, own; with
 * JSON data a path such as data.name; for changes of an attached table
 * row.name, the row after the change, or before a delete.
 */
import { Feed } from "./pgfeed.js";

const OWN_FIELDS = ["_topic", "_kind", "_key", "_next"]; // not in the payload

const outlets = new Map(); // action -> a Feed that only publishes
const outlet = (action) => {
  if (!outlets.has(action))
    outlets.set(action, new Feed(action, { listen: false }));
  return outlets.get(action);
};

/* The fields but own ones; a repeated name becomes an array. */
function payload(fields, own) {
  const rest = {};
  for (const name of new Set(fields.keys())) {
    const values = fields.getAll(name);
    if (!own.includes(name))
      rest[name] = values.length > 1 ? values : values[0];
  }
  const lone = Object.keys(rest).length === 1 && rest.data;
  return typeof lone === "string" ? lone : JSON.stringify(rest);
}

async function send(form, submitter) {
  const sent = new FormData(form, submitter);
  const own = [...OWN_FIELDS, ...form.dataset.pgfeed.split(" ")];
  const data = payload(sent, own);
  const fields = Object.fromEntries(sent);
  const { _topic: topic = "events", _kind: kind, _key: key } = fields;
  const feed = outlet(form.action);
  const output = form.querySelector("output");
  const tell = (text, bad) => {
    if (output) output.textContent = text;
    output?.classList.toggle("bad", !!bad);
  };
  const emit = (type, detail) =>
    form.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
  form.reset();
  tell("Sending\u2026");
  try {
    const answer = await feed.publish(feed.topics[0] ?? topic, data, {
      ...(kind && { kind }),
      ...(key && { key }),
    });
    tell("Sent");
    emit("pgfeed-sent", answer);
  } catch (e) {
    tell(`Not sent: ${e.message}`, true);
    // What was typed is not to be lost.
    for (const [name, value] of Object.entries(fields))
      if (form.elements[name]?.value === "") form.elements[name].value = value;
    emit("pgfeed-failed", e);
  }
}

document.addEventListener("submit", (e) => {
  const form = e.target;
  if (e.defaultPrevented || !form.matches("form[data-pgfeed]")) return;
  // A file is more than a payload can be made of here: the browser's own way.
  if (form.querySelector('input[type="file"]')) return;
  e.preventDefault();
  send(form, e.submitter);
});

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
const follow = (path, from) =>
  path.split(".").reduce((value, name) => value?.[name], from);
const shown = (value) =>
  typeof value === "object" && value !== null
    ? JSON.stringify(value)
    : `${value ?? ""}`;

function fill(node, fields) {
  const named = node.querySelectorAll("[data-field]");
  for (const element of [...(node.dataset.field ? [node] : []), ...named]) {
    const value = follow(element.dataset.field, fields);
    if (element.localName === "time" && value) {
      element.dateTime = value;
      element.textContent = new Date(value).toLocaleTimeString();
    } else if ("value" in element && element.localName !== "li") {
      element.value = shown(value);
    } else {
      element.textContent = shown(value);
    }
  }
  node.dataset.kind = fields.kind ?? "";
}

class PgfeedList extends HTMLElement {
  connectedCallback() {
    const topics = this.getAttribute("topic")?.split(/\s+/) ?? [];
    const given = (name) => this.getAttribute(name) ?? undefined;
    const into = given("into");
    this.target = into ? document.querySelector(into) : this;
    this.keyed = new Map();
    this.entries = [];
    if (!into && !this.role) this.role = "log";
    this.feed = new Feed(given("src") ?? "/events", {
      topics,
      since: given("since"),
      persist: given("persist"),
    });
    const show = (event) => this.show(event);
    this.feed.addEventListener("message", show);
    this.feed.addEventListener("state", ({ state }) =>
      this.setAttribute("state", state),
    );
  }

  disconnectedCallback() {
    this.feed.close();
  }

  show({ topic, kind, id, at, data: text, own }) {
    if (this.hasAttribute("kind") && kind !== this.getAttribute("kind")) return;
    const data = parsed(text);
    const row = data?.new ?? data?.old;
    const fields = { topic, kind, id, at, own, data, row };
    const path = this.getAttribute("key");
    if (path && kind === "truncate")
      [...this.entries].forEach((e) => this.drop(e));
    const value = path && follow(path, fields);
    if (path && value === undefined) return; // not of this table
    const key = path && shown(value);
    const before = this.keyed.get(key);
    if (path && kind === "delete") {
      if (before) this.drop(before);
      return;
    }
    const template = this.querySelector("template");
    const node = template.content.firstElementChild.cloneNode(true);
    fill(node, fields);
    node.dataset.own = own;
    if (before) {
      before.replaceWith(node);
      this.entries.splice(this.entries.indexOf(before), 1, node);
    } else {
      if (this.getAttribute("order") === "newest") this.target.prepend(node);
      else this.target.append(node);
      this.entries.push(node);
    }
    if (path) this.keyed.set(key, node);
    node.pgfeedKey = key;
    const max = +(this.getAttribute("max") ?? 100);
    while (this.entries.length > max) this.drop(this.entries[0]);
  }

  drop(node) {
    node.remove();
    this.keyed.delete(node.pgfeedKey);
    this.entries.splice(this.entries.indexOf(node), 1);
  }
}

customElements.define("pgfeed-list", PgfeedList);
