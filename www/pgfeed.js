/*
 * pgfeed.js - a WebSocket's comfort over plain HTTP.
 *
 *   import { Feed, FeedSocket } from "./pgfeed.js";
 *
 *   const feed = new Feed("/events");
 *   feed.on("orders", "insert", (e) => show(e.json()));
 *   await feed.publish("orders", { item: 7 });
 *
 *   const socket = new FeedSocket("/events/chat"); // was: new WebSocket(...)
 *
 * Data goes one way:
 *
 *   web server -> Link -> Hub -> Feed -> FeedSocket or your page
 *
 * A Link is one HTTP connection with its position in the feed, the cursor. The
 * Hub owns the links; there is one per browser, in a SharedWorker or in the tab
 * that leads, and every Feed of every tab joins it. Publishing is a short POST
 * from the page itself.
 *
 * Always: a cursor moves only together with the events before it, at every
 * stage. Whatever ends (connection, tab, leader, worker), the next one goes on
 * from the cursor of those who are left, and nothing is lost or doubled.
 *
 * Why fetch and not EventSource: it shows the status and Retry-After of a
 * refusal, and the heartbeats; a 503 does not end it; and Node has it.
 */

const HANDSHAKE_MS = 4000; // no pgfeed.open by then: something buffers
const POLL_S = 25; // how long one long-poll may wait
const PROBE_MS = 10000; // after the first so long, streaming is tried again
const PROBE_MAX_MS = 300000;
const BACKOFF_MAX_MS = 30000;
const NAME = "pgfeed1 "; // the protocol between Feed and Hub, in names

/* Where this file is, if it is served under its own name: the worker's URL. */
const SELF = /\/pgfeed(\.min)?\.js\b/.test(import.meta.url) && import.meta.url;

const scope = globalThis;
const locks = scope.navigator?.locks;
const sleep = (ms, holder) =>
  new Promise((done) => {
    holder.wake = done;
    setTimeout(done, ms);
  });
/* The delay before attempt n, spread so that a crowd does not come at once. */
const backoff = (n) =>
  Math.min(BACKOFF_MAX_MS, 1000 * 2 ** n) * (0.5 + Math.random() / 2);
const random = () =>
  [
    ...(scope.crypto?.getRandomValues(new Uint32Array(4)) ??
      [1, 2, 3, 4].map(Math.random)),
  ].join("-");
const matches = (pattern, topic) =>
  pattern === topic ||
  (pattern.endsWith("/*") && topic.startsWith(pattern.slice(0, -1)));
/* Worth another try; every other 4xx, and 204, is a final answer. */
const passing = (status) =>
  !status || status >= 500 || [200, 408, 425, 429].includes(status);

const check = (good, text, name) => {
  if (!good) throw new DOMException(text, name);
};

/* An error with what the server said, in its own words where it has some. */
async function refusal(res) {
  const problem = await res.json().catch(() => ({}));
  return Object.assign(
    Error(problem.detail || problem.title || `HTTP status ${res.status}`),
    { status: res.status, after: 1000 * res.headers.get("Retry-After") },
  );
}

class Link {
  constructor(hub, cursor, parent) {
    this.hub = hub;
    this.cursor = cursor;
    this.parent = parent; // then this is a probe: does streaming work again?
    this.feeds = new Set();
    this.state = "connecting";
    this.fails = this.silences = 0;
    this.run();
  }

  async run() {
    await null; // whoever joins in the same turn has joined
    // By the wall clock, so that a sleep of the machine counts as silence.
    this.clock = setInterval(() => {
      if (Date.now() - this.seen > this.limit) this.interrupt("silent");
    }, 500);
    while (!this.closed) {
      let error;
      this.control = new AbortController();
      this.why = "";
      this.opened = false;
      try {
        await (this.polling ? this.poll() : this.stream());
      } catch (e) {
        error = e;
      }
      this.limit = Infinity;
      if (this.closed || this.why === "again" || (this.polling && !error))
        continue;
      if (this.parent) return this.close();
      if (this.why === "silent" && !this.polling) {
        // Never greeted, or greeted and muted twice: something holds it back.
        if (!this.opened || ++this.silences > 1) {
          this.polling = true;
          this.silences = 0;
          this.probeMs = PROBE_MS;
          this.probeAt = Date.now() + PROBE_MS;
          continue;
        }
      }
      if (!passing(error?.status)) return this.hub.refused(this, error);
      this.tell("waiting");
      if (this.opened) this.fails = 0;
      const told = error?.after || (this.opened && this.retry);
      await sleep(
        told ? told * (1 + Math.random() / 4) : backoff(this.fails++),
        this,
      );
      if (!this.closed) this.tell("connecting");
    }
  }

