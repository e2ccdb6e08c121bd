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
 *   web server -> link -> hub -> Feed -> FeedSocket or your page
 *
 * A link is one HTTP connection with its position in the feed, the cursor. The
 * hub owns the links. There is one hub per browser, in a SharedWorker or in the
 * tab that leads, and every Feed of every tab takes a seat there. Publishing is
 * a short POST from the page itself.
 *
 * Always: a cursor moves only together with the events before it, at every
 * stage. Whatever ends (connection, tab, leader, worker), those who are left
 * go on from their own cursor, and nothing is lost or doubled.
 *
 * Why fetch and not EventSource: it shows the status and Retry-After of a
 * refusal, and the heartbeats; a 503 does not end it; and Node has it.
 *
 * State lives in closures because their names become one letter each: this is
 * to stay below 4 kB on the wire. pgfeed-hub.js is loaded by the worker, or by
 * a page that has to do without one.
 */

const BACKOFF_MAX_MS = 30000;
const CLOSE_MS = 3000; // how long close() waits for what was sent before it
const PING_MS = 5000; // a hub that answers none in this time is gone

/* Names workers and locks; another number when the seats' protocol changes. */
const NAME = "pgfeed2";
const scope = globalThis;
const { document } = scope;
const locks = scope.navigator?.locks;

const emit = (target, type, fields) =>
  target.dispatchEvent(
    Object.assign(new Event(type, { cancelable: type === "gap" }), fields),
  );
const check = (good, name, text) => {
  if (!good) throw new DOMException(text, name);
};
/* A pause, and the way to cut it short. */
const sleeper = () => {
  let wake;
  const sleep = (ms) => new Promise((done) => setTimeout((wake = done), ms));
  return [sleep, () => wake?.()];
};
/* The delay before attempt n, spread so that a crowd does not come at once. */
const backoff = (n) =>
  Math.min(BACKOFF_MAX_MS, 1000 * 2 ** n) * (1 - Math.random() / 2);
const random = () =>
  (
    scope.crypto?.getRandomValues(new Uint32Array(4)) ??
    [1, 2, 3, 4].map(Math.random)
  ).join("-");
const matches = (pattern, topic) =>
  pattern === topic ||
  (pattern.endsWith("/*") && topic.startsWith(pattern.slice(0, -1)));

/*
 * Makes an error. A 204 and most of 4xx are refusals, which time alone does not
 * heal. Status 0 means that the page's own token() or headers() threw.
 */
const failure = (message, status, after) =>
  Object.assign(Error(message), {
    status,
    after,
    refusal: /204|4(?!08|25|29)../.test(status),
  });
/* Fetches as the user that options name; throws what the server said. */
const request = async (url, init, options, type = "application/json") => {
  const { headers, token } = options ?? {};
  const at = new URL(url);
  let more;
  try {
    if (token)
      at.searchParams.set("access_token", await (token.call ? token() : token));
    more = await headers?.();
  } catch (e) {
    throw failure(e?.message ?? e, 0);
  }
  const res = await fetch(at, {
    ...init,
    cache: "no-store",
    headers: { Accept: type, ...more },
  });
  const { ok, status } = res;
  if (ok && res.headers.get("Content-Type")?.startsWith(type)) return res;
  const { detail, title } = await res.json().catch(() => ({}));
  throw failure(
    detail ?? title ?? `HTTP status ${status}`,
    status,
    1000 * res.headers.get("Retry-After"),
  );
};

const hubModule = () => import("./pgfeed-hub.js");

/*
 * seat - a Feed's place in a hub: the worker's, the leading tab's, or one of
 * its own. take(items) gets what comes for it, and take() says that it starts
 * over from cursor().
 *
 * Why pings and not a Web Lock per seat: Firefox never puts a page that holds
 * or awaits a lock into its back/forward cache.
 */
