/*
 * doctor.js - the browser's half of pgfeed doctor: looks at one stream after
 * the other with fetch, and says what it found and what to do about it.
 */
const base = new URL("events", document.baseURI);
let heartbeat_s = 15; // the gateway tells
const $ = (id) => document.getElementById(id);
const now = () => performance.now();
const ms = (n) => `${Math.round(n)} ms`;

const FIRST_MS = 8000; // when an answer has not begun by then, it never will

/* Opens a stream; next(test, limit) resolves with { hit, at } or rejects. */
async function listen(query, control) {
  const began = now();
  const url = new URL(base);
  url.search = query;
  const silence = new Promise((_, failed) =>
    setTimeout(
      () => failed(Error(`nothing came within ${FIRST_MS / 1000} s`)),
      FIRST_MS,
    ),
  );
  const answer = fetch(url, {
    headers: { Accept: "text/event-stream" },
    cache: "no-store",
    signal: control.signal,
  });
  const res = await Promise.race([answer, silence]);
  const reader = res.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let ended = false;
  const chunks = [];
  const waiters = new Set();
  (async () => {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += value;
        chunks.push({ at: now(), size: value.length });
        waiters.forEach((look) => look());
      }
    } catch {
      // Whoever waits sees that it has ended.
    }
    ended = now();
    waiters.forEach((look) => look());
  })();
  const next = (test, limit) =>
    new Promise((done, failed) => {
      const look = () => {
        const hit = test(text);
        if (hit || ended) {
          waiters.delete(look);
          clearTimeout(timer);
        }
        if (hit) done({ hit, at: now() });
        else if (ended) failed(Error("the stream ended"));
      };
      const timer = setTimeout(() => {
        waiters.delete(look);
        failed(Error(`nothing came within ${limit / 1000} s`));
      }, limit);
      waiters.add(look);
      look();
    });
  return { res, began, next, chunks, ended: () => ended };
}

async function publish(data) {
  const url = new URL(base);
  url.search = "topic=doctor";
  const res = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: data,
  });
  const answer = await res.json().catch(() => ({}));
  if (!res.ok)
    throw Object.assign(
      Error(answer.detail ?? answer.title ?? `the answer was ${res.status}`),
      { status: res.status },
    );
  return answer;
}

function finding(verdict, title, text) {
  const item = document.createElement("li");
  item.dataset.verdict = verdict;
  const head = document.createElement("b");
  head.textContent = `${{ good: "Good", warn: "Look at this", bad: "Bad" }[verdict]}: ${title}`;
  const body = document.createElement("p");
  body.textContent = text;
  item.append(head, body);
  $("findings").append(item);
}

/* How the page itself came tells which HTTP the browser speaks here. */
function protocol() {
  const [entry] = performance.getEntriesByType("navigation");
  const name = entry?.nextHopProtocol ?? "";
  if (name === "h2")
    finding(
      "good",
      "HTTP/2",
      "Streams share one connection. lighttpd serves 8 at a time on it and Apache starts with 6, so keep to one stream per browser, as pgfeed.js does.",
    );
  else if (name === "h3")
    finding("good", "HTTP/3", "Streams share one connection.");
  else
    finding(
      "warn",
      name || "unknown protocol",
      "Over HTTP/1.1 a browser opens at most 6 connections to a host, and a stream keeps one. pgfeed.js shares one among all tabs; plain EventSource does not.",
    );
}

const held = (e) =>
  finding(
    "bad",
    `no first record: ${e.message}`,
    "Something between here and pgfeed buffers answers. Apache: flushpackets=on in the Proxy section. lighttpd: server.stream-response-body = 2. nginx: fastcgi_buffering off, or let X-Accel-Buffering pass. pgfeed.js goes on by long-poll meanwhile.",
  );