  async request(type, limit, wait) {
    const url = new URL(this.hub.base);
    const query = url.searchParams;
    this.topics = this.hub.topics(this);
    this.topics.forEach((topic) => query.append("topic", topic));
    query.set("format", "json");
    if (this.cursor) query.set("last_event_id", this.cursor);
    if (wait !== undefined) query.set("wait", wait);
    this.seen = Date.now();
    this.limit = limit;
    const res = await fetch(url, {
      headers: { Accept: type, ...(await this.hub.headers?.()) },
      cache: "no-store",
      signal: this.control.signal,
    });
    if (res.status !== 200) throw await refusal(res);
    if (!res.headers.get("Content-Type")?.startsWith(type))
      throw Error(`the answer is not ${type}`);
    return res;
  }

  /* HTML standard, 9.2.6 "Interpreting an event stream". */
  async stream() {
    const res = await this.request("text/event-stream", HANDSHAKE_MS);
    const reader = res.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    let block = { data: "" };
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (this.opened) this.silences = 0;
      this.seen = Date.now();
      // A CR at the very end may be half of a CRLF: it stays in the rest.
      const lines = (rest + decoder.decode(value, { stream: true })).split(
        /\r\n|\n|\r(?!$)/,
      );
      rest = lines.pop();
      const items = [];
      let cursor = this.cursor;
      for (const line of lines) {
        if (line) {
          const [, name, text] = /^([^:]*):? ?(.*)$/s.exec(line);
          if (name === "retry") this.retry = +text;
          else block[name] = name === "data" ? `${block.data}${text}\n` : text;
        } else {
          cursor = block.id ?? cursor;
          if (block.data) this.take(block.event, JSON.parse(block.data), items);
          block = { data: "" };
        }
      }
      this.deliver(items, cursor);
    }
  }

  take(type, data, items) {
    if (!type) {
      items.push(data);
    } else if (type === "pgfeed.gap") {
      items.push({ gap: data });
    } else if (type === "pgfeed.live") {
      items.push({ state: (this.state = "live") });
    } else if (type === "pgfeed.bye") {
      this.opened = true; // refused politely: come back after retry
    } else if (type === "pgfeed.open") {
      this.opened = true;
      this.limit = 2500 * data.heartbeat;
      if (this.parent) {
        this.parent.polling = false;
        this.parent.interrupt("again");
        this.close();
      }
    }
  }

  async poll() {
    if (Date.now() > this.probeAt) {
      this.probeMs = Math.min(2 * this.probeMs, PROBE_MAX_MS);
      this.probeAt = Date.now() + this.probeMs;
      new Link(this.hub, this.cursor, this);
    }
    // Without a cursor the first answer has to come at once and bring one.
    const wait = this.cursor ? POLL_S : 0;
    const res = await this.request("application/json", 1e3 * POLL_S + 1e4, wait);
    const { cursor, events, gap } = await res.json();
    const idle = cursor === this.cursor && Date.now() - this.seen < 1000;
    this.fails = 0;
    this.state = "polling";
    this.deliver(
      [{ state: this.state }, ...(gap ? [{ gap }] : []), ...events],
      cursor,
    );
    if (idle) await sleep(1000, this);
  }

  deliver(items, cursor) {
    if (this.closed || this.parent) return;
    this.cursor = cursor;
    this.hub.deliver(this, items);
  }

  tell(state) {
    this.state = state;
    this.deliver([{ state }], this.cursor);
  }

  interrupt(why) {
    this.why = why;
    this.control?.abort();
    this.wake?.();
  }

  close() {
    this.closed = true;
    clearInterval(this.clock);
    this.hub.links.delete(this);
    this.interrupt();
  }
}