const takeSeat = (url, topics, options, cursor, take) => {
  const { share = document, headers, token, identity } = options;
  const name = NAME + url + identity;
  let id, post, running, heard;

  const receive = ({ data: { to, items, cursor, hello } }) => {
    heard = 1;
    if (hello) join(); // this hub does not know the seat
    if (to?.includes(id)) take([...items, { cursor }]);
  };
  const leave = () => {
    if (id) post({ leave: id });
    id = 0;
  };
  /* Under a fresh name each time: answers to an older one are not for us. */
  const join = () => {
    leave();
    take();
    post({ join: (id = random()), topics, since: cursor() });
  };
  const stop = () => {
    leave();
    running?.abort();
  };
  const start = async (alone) => {
    stop();
    running = new AbortController();
    const { signal } = running;
    const ended = (fn) => signal.addEventListener("abort", fn);
    const shared = share && !headers && !token;
    if (shared && scope.SharedWorker && !alone) {
      try {
        // As bundlers want it: all that they read is literal.
        const it = new SharedWorker(
          new URL("./pgfeed-hub.js", import.meta.url),
          { name: "pgfeed2", type: "module" },
        );
        it.onerror = () => signal.aborted || start(1);
        it.port.onmessage = receive;
        post = (message) => it.port.postMessage({ url, identity, ...message });
      } catch {
        return start(1);
      }
    } else {
      const { openHub } = await hubModule();
      if (signal.aborted) return;
      if (shared && locks && scope.BroadcastChannel) {
        const open = (onmessage) => {
          const channel = new BroadcastChannel(name);
          channel.onmessage = onmessage;
          ended(() => channel.close());
          return (message) => channel.postMessage(message);
        };
        // Whoever holds the lock leads; the others wait for it.
        const lead = () =>
          new Promise((done) => {
            const hub = openHub(url, options);
            const reply = open(({ data }) => hub(data, reply));
            reply({ hello: 1 });
            ended(() => done(hub({ end: 1 })));
          });
        post = open(receive);
        locks.request(name, { signal }, lead).catch(() => {});
      } else {
        const hub = openHub(url, options);
        const reply = (data) => queueMicrotask(() => receive({ data }));
        post = (message) => hub(message, reply);
      }
    }
    join();
    heard = 1;
    const clock = setInterval(() => {
      if (!heard) return start();
      heard = 0;
      post({ ping: id });
    }, PING_MS);
    ended(() => clearInterval(clock));
  };
  return {
    start: () => start(),
    stop,
    kick: (kick) => post?.({ kick }),
    /* There are more topics than before. */
    extend: () => id && post({ join: id, topics }),
  };
};

/* What happens at a gap when nobody calls preventDefault(). */
const alarm = ({ reason }) => {
  const text = "Some events are missing here. ";
  console.error("pgfeed:", text, reason);
  if (!document) return;
  const box = document.createElement("div");
  const button = document.createElement("button");
  box.role = "alert";
  box.style.cssText =
    "position:fixed;inset:0 0 auto;z-index:9999;padding:1em;background:#b00020;color:#fff";
  button.textContent = "Reload";
  button.onclick = () => location.reload();
  box.append(text, button);
  document.documentElement.append(box);
};

const absolute = (url) => {
  const at = new URL(url, document?.baseURI ?? scope.location?.href);
  at.protocol = at.protocol.replace("ws", "http");
  check(/^http/.test(at.protocol), "SyntaxError", "not an http or ws URL");
  return at;
};

/*
 * Feed - the events of some topics. Dispatches "message" (topic, id, at, kind,
 * data, own, json()), "state" (state), "gap" (reason, oldest), "error"
 * (message, status, final: refused, perhaps for good) and "close".
 */
