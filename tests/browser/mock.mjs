/*
 * mock.mjs - pgfeed's HTTP side in memory, for what a real server cannot do on
 * demand: refuse with a chosen status, forget its history, go silent.
 *
 * Ids are the plain numbers 1, 2, 3...; a cursor is the last id seen. The pages
 * of www are served beside it. knobs are read at every request:
 *
 *   refuse   { status, headers } answered to every subscriber
 *   forbid   a topic whose subscribers are answered 403
 *   topics   the most that a request may have
 *   refusePost  the same for publishers
 *   dropPost, postDelay   so many answers are cut after the commit; milliseconds
 *                         between the commit and the answer
 *   full     subscribers get what they missed and are asked to poll
 *   mute     streams stay open and silent, heartbeats included
 *   heartbeat, retry   seconds, milliseconds
 *   oldest   ids below it are gone
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import http from "node:http";
import path from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};
const matches = (pattern, topic) =>
  pattern === topic ||
  (pattern.endsWith("/*") && topic.startsWith(pattern.slice(0, -1)));

export async function startMock({ port = 0, root, ...given } = {}) {
  const knobs = { heartbeat: 15, retry: 300, oldest: 1, ...given };
  const log = []; // { topic, id, at, kind, data }
  const keys = new Map();
  const open = new Set(); // streams: { res, topics, json, next }
  const seen = []; // every subscription: { topics, cursor, how, headers }
  const mock = { knobs, log, open, seen, refused: 0, forbidden: 0 };
  mock.refusedPosts = 0;
  const waiting = new Set(); // long-polls: a function that answers now

  const publish = (topic, data, kind = null, key = undefined) => {
    if (key && keys.has(key)) {
      const first = keys.get(key);
      return { ...first, duplicate: true, conflict: first.data !== data };
    }
    const id = `${log.length + 1}`;
    const event = { topic, id, at: new Date().toISOString(), kind, data };
    log.push(event);
    if (key) keys.set(key, event);
    open.forEach(flush);
    waiting.forEach((answer) => answer());
    return event;
  };

  const frame = (event, json) => {
    const lines = json
      ? [JSON.stringify(event)]
      : event.data.split(/\r\n|\r|\n/);
    const kind = !json && event.kind ? `event: ${event.kind}\n` : "";
    const data = lines.map((line) => `data: ${line}\n`).join("");
    return `id: ${event.id}\n${kind}${data}\n`;
  };
  const wanted = (topics, from) =>
    log
      .slice(from)
      .filter(({ topic }) => topics.some((p) => matches(p, topic)));
  const flush = (s) => {
    if (knobs.mute) return;
    const text = wanted(s.topics, s.next)
      .map((event) => frame(event, s.json))
      .join("");
    s.next = log.length;
    if (text) s.res.write(text);
  };
  const position = (text, topics) => {
    if (!text || text === "now") return log.length;
    if (text === "earliest") return 0;
    if (!/^-\d+$/.test(text)) return Math.min(+text || 0, log.length);
    const last = wanted(topics, 0).slice(+text);
    return last.length ? last[0].id - 1 : log.length;
  };

  const problem = (res, status, title, headers = {}) => {
    res.writeHead(status, {
      "Content-Type": "application/problem+json",
      ...headers,
    });
    res.end(`${JSON.stringify({ status, title })}\n`);
  };

  const subscribe = (req, res, url) => {
    const query = url.searchParams;
    let topics = query.getAll("topic");
    const below = url.pathname.replace(/^\/events\/?/, "");
    if (below) topics = [decodeURIComponent(below)];
    if (!topics.length) topics = ["events"];
    if (below === "-/status") return status(res);
    if (knobs.refuse) {
      mock.refused++;
      return problem(res, knobs.refuse.status, "refused", knobs.refuse.headers);
    }
    if (topics.includes(knobs.forbid)) {
      mock.forbidden++;
      return problem(res, 403, "not for you");
    }
    if (topics.includes("bad")) return problem(res, 400, "bad topic");
    if (topics.length > knobs.topics) return problem(res, 400, "too many");
    const poll = /application\/json/.test(req.headers.accept);
    const asked = req.headers["last-event-id"] ?? query.get("last_event_id");
    let from = position(asked, topics);
    let gap;
    if (from + 1 < knobs.oldest && asked !== "earliest") {
      from = knobs.oldest - 1;
      gap = { reason: "pruned", oldest: `${knobs.oldest}` };
    }
    from = Math.max(from, knobs.oldest - 1);
    const { headers } = req;
    const how = poll ? "poll" : "stream";
    const token = query.get("access_token");
    seen.push({ topics, cursor: asked, how, headers, token });
    if (poll) return longPoll(res, topics, from, gap, query.get("wait") ?? 25);
    res.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store, no-transform",
      "X-Accel-Buffering": "no",
    });
    const control = (type, data, id) =>
      `${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
    const retry = `retry: ${knobs.full ? 1500 : knobs.retry}\n\n`;
    const json = query.get("format") === "json";
    if (knobs.full) {
      const missed = wanted(topics, from).map((event) => frame(event, json));
      const position = `id: ${log.length}\n\n`;
      const bye = control("pgfeed.bye", { reason: "full" });
      return res.end(`${retry}${missed.join("")}${position}${bye}`);
    }
    const { heartbeat } = knobs;
    res.write(
      retry +
        control("pgfeed.open", { cursor: `${from}`, heartbeat }, from) +
        (gap ? control("pgfeed.gap", gap, from) : ""),
    );
    const s = { res, topics, json, next: from };
    flush(s);
    if (!knobs.mute) res.write(control("pgfeed.live", {}, s.next));
    open.add(s);
    const beat = setInterval(() => {
      flush(s);
      if (!knobs.mute) res.write(`: \nid: ${s.next}\n\n`);
    }, heartbeat * 1000);
    s.bye = (reason = "shutdown") => {
      clearInterval(beat);
      open.delete(s);
      res.end(control("pgfeed.bye", { reason }));
    };
    res.on("close", () => {
      clearInterval(beat);
      open.delete(s);
    });
  };

  /* The fields that status.html draws, as pgfeed-stream tells them. */
  const status = (res) => {
    res.writeHead(200, { "Content-Type": "application/json" });
    res.end(JSON.stringify(knobs.status ?? {}));
  };

  const longPoll = (res, topics, from, gap, wait) => {
    const answer = (late) => {
      const events = wanted(topics, from);
      if (!events.length && !late && !gap) return;
      waiting.delete(answer);
      clearTimeout(timer);
      res.writeHead(200, { "Content-Type": "application/json" });
      res.end(
        JSON.stringify({
          cursor: `${log.length}`,
          events,
          ...(gap && { gap }),
        }),
      );
    };
    const timer = setTimeout(() => answer(true), wait * 1000);
    waiting.add(answer);
    res.on("close", () => waiting.delete(answer));
    answer(wait === "0");
  };

  const receive = async (req, res, url) => {
    let body = "";
    for await (const chunk of req.setEncoding("utf8")) body += chunk;
    if (knobs.refusePost) {
      mock.refusedPosts++;
      const { status, headers } = knobs.refusePost;
      return problem(res, status, "refused", headers);
    }
    const type = (req.headers["content-type"] ?? "").split(";")[0];
    const form = new URLSearchParams(
      type === "application/x-www-form-urlencoded" ? body : "",
    );
    const field = (name) => form.get(`_${name}`) ?? url.searchParams.get(name);
    const topic =
      decodeURIComponent(url.pathname.replace(/^\/events\/?/, "")) ||
      field("topic") ||
      "events";
    const rest = [...form].filter(([name]) => !name.startsWith("_"));
    const lone = rest.length === 1 && form.get("data");
    const data = type.startsWith("application/x-www")
      ? (lone ?? JSON.stringify(Object.fromEntries(rest)))
      : body;
    if (data.length > 65536) return problem(res, 413, "too large");
    const key = field("key") ?? req.headers["idempotency-key"];
    const kind = field("kind");
    mock.lastToken = url.searchParams.get("access_token");
    const event = publish(topic, data, kind, key);
    if (knobs.postDelay)
      await new Promise((done) => setTimeout(done, knobs.postDelay));
    if (knobs.dropPost) {
      knobs.dropPost--;
      return req.socket.destroy();
    }
    if (event.conflict) return problem(res, 422, "key used for another event");
    if (/^text\/html/.test(req.headers.accept)) {
      const next = field("next") ?? req.headers.referer ?? "/";
      res.writeHead(303, { Location: next });
      return res.end();
    }
    const { id, duplicate } = event;
    res.writeHead(duplicate ? 200 : 201, {
      "Content-Type": "application/json",
    });
    res.end(JSON.stringify({ id, topic, ...(duplicate && { duplicate }) }));
  };

  const file = async (res, name) => {
    const full = path.join(
      root,
      name.endsWith("/") ? `${name}index.html` : name,
    );
    const info = await stat(full).catch(() => null);
    if (!info?.isFile()) return problem(res, 404, "not found");
    res.writeHead(200, {
      "Content-Type": TYPES[path.extname(full)] ?? "application/octet-stream",
      "Cache-Control": "no-cache",
    });
    createReadStream(full).pipe(res);
  };

  const server = http.createServer((req, res) => {
    const url = new URL(req.url, "http://mock");
    const events = /^\/events(\/|$)/.test(url.pathname);
    if (!events) return file(res, decodeURIComponent(url.pathname));
    if (req.method === "GET") return subscribe(req, res, url);
    if (req.method === "POST") return receive(req, res, url);
    return problem(res, 405, "wrong method", { Allow: "GET, HEAD, POST" });
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  Object.assign(mock, {
    publish,
    url: `http://127.0.0.1:${server.address().port}`,
    /* Ends every stream without a word, as a killed gateway does. */
    cut: () => open.forEach(({ res }) => res.destroy()),
    bye: (reason) => open.forEach((s) => s.bye(reason)),
    close: () =>
      new Promise((done) => {
        server.close(done);
        server.closeAllConnections();
      }),
  });
  return mock;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [port, root] = process.argv.slice(2);
  const mock = await startMock({ port: +port, root });
  console.log(mock.url);
}