/*
 * Nearly always one link. A feed that asks for another position gets a link of
 * its own until both stand at the same cursor; then the two become one. Equal
 * text means an equal position, so the change is exact.
 */
class Hub {
  constructor(base, headers) {
    this.base = base;
    this.headers = headers;
    this.feeds = new Map(); // id -> { topics, reply }
    this.links = new Set();
  }

  handle({ join, topics, since, leave, kick }, reply) {
    if (join) this.join(join, topics, since, reply);
    if (leave) this.leave(leave);
    if (kick) {
      for (const link of this.links) {
        // Back online means a new network: what was open is not to be trusted.
        if (kick === "online" || link.state === "waiting")
          link.interrupt("again");
      }
    }
  }

  join(id, topics, since, reply) {
    const known = this.feeds.get(id);
    this.feeds.set(id, { topics, reply });
    if (!known) {
      let link = [...this.links].find(
        (l) => !l.alone && (!since || l.cursor === since),
      );
      if (!link) this.links.add((link = new Link(this, since)));
      link.feeds.add(id);
      this.send([id], [{ state: link.state }], link.cursor);
      // The lock is free when the tab is gone, however it went.
      locks?.request(NAME + id, () => this.leave(id));
    }
    for (const link of this.links) {
      const lacks = topics.some((topic) => !link.topics?.includes(topic));
      if (link.topics && lacks && !link.alone && link.state !== "waiting")
        link.interrupt("again");
    }
  }

  leave(id) {
    this.feeds.delete(id);
    for (const link of this.links) {
      if (link.feeds.delete(id) && !link.feeds.size) link.close();
    }
  }

  /* What this link has to ask for: everything, so that links can become one. */
  topics(link) {
    const ids = link.alone ? link.feeds : this.feeds.keys();
    return [...new Set([...ids].flatMap((id) => this.feeds.get(id).topics))];
  }

  deliver(link, items) {
    this.send(link.feeds, items, link.cursor);
    if (link.state === "live") link.alone = false;
    for (const other of this.links) {
      if (other === link || other.cursor !== link.cursor) continue;
      if (other.alone || link.alone) continue;
      const [to, from] = link.state === "live" ? [link, other] : [other, link];
      from.feeds.forEach((id) => to.feeds.add(id));
      this.send(from.feeds, [{ state: to.state }], to.cursor);
      from.close();
      if (from === link) return;
    }
  }

  /* One message per way of reply: a broadcast reaches all feeds at once. */
  send(ids, items, cursor) {
    const ways = new Map();
    for (const id of ids) {
      const { reply } = this.feeds.get(id);
      ways.set(reply, [...(ways.get(reply) ?? []), id]);
    }
    ways.forEach((to, reply) => reply({ to, items, cursor }));
  }

  /* A final no. One feed's bad topic must not be the end of the others. */
  refused(link, { message, status }) {
    const ids = [...link.feeds];
    link.close();
    if (ids.length < 2) this.send(ids, [{ error: { message, status } }]);
    for (const id of ids) {
      if (ids.length < 2) {
        this.feeds.delete(id);
        continue;
      }
      const single = new Link(this, link.cursor);
      single.alone = true;
      single.feeds.add(id);
      this.links.add(single);
    }
  }
}

/* This very file is the shared worker. */
if (scope.SharedWorkerGlobalScope && scope.name.startsWith(NAME)) {
  const hub = new Hub(scope.name.slice(NAME.length));
  scope.onconnect = ({ ports: [port] }) => {
    const reply = (message) => port.postMessage(message);
    port.onmessage = ({ data }) => hub.handle(data, reply);
  };
}

/* What a handler gets: topic, kind, id, at, data as sent, and own. */
class FeedEvent extends Event {
  constructor(type, fields) {
    super(type, { cancelable: true });
    Object.assign(this, fields);
  }

  json() {
    return JSON.parse(this.data);
  }
}

const absolute = (url) => {
  const at = new URL(url, scope.document?.baseURI ?? scope.location?.href);
  at.protocol = at.protocol.replace("ws", "http");
  check(/^http/.test(at.protocol), "not an http or ws URL", "SyntaxError");
  return at;
};