async function firstByte(control) {
  const stream = await listen("topic=doctor", control).catch(held);
  if (!stream) return undefined;
  const { res, began } = stream;
  const type = res.headers.get("Content-Type") ?? "nothing";
  if (res.status !== 200 || !type.startsWith("text/event-stream")) {
    finding(
      "bad",
      `no stream: ${res.status}, ${type}`,
      "GET of this address has to reach pgfeed-stream. 502 or 503: it is not running, or the web server may not open its socket. 404 or a page: the address is not mapped to it; see conf/.",
    );
    return undefined;
  }
  try {
    const { hit, at } = await stream.next(
      (t) => /pgfeed\.open\ndata: ?(.*)\n\n/.exec(t),
      FIRST_MS,
    );
    heartbeat_s = JSON.parse(hit[1]).heartbeat;
    const took = at - began;
    finding(
      took < 1000 ? "good" : "warn",
      `the first record after ${ms(took)}`,
      took < 1000
        ? "Nothing holds a new stream back."
        : "Slow for a first record; is the gateway or the way to it busy?",
    );
  } catch (e) {
    return held(e);
  }
  const encoding = res.headers.get("Content-Encoding");
  if (encoding)
    finding(
      "warn",
      `compressed: ${encoding}`,
      "A compressor gathers before it sends, and costs memory per stream. Apache: SetEnv no-gzip 1 for this address; lighttpd: leave text/event-stream out of deflate.mimetypes.",
    );
  else
    finding(
      "good",
      "not compressed",
      "Events are not gathered by a compressor.",
    );
  if (!/no-transform/.test(res.headers.get("Cache-Control") ?? ""))
    finding(
      "warn",
      "Cache-Control lost",
      "pgfeed sends no-store, no-transform; something on the way took it off.",
    );
  return stream;
}

async function ready(stream) {
  try {
    await stream.next((t) => t.includes("pgfeed.live"), 5000);
    finding(
      "good",
      "PostgreSQL is listened to",
      "The gateway has its connection, and LISTEN is on.",
    );
  } catch {
    finding(
      "bad",
      "not live",
      "The gateway runs but does not follow the database. Its log and pgfeed doctor on the server tell why.",
    );
  }
}

/* Whether events can be published from here. */
async function publishing() {
  try {
    await publish("doctor-first");
    return true;
  } catch (e) {
    const foreign = e.status === 403 && /origin/.test(e.message);
    finding(
      "bad",
      `publishing is refused: ${e.message}`,
      foreign
        ? `The gateway does not take this page's origin for its own, as when a proxy sends another Host. The option origins has to list ${location.origin}. The same is true for every other site whose pages publish here: browsers hide that refusal from them, and publish() names it after three tries.`
        : "The rights of this user and topic doctor are in pgfeed.access; the log of pgfeed-post tells the rest.",
    );
    return false;
  }
}

async function events(stream) {
  const taken = [];
  const posts = [];
  for (let i = 0; i < 5; i++) {
    const mark = `doctor-${Math.random().toString(36).slice(2)}`;
    const began = now();
    await publish(mark);
    posts.push(now() - began);
    const { at } = await stream.next((t) => t.includes(mark), 10000);
    taken.push(at - began);
  }
  const worst = Math.max(...taken);
  finding(
    worst < 200 ? "good" : worst < 1500 ? "warn" : "bad",
    `events take ${taken.map(ms).join(", ")} from here to here`,
    worst < 200
      ? "Publishing, committing and delivering, there and back."
      : worst < 1500
        ? "About a second means that the doorbell does not ring and the gateway finds events by its fallback: is there a transaction pooler between it and PostgreSQL?"
        : "Small events are held back until more come: see buffering, above.",
  );
  finding(
    "good",
    `publishing answers within ${ms(Math.max(...posts))}`,
    "The answer comes after the commit.",
  );
}

async function resume(control) {
  const { id } = await publish("doctor-before");
  const mark = `doctor-${Math.random().toString(36).slice(2)}`;
  await publish(mark);
  const query = `topic=doctor&last_event_id=${encodeURIComponent(id)}`;
  const stream = await listen(query, control);
  try {
    await stream.next((t) => t.includes(mark), 5000);
    finding(
      "good",
      "a stream resumes where it was left",
      "Nothing is lost while a browser is away.",
    );
  } catch (e) {
    finding(
      "bad",
      `no resume: ${e.message}`,
      "Events of the past did not come. Does the stream's role read pgfeed.event?",
    );
  }
}