export class Feed extends EventTarget {
  constructor(url = "/events", options = {}) {
    super();
    const { persist, queue: limit = 1000, echo = 1, listen = 1 } = options;
    const at = absolute(url);
    const [, base, below] = /^(.*\/events)\/(.+)$/.exec(at.pathname) ?? [];
    if (base) at.pathname = base;
    const topics = [
      ...(base ? [decodeURIComponent(below)] : []),
      ...at.searchParams.getAll("topic"),
      ...(options.topics ?? []),
    ];
    at.searchParams.delete("topic");
    at.hash = "";
    const { href } = at;
    const store = persist && scope.sessionStorage;
    const key = NAME + persist;
    const ended = new AbortController();
    const { signal } = ended;
    const [sleep, wake] = sleeper();
    const jobs = []; // publishes in order; the first is on its way
    const own = new Set(); // ids of events that came from here
    let inbox, sending;

    this.url = href;
    this.topics = topics;
    this.state = "connecting";
    this.cursor = options.since ?? store?.getItem(key) ?? undefined;

    const wanted = (topic) => topics.some((pattern) => matches(pattern, topic));
    const turn = (state) => {
      if (state === this.state) return;
      this.state = state;
      emit(this, "state", { state });
    };
    const fault = ({ message, status, final = false }) => {
      emit(this, "error", { message, status, final });
      if (final) this.close();
    };
    const take = ({ cursor, state, gap, error, ...event }) => {
      const { topic, id, data } = event;
      if (cursor) {
        this.cursor = cursor;
        store?.setItem(key, cursor);
      }
      if (state) turn(state);
      if (gap && emit(this, "gap", gap)) alarm(gap);
      if (error) fault(error);
      if (!topic || !wanted(topic)) return;
      event.own = own.delete(id);
      event.json = () => JSON.parse(data);
      if (!event.own || echo) emit(this, "message", event);
    };
    const drain = () => {
      for (let item; (item = inbox?.[0]);) {
        const { id, topic, data } = item;
        // Perhaps the one that is just being sent: its answer tells.
        const same = topic && topic === sending?.topic && data === sending.data;
        if (same && !own.has(id)) return;
        inbox.shift();
        take(item);
      }
    };
    /* One after the other, so that they are committed in order. */
    const pump = async () => {
      for (let fails = 0, wait; jobs.length;) {
        const [data, fields, resolve, reject] = jobs[0];
        const to = `${href}${at.search ? "&" : "?"}${new URLSearchParams(fields)}`;
        sending = { data, ...fields };
        try {
          const init = {
            method: "POST",
            body: data, // plain text needs no preflight
            keepalive: data.length < 6000, // outlives the page
            signal: AbortSignal.timeout?.(20000),
          };
          const answer = await (await request(to, init, options)).json();
          if (listen && wanted(answer.topic)) own.add(answer.id);
          resolve(answer);
          wait = fails = 0;
        } catch (e) {
          if (e.status === 0) fault(e);
          if (fails > 1) e = await (await hubModule()).explain(href, e);
          wait = !e.refusal && (e.after || backoff(fails++));
          if (!wait) reject(e);
        }
        sending = null;
        drain();
        if (wait) await sleep(wait);
        else jobs.shift();
      }
    };
    /* Resolves with { id, topic } once the event is committed. */
    this.publish = async (topic, data, { kind, key = random() } = {}) => {
      check(jobs.length < limit, "QuotaExceededError", "the queue is full");
      if (typeof data !== "string") data = JSON.stringify(data);
      const fields = { topic, key, ...(kind && { kind }) };
      return new Promise((...way) => {
        if (jobs.push([data, fields, ...way]) < 2) pump();
      });
    };

    const seat = takeSeat(
      href,
      topics,
      options,
      () => this.cursor,
      (items) => {
        if (items) inbox.push(...items);
        else inbox = [];
        drain();
      },
    );
    /* Calls fn(event) for a topic, or "a/*", and a kind, or every kind. */
    this.on = (topic, kind, fn) => {
      if (!fn) return this.on(topic, "*", kind);
      const hear = (e) => {
        if (matches(topic, e.topic) && (kind === "*" || kind === e.kind)) fn(e);
      };
      this.addEventListener("message", hear);
      if (!topics.includes(topic)) {
        topics.push(topic);
        seat.extend();
      }
      return () => this.removeEventListener("message", hear);
    };
    this.close = () => {
      if (signal.aborted) return;
      seat.stop();
      ended.abort();
      turn("closed");
      emit(this, "close");
    };

    const kick = (why) => {
      seat.kick(why);
      wake();
    };
    const heed = (target, type, fn) =>
      target?.addEventListener?.(type, fn, { signal });
    heed(scope, "pagehide", seat.stop);
    heed(scope, "pageshow", (e) => e.persisted && listen && seat.start());
    heed(scope, "online", () => kick("online"));
    heed(document, "visibilitychange", () => document.hidden || kick("seen"));
    // What on() asks for in this turn is part of the first request.
    queueMicrotask(() => {
      if (signal.aborted || !listen) return;
      if (!topics.length) topics.push("events");
      seat.start();
    });
  }

  async *[Symbol.asyncIterator]() {
    const events = [];
    let wake;
    const hear = (e) => {
      events.push(e);
      wake?.();
    };
    this.addEventListener("message", hear);
    this.addEventListener("close", hear);
    try {
      while (this.state !== "closed" || events.length) {
        if (!events.length) await new Promise((done) => (wake = done));
        const event = events.shift();
        if (event.type === "close") return;
        yield event;
      }
    } finally {
      this.removeEventListener("message", hear);
      this.removeEventListener("close", hear);
    }
  }
}