/* The hub for all tabs, in this one, until signal; where workers are missing. */
const leads = (name, url, signal) =>
  new Promise((done) => {
    const hub = new Hub(url);
    const channel = new BroadcastChannel(name);
    const reply = (message) => channel.postMessage(message);
    channel.onmessage = ({ data }) => hub.handle(data, reply);
    reply({ hello: true });
    signal.addEventListener("abort", () => {
      hub.links.forEach((link) => link.close());
      channel.close();
      done();
    });
  });

/* What happens at a gap when nobody calls preventDefault(). */
const alarm = ({ reason }) => {
  const text = "Some events are missing here. ";
  console.error(`pgfeed: ${text}(${reason})`);
  const { document } = scope;
  if (!document) return;
  const box = document.createElement("div");
  const button = document.createElement("button");
  box.role = "alert";
  box.style.cssText =
    "position:fixed;inset:0 0 auto;z-index:9999;padding:1em;background:#b00020;color:#fff";
  button.textContent = "Reload";
  button.onclick = () => location.reload();
  box.append(text, button);
  document.body.append(box);
};

export class Feed extends EventTarget {
  constructor(url = "/events", options = {}) {
    super();
    const at = absolute(url);
    at.hash = "";
    const path = /^(.*\/events)\/(.+)$/.exec(at.pathname);
    if (path) at.pathname = path[1];
    this.topics = [
      ...(path ? [decodeURIComponent(path[2])] : []),
      ...at.searchParams.getAll("topic"),
      ...(options.topics ?? []),
    ];
    at.searchParams.delete("topic");
    this.url = at.href;
    this.options = options;
    this.state = "connecting";
    this.queue = []; // publishes in order; the first is on its way
    this.own = new Set(); // ids of events that came from here
    this.key = NAME + options.persist;
    this.cursor = options.since ?? this.stored()?.getItem(this.key) ?? undefined;
    this.ended = new AbortController();
    const { signal } = this.ended;
    const { document } = scope;
    const listen = (target, type, fn) =>
      target?.addEventListener?.(type, fn, { signal });
    listen(scope, "pagehide", () => this.stop());
    listen(scope, "pageshow", (e) => e.persisted && this.start());
    listen(scope, "online", () => this.kick("online"));
    listen(document, "visibilitychange", () => document.hidden || this.kick(1));
    // What on() asks for in this turn is part of the first request.
    queueMicrotask(() => signal.aborted || this.start());
  }

  stored() {
    return this.options.persist && scope.sessionStorage;
  }

  /* Finds a hub: the worker's, the leading tab's, or one of our own. */
  start(withoutWorker) {
    const { share = scope.document, headers, worker = SELF } = this.options;
    const name = NAME + this.url;
    this.stop();
    if (!this.topics.length) this.topics.push("events");
    this.running = new AbortController();
    const { signal } = this.running;
    if (share && !headers && worker && scope.SharedWorker && !withoutWorker) {
      try {
        const shared = new SharedWorker(worker, { name, type: "module" });
        shared.onerror = () => signal.aborted || this.start(true);
        shared.port.onmessage = ({ data }) => this.receive(data);
        this.post = (message) => shared.port.postMessage(message);
      } catch {
        return this.start(true);
      }
    } else if (share && !headers && locks && scope.BroadcastChannel) {
      const channel = new BroadcastChannel(name);
      channel.onmessage = ({ data }) =>
        data.hello ? this.join() : this.receive(data);
      this.post = (message) => channel.postMessage(message);
      signal.onabort = () => channel.close();
      // Whoever holds the lock leads; the others wait for it.
      const lead = () => leads(name, this.url, signal);
      locks.request(name, { signal }, lead).catch(() => {});
    } else {
      const hub = new Hub(this.url, headers);
      const reply = (data) => queueMicrotask(() => this.receive(data));
      this.post = (message) => hub.handle(message, reply);
    }
    this.join();
  }

  stop() {
    this.leave();
    this.running?.abort();
    this.post = null;
  }

  /* Under a fresh name each time: answers to an older one are not for us. */
  join() {
    this.leave();
    const id = (this.id = random());
    this.inbox = [];
    const ask = () =>
      id === this.id &&
      new Promise((release) => {
        this.release = release;
        this.joined = true;
        this.post({ join: id, topics: this.topics, since: this.cursor });
      });
    locks ? locks.request(NAME + id, ask) : ask();
  }