async function longPoll() {
  const url = new URL(base);
  url.search = "topic=doctor&last_event_id=-1&wait=0";
  const res = await fetch(url, {
    headers: { Accept: "application/json" },
    cache: "no-store",
  });
  const answer = await res.json().catch(() => null);
  if (answer?.cursor !== undefined)
    finding(
      "good",
      "long-poll works",
      "pgfeed.js has a way out where streams are held back.",
    );
  else
    finding(
      "bad",
      `no long-poll: ${res.status}`,
      "The way out for proxies that hold streams back is closed.",
    );
}

/*
 * A service worker that answers for streams holds them. Chromium and Firefox
 * count no byte from the network for what a worker answers; WebKit counts all.
 */
function worker() {
  const { controller } = navigator.serviceWorker ?? {};
  if (!controller) return;
  const entry = performance
    .getEntriesByType("resource")
    .findLast(({ name }) => name.startsWith(base.href));
  const cure = `Let its fetch handler return before respondWith() when the path begins with ${base.pathname}.`;
  if (entry && !entry.transferSize)
    finding(
      "warn",
      "a service worker answers for /events",
      `${controller.scriptURL} passes streams on. Then Firefox keeps the streams of pages that were left, and a stream that breaks is the end of an EventSource in Chromium. ${cure}`,
    );
  else if (/Apple/.test(navigator.vendor))
    finding(
      "warn",
      "a service worker is here",
      `This browser does not show whether ${controller.scriptURL} answers for /events. ${cure}`,
    );
  else
    finding(
      "good",
      "a service worker lets /events pass",
      "Streams are between the page and the web server.",
    );
}

/* Watches a quiet stream: heartbeats, and whether somebody cuts it. */
async function watch(control, seconds) {
  const stream = await listen("topic=doctor-quiet&hb=event", control);
  const began = now();
  while (now() - began < seconds * 1000 && !stream.ended()) {
    $("said").textContent =
      `Watching a quiet stream: ${Math.round((now() - began) / 1000)} of ${seconds} s`;
    await new Promise((done) => setTimeout(done, 1000));
  }
  const gaps = stream.chunks
    .slice(1)
    .map(({ at }, i) => at - stream.chunks[i].at);
  const widest = Math.max(...gaps, 0) / 1000;
  if (stream.ended() && !control.signal.aborted)
    finding(
      "warn",
      `cut after ${Math.round((stream.ended() - began) / 1000)} s`,
      "Near 10 minutes it is pgfeed's own max_age. Earlier: 40 s is mod_fcgid's FcgidIOTimeout, 60 s nginx's and Apache's idle time, 300 s FcgidBusyTimeout or Debian's Apache Timeout. Streams come back by themselves, but raise it or shorten heartbeat.",
    );
  else
    finding(
      "good",
      `still open after ${seconds} s`,
      "Nobody cuts quiet streams in that time.",
    );
  if (gaps.length === 0)
    finding(
      "bad",
      "no heartbeat",
      "A quiet stream has to show life; without it dead connections go unnoticed.",
    );
  else if (widest > 2.5 * heartbeat_s)
    finding(
      "warn",
      `heartbeats ${Math.round(widest)} s apart`,
      "Something gathers them. Small events are gathered too, then.",
    );
  else
    finding(
      "good",
      `heartbeats at most ${Math.round(widest)} s apart`,
      "Dead connections are noticed.",
    );
}

async function examine(long_s) {
  const control = new AbortController();
  $("findings").replaceChildren();
  for (const button of [$("start"), $("long")]) button.disabled = true;
  $("said").textContent = "Examining";
  try {
    protocol();
    const stream = await firstByte(control);
    await longPoll();
    worker();
    if (stream) {
      await ready(stream);
      if (await publishing()) {
        await events(stream);
        await resume(control);
      }
      await watch(control, long_s ?? Math.ceil(2 * heartbeat_s + 2));
    }
  } catch (e) {
    finding("bad", "the examination stopped", e.message);
  }
  control.abort();
  const count = (verdict) =>
    $("findings").querySelectorAll(`[data-verdict="${verdict}"]`).length;
  $("said").textContent =
    `Done: ${count("good")} good, ${count("warn")} to look at, ${count("bad")} bad`;
  for (const button of [$("start"), $("long")]) button.disabled = false;
}

$("run").addEventListener("submit", (e) => {
  e.preventDefault();
  examine();
});
$("long").addEventListener("click", () => examine(370));
