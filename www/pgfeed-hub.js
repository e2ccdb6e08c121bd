/*
 * pgfeed-hub.js - the connections of a whole browser.
 *
 * This is the SharedWorker's script. Where there is no SharedWorker, the tab
 * that leads imports it, or each tab for itself. It knows nothing of pages: a
 * seat (pgfeed.js) joins with its topics and its cursor, and gets what follows.
 *
 *   web server -> link -> hub -> seats
 *
 * Always: a link's cursor moves only together with the events before it, in
 * one message, so that whoever processed the message may go on from there.
 */
import { NAME, backoff, failure, request, sleeper } from "./pgfeed.js";

const HANDSHAKE_MS = 3000; // no pgfeed.open by then: something buffers
const POLL_S = 25; // how long one long-poll may wait
const PROBE_MS = 10000; // then streaming is tried again, then after twice that
const PROBE_MAX_MS = 300000;
const REFUSED_MS = 60000; // how often to ask again who may not, by 401 or 403
const QUIET_MS = 5000; // much longer than one gateway may be behind another

const scope = globalThis;
const locks = scope.navigator?.locks;

/*
 * link - one connection that goes on, by streaming or else by long-poll.
 *
 * hub gives it: url(link), options, deliver(link, items) and refused(link, e).
 * greeted is given to a probe: it only finds out whether streaming works.
 */
const openLink = (hub, cursor, greeted) => {
  const [sleep, wake] = sleeper();
  const link = { cursor, seats: new Set(), state: "connecting" };
  let control, why, error, opened, polling, closed, retry, seen, limit;
  let probeMs, probeAt;
  let fails = 0;
  let silences = 0;

  link.interrupt = (reason) => {
    why = reason;
    control?.abort();
    wake();
  };
  link.close = () => {
    closed = true;
    clearInterval(clock);
    link.interrupt();
  };

  const deliver = (items, position) => {
    if (closed || greeted) return;
    link.cursor = position;
    hub.deliver(link, items);
  };
  const tell = (state) => {
    link.state = state;
    deliver([{ state }], link.cursor);
  };
  const ask = (type, ms, wait) => {
    seen = Date.now();
    limit = ms;
    const { signal } = control;
    return request(hub.url(link, wait), { signal }, hub.options, type);
  };

  const take = (type, data, items) => {
    if (!type) items.push(data);
    if (type === "pgfeed.gap") items.push({ gap: data });
    if (type === "pgfeed.live") items.push({ state: (link.state = "live") });
    if (type === "pgfeed.bye") {
      opened = true; // and come back after retry,
      // or at once, as these ends are spread already,
      if (/age|expired/.test(data.reason)) why = "again";
      // or much later.
      if (/forb|revoked/.test(data.reason)) error = failure(data.reason, 403);
    }
    if (type === "pgfeed.open") {
      opened = true;
      limit = 2500 * data.heartbeat;
      greeted?.();
    }
  };

  /* HTML standard, 9.2.6 "Interpreting an event stream". */
  const stream = async () => {
    const res = await ask("text/event-stream", HANDSHAKE_MS);
    const reader = res.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    let block = {};
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (opened) silences = 0;
      seen = Date.now();
      // A CR at the very end may be half of a CRLF: it stays in the rest.
      rest += decoder.decode(value, { stream: true });
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      const items = [];
      let position = link.cursor;
      for (const line of lines) {
        const [, name, text] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (name === "retry") retry = +text;
        else if (name === "data" && block.data) block.data += `\n${text}`;
        else block[name] = text;
        if (!line) {
          position = block.id ?? position;
          if (block.data) {
            const data = JSON.parse(block.data);
            if (block.event) position = data.cursor ?? position;
            take(block.event, data, items);
          }
          block = {};
        }
      }
      deliver(items, position);
    }
  };

  const poll = async () => {
    if (Date.now() > probeAt) {
      probeMs = Math.min(2 * probeMs, PROBE_MAX_MS);
      probeAt = Date.now() + probeMs;
      const probe = openLink(hub, link.cursor, () => {
        polling = false;
        link.interrupt("again");
        probe.close();
      });
    }
    // The first answer has to come at once: it brings the cursor, and the news
    // that polling works.
    const wait = link.state === "polling" ? POLL_S : 0;
    const res = await ask(undefined, 1000 * POLL_S + 10000, wait);
    const { cursor, events, gap } = await res.json();
    const idle = cursor === link.cursor && Date.now() - seen < 1000;
    const state = (link.state = "polling");
    fails = 0;
    deliver([{ state }, ...(gap ? [{ gap }] : []), ...events], cursor);
    if (idle) await sleep(1000);
  };

  const run = async () => {
    await null; // whoever joins in the same turn has joined
    while (!closed) {
      control = new AbortController();
      why = error = opened = undefined;
      try {
        await (polling ? poll() : stream());
      } catch (e) {
        error = e;
      }
      limit = Infinity;
      if (closed || why === "again" || (polling && !error)) continue;
      if (greeted) return link.close();
      // Never greeted, or greeted and muted twice: something holds it back.
      if (why === "silent" && !polling && (!opened || ++silences > 1)) {
        polling = true;
        silences = 0;
        probeMs = PROBE_MS;
        probeAt = Date.now() + probeMs;
        continue;
      }
      if (error?.refusal) {
        error.after = REFUSED_MS;
        hub.refused(link, error);
        if (closed) continue;
      }
      tell("waiting");
      if (opened) fails = 0;
      const told = error?.after || (opened && retry);
      await sleep(told ? told * (1 + Math.random() / 4) : backoff(fails++));
      tell("connecting");
    }
  };

  // By the wall clock, so that a sleep of the machine counts as silence.
  const clock = setInterval(() => {
    if (Date.now() - seen > limit) link.interrupt("silent");
  }, 500);
  run();
  return link;
};