  leave() {
    if (this.joined) this.post({ leave: this.id });
    this.joined = this.id = null;
    this.release?.();
  }

  kick(kick) {
    this.post?.({ kick });
    this.wake?.();
  }

  receive({ to, items, cursor }) {
    if (!to?.includes(this.id)) return;
    this.inbox.push(...items, { cursor });
    this.drain();
  }

  drain() {
    for (let item; (item = this.inbox[0]); ) {
      // Perhaps the one that is just being sent: its answer tells.
      const same = item.id && item.data === this.sending?.data;
      if (same && item.topic === this.sending.topic && !this.own.has(item.id))
        return;
      this.inbox.shift();
      this.take(item);
    }
  }

  take({ cursor, state, gap, error, ...event }) {
    if (cursor) {
      this.cursor = cursor;
      this.stored()?.setItem(this.key, cursor);
    } else if (state) {
      this.turn(state);
    } else if (gap) {
      if (this.dispatchEvent(new FeedEvent("gap", gap))) alarm(gap);
    } else if (error) {
      this.dispatchEvent(new FeedEvent("error", error));
      this.close();
    } else if (this.topics.some((topic) => matches(topic, event.topic))) {
      event.own = this.own.delete(event.id);
      if (event.own && this.options.echo === false) return;
      this.dispatchEvent(new FeedEvent("message", event));
    }
  }

  turn(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new FeedEvent("state", { state }));
  }

  /* Calls fn(event) for a topic, or "a/*", and a kind, or every kind. */
  on(topic, kind, fn) {
    if (!fn) return this.on(topic, "*", kind);
    const hear = (e) => {
      if (matches(topic, e.topic) && (kind === "*" || kind === e.kind)) fn(e);
    };
    this.addEventListener("message", hear);
    if (!this.topics.includes(topic)) {
      this.topics.push(topic);
      if (this.joined) this.post({ join: this.id, topics: this.topics });
    }
    return () => this.removeEventListener("message", hear);
  }

  async *[Symbol.asyncIterator]() {
    const events = [];
    const holder = {};
    const hear = (e) => {
      events.push(e);
      holder.wake?.();
    };
    this.addEventListener("message", hear);
    this.addEventListener("close", hear);
    try {
      while (this.state !== "closed" || events.length) {
        if (!events.length) await new Promise((done) => (holder.wake = done));
        const event = events.shift();
        if (event.type === "close") return;
        yield event;
      }
    } finally {
      this.removeEventListener("message", hear);
      this.removeEventListener("close", hear);
    }
  }

  /* Resolves with { id, topic } once the event is committed. */
  publish(topic, data, { kind, key = random() } = {}) {
    if (this.queue.length >= (this.options.queue ?? 1000))
      return Promise.reject(
        new DOMException("too many events wait to be sent", "QuotaExceededError"),
      );
    if (typeof data !== "string") data = JSON.stringify(data);
    return new Promise((resolve, reject) => {
      const fields = { topic, data, key, ...(kind && { kind }) };
      if (this.queue.push({ fields, resolve, reject }) < 2) this.pump();
    });
  }

  /* One after the other, so that they are committed in order. */
  async pump() {
    for (let job, fails = 0; (job = this.queue[0]); ) {
      let wait;
      this.sending = job.fields;
      try {
        const res = await fetch(this.url, {
          method: "POST",
          // A "simple" request of the fetch standard: no preflight.
          body: new URLSearchParams(job.fields),
          headers: {
            Accept: "application/json",
            ...(await this.options.headers?.()),
          },
          keepalive: job.fields.data.length < 6000, // outlives the page
          signal: AbortSignal.timeout?.(20000),
        });
        if (!res.ok) throw await refusal(res);
        const answer = await res.json();
        this.own.add(answer.id);
        job.resolve(answer);
        fails = 0;
      } catch (e) {
        if (passing(e.status)) wait = e.after || backoff(fails++);
        else job.reject(e);
      }
      this.sending = null;
      this.drain();
      if (wait) await sleep(wait, this);
      else this.queue.shift();
    }
  }

  close() {
    if (this.state === "closed") return;
    this.stop();
    this.ended.abort();
    this.turn("closed");
    this.dispatchEvent(new Event("close"));
  }
}