const TEXT_ONLY = "text only: encode binary data as base64";
const bytes = (text) => new TextEncoder().encode(text).length;

/* WebSocket's interface. It reconnects by itself and stays OPEN meanwhile. */
export class FeedSocket extends EventTarget {
  constructor(url, protocols = [], options) {
    super();
    const names = [protocols].flat();
    const token = /^[!#-'*+.0-9A-Z^-z|~-]+$/;
    let at;
    try {
      at = absolute(url);
    } catch {}
    check(
      at &&
        !at.href.includes("#") &&
        new Set(names).size === names.length &&
        names.every((name) => token.test(name)),
      "SyntaxError",
      "bad URL or protocols",
    );
    const now = (this.now = {
      url: at.href.replace("http", "ws"),
      readyState: 0,
      bufferedAmount: 0,
      protocol: "",
      extensions: "",
    });
    const feed = (this.feed = new Feed(at.href, options));
    const on = (type, fn) => feed.addEventListener(type, fn);
    on("state", ({ state }) => {
      if (now.readyState || !/live|poll/.test(state)) return;
      now.readyState = 1;
      emit(this, "open");
    });
    on("message", ({ topic, kind, id, at, own, data }) => {
      if (now.readyState !== 1) return;
      const { origin } = new URL(now.url);
      const event = new MessageEvent("message", {
        data,
        origin,
        lastEventId: id,
      });
      this.dispatchEvent(Object.assign(event, { topic, kind, at, own }));
    });
    on(
      "gap",
      (e) => emit(this, "gap", { reason: e.reason }) || e.preventDefault(),
    );
    on("error", ({ message }) => this.#fail(message));
  }

  get binaryType() {
    return "blob";
  }

  set binaryType(type) {
    check(type !== "arraybuffer", "NotSupportedError", TEXT_ONLY);
  }

  send(data) {
    const { feed, now } = this;
    check(now.readyState, "InvalidStateError", "still connecting");
    const binary = /(Buffer|\wArray|View|Blob|File)]$/;
    check(!binary.test({}.toString.call(data)), "NotSupportedError", TEXT_ONLY);
    const size = bytes((data = `${data}`));
    now.bufferedAmount += size;
    if (now.readyState > 1) return;
    this.sent = feed.publish(feed.topics[0], data).then(
      () => (now.bufferedAmount -= size),
      ({ message }) => emit(this, "error", { message }),
    );
  }

  close(code, reason = "") {
    check(
      code === undefined || code === 1000 || (code > 2999 && code < 5000),
      "InvalidAccessError",
      "code is not 1000 or 3000-4999",
    );
    check(bytes(reason) < 124, "SyntaxError", "reason is too long");
    const { now } = this;
    if (now.readyState > 1) return;
    const sent = [this.sent, sleeper()[0](CLOSE_MS)];
    if (now.readyState)
      Promise.race(sent).then(() => this.#end(code ?? 1005, reason, true));
    else queueMicrotask(() => this.#fail("closed before it was open"));
    now.readyState = 2;
  }

  #fail(message) {
    this.#end(1006, message, false);
  }

  #end(code, reason, wasClean) {
    const { now } = this;
    if (now.readyState > 2) return;
    now.readyState = 3;
    this.feed.close();
    if (!wasClean) emit(this, "error", { message: reason });
    const init = { code, reason, wasClean };
    const { CloseEvent } = scope;
    if (CloseEvent) this.dispatchEvent(new CloseEvent("close", init));
    else emit(this, "close", init);
  }
}

["CONNECTING", "OPEN", "CLOSING", "CLOSED"].forEach((name, value) => {
  for (const holder of [FeedSocket, FeedSocket.prototype])
    Object.defineProperty(holder, name, { value, enumerable: true });
});
for (const name of "url readyState bufferedAmount protocol extensions".split(
  " ",
))
  Object.defineProperty(FeedSocket.prototype, name, {
    get() {
      return this.now[name];
    },
    configurable: true,
    enumerable: true,
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

export { NAME, backoff, failure, request, sleeper }; // for pgfeed-hub.js