/*
 * hub - nearly always one link. A seat that asks for another position gets a
 * link of its own until both stand at the same cursor; then the two become one.
 * Equal text means an equal position, so the change is exact. Where other topics
 * move the position all the time, it may never be equal while these topics are
 * quiet; but after some seconds without an event both have had the same ones.
 *
 * Returned is the function for the seats' messages: { join, topics, since },
 * { leave }, { kick } and { end }.
 */
export const openHub = (base, options) => {
  const seats = new Map(); // id -> { topics, reply }
  const links = new Set();

  /* All links ask for everything, so that they can be joined, unless alone. */
  const topicsOf = (link) => {
    const all = link.alone ? [link] : [...links].filter((l) => !l.alone);
    const ids = all.flatMap((l) => [...l.seats]);
    return [...new Set(ids.flatMap((id) => seats.get(id).topics))];
  };
  const lacks = (link) =>
    topicsOf(link).some((topic) => link.topics?.includes(topic) === false);
  const renew = () => {
    for (const link of links)
      if (lacks(link) && link.state !== "waiting") link.interrupt("again");
  };
  const url = (link, wait) => {
    const at = new URL(base);
    const query = at.searchParams;
    link.topics = topicsOf(link);
    link.topics.forEach((topic) => query.append("topic", topic));
    query.set("format", "json");
    if (link.cursor) query.set("last_event_id", link.cursor);
    if (wait >= 0) query.set("wait", wait);
    return at;
  };
  /* One message per way of reply: a broadcast reaches all seats at once. */
  const send = (ids, items, cursor) => {
    const ways = new Map();
    for (const id of ids) {
      const { reply } = seats.get(id);
      ways.set(reply, [...(ways.get(reply) ?? []), id]);
    }
    ways.forEach((to, reply) => reply({ to, items, cursor }));
  };
  const drop = (link) => {
    links.delete(link);
    link.close();
  };
  const move = (from, to) => {
    from.seats.forEach((id) => to.seats.add(id));
    send(from.seats, [{ state: to.state }], to.cursor);
    drop(from);
  };
  const deliver = (link, items) => {
    const now = Date.now();
    send(link.seats, items, link.cursor);
    if (items.length) link.busy = now;
    if (/live|poll/.test(link.state)) link.begun = true;
    if (link.alone === "asked" && link.state === "live") {
      link.alone = false;
      renew();
    }
    for (const other of links) {
      if (other === link || other.alone || link.alone) continue;
      if (lacks(other) || lacks(link)) continue;
      const quiet = (l) => l.state === "live" && now - l.busy > QUIET_MS;
      const both = quiet(link) && quiet(other);
      if (other.cursor !== link.cursor && !both) continue;
      if (link.state !== "live") return move(link, other);
      move(other, link);
    }
  };
  /* One seat's bad topic must not be the end of the others. */
  const refused = (link, { message, status }) => {
    const final = !/40[13]/.test(status);
    const many = link.seats.size > 1;
    if (many || final) drop(link);
    if (many)
      link.seats.forEach((id) => (add(id, link.cursor).alone = "asked"));
    else send(link.seats, [{ error: { message, status, final } }]);
    link.alone = "refused";
  };
  const add = (id, cursor) => {
    const link = openLink({ url, options, deliver, refused }, cursor);
    link.seats.add(id);
    links.add(link);
    return link;
  };
  const leave = (id) => {
    seats.delete(id);
    for (const link of links)
      if (link.seats.delete(id) && !link.seats.size) drop(link);
  };
  const join = (id, topics, since, reply) => {
    const known = seats.has(id);
    seats.set(id, { topics, reply });
    if (!known) {
      // Not one that is still in the past, if this is to begin now.
      const fits = (l) =>
        !l.alone && (since ? l.cursor === since : l.begun || !l.cursor);
      const link = [...links].find(fits) ?? add(id, since);
      link.seats.add(id);
      send([id], [{ state: link.state }], link.cursor);
      // The lock is free when the tab is gone, however it went.
      locks?.request(NAME + id, () => leave(id));
    }
    renew();
  };

  return ({ join: id, topics, since, leave: gone, kick, end }, reply) => {
    if (id) join(id, topics, since, reply);
    if (gone) leave(gone);
    for (const link of links) {
      // Back online may mean another network: what is open is not trusted.
      if (kick && (kick === "online" || link.state === "waiting"))
        link.interrupt("again");
      if (end) drop(link);
    }
  };
};

/* In the worker, but not in somebody else's that imports this. */
if (scope.SharedWorkerGlobalScope && scope.name === NAME) {
  const hubs = new Map(); // of each address
  locks?.request(NAME, () => new Promise(() => {})); // while it lives
  scope.onconnect = ({ ports: [port] }) => {
    const reply = (message) => port.postMessage(message);
    port.onmessage = ({ data }) => {
      const { url } = data;
      if (!hubs.has(url)) hubs.set(url, openHub(url));
      hubs.get(url)(data, reply);
    };
  };
}