const CLOSE_MS = 3000; // how long close() waits for what was sent before it
const TEXT_ONLY = "pgfeed carries text; encode binary data, as base64 perhaps";
const bytes = (text) => new TextEncoder().encode(text).length;

/* WebSocket's interface. It reconnects by itself and stays OPEN meanwhile. */
export class FeedSocket extends EventTarget {
  constructor(url, protocols = [], options = {}) {
    super();
    const wanted = [protocols].flat();
    const token = /^[!#-'*+.0-9A-Z^-z|~-]+$/;
    let at;
    try {
      at = absolute(url);
    } catch {}
    check(
      at && !at.hash && wanted.every((p) => token.test(p)) &&
        new Set(wanted).size === wanted.length,
      "bad URL or protocols",
      "SyntaxError",
    );
    this.url = at.href.replace(/^http/, "ws");
    this.readyState = 0;
    this.bufferedAmount = 0;
    this.protocol = this.extensions = "";
    this.feed = new Feed(at.href, options);
    const { feed } = this;
    feed.addEventListener("state", ({ state }) => {
      if (this.readyState || !/live|polling/.test(state)) return;
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
    });
    feed.addEventListener("message", ({ topic, kind, id, at, own, data }) => {
      if (this.readyState !== 1) return;
      const init = { data, origin: new URL(this.url).origin, lastEventId: id };
      const event = new MessageEvent("message", init);
      this.dispatchEvent(Object.assign(event, { topic, kind, at, own }));
    });
    feed.addEventListener("error", ({ message }) => this.fail(message));
    feed.addEventListener("gap", (e) => {
      const { reason, oldest } = e;
      const event = new FeedEvent("gap", { reason, oldest });
      if (!this.dispatchEvent(event)) e.preventDefault();
    });
  }

  get binaryType() {
    return "blob";
  }

  set binaryType(type) {
    check(type === "blob", TEXT_ONLY, "NotSupportedError");
  }

  send(data) {
    check(this.readyState, "not connected yet", "InvalidStateError");
    const binary = /(Buffer|\wArray|View|Blob|File)]$/;
    check(!binary.test({}.toString.call(data)), TEXT_ONLY, "NotSupportedError");
    const size = bytes((data = `${data}`));
    this.bufferedAmount += size;
    if (this.readyState > 1) return;
    const { feed } = this;
    this.sent = feed.publish(feed.topics[0], data).then(
      () => (this.bufferedAmount -= size),
      ({ message }) => this.dispatchEvent(new FeedEvent("error", { message })),
    );
  }

  async close(code, reason = "") {
    const known = code === undefined || code === 1000;
    check(known || (code > 2999 && code < 5000), "bad code", "InvalidAccessError");
    check(bytes(reason) < 124, "reason too long", "SyntaxError");
    if (this.readyState > 1) return;
    if (!this.readyState) return this.fail("closed before it was open");
    this.readyState = 2;
    await Promise.race([this.sent, sleep(CLOSE_MS, {})]);
    this.end({ code: code ?? 1005, reason, wasClean: true });
  }

  fail(message) {
    this.dispatchEvent(new FeedEvent("error", { message }));
    this.end({ code: 1006, reason: message, wasClean: false });
  }

  end(init) {
    if (this.readyState > 2) return;
    this.readyState = 3;
    this.feed.close();
    const { CloseEvent: Close } = scope;
    this.dispatchEvent(
      Close ? new Close("close", init) : new FeedEvent("close", init),
    );
  }
}

["CONNECTING", "OPEN", "CLOSING", "CLOSED"].forEach((name, value) => {
  for (const holder of [FeedSocket, FeedSocket.prototype])
    Object.defineProperty(holder, name, { value, enumerable: true });
});
for (const type of ["open", "message", "error", "close", "gap"]) {
  const field = "_" + type;
  Object.defineProperty(FeedSocket.prototype, "on" + type, {
    get() {
      return this[field] ?? null;
    },
    set(fn) {
      this.removeEventListener(type, this[field]);
      this[field] = typeof fn === "function" ? fn : null;
      this.addEventListener(type, this[field]);
    },
    enumerable: true,
  });
}
