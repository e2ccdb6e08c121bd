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
const REFUSED_MS = 60000; // the pause after a 401 or 403
const FULL_MS = 3000; // the pause after "full", when the server names none
const QUIET_MS = 5000; // much longer than one gateway may be behind another
const SOUND_MS = 5000; // a stream that ends sooner is followed by a backoff
const CHECK_MS = 5000; // how long a check of topics may take
const GONE_MS = 200000; // a silent seat is gone; hidden tabs ping once a minute

const scope = globalThis;

const timeout = (ms) => ({ signal: AbortSignal.timeout?.(ms) });
const spread = (ms) => ms * (1 + Math.random() / 4);

/*
 * Returns e, or an error that names the likely cause: the other site answers,
 * but the browser hides its answers from pages of this origin.
 */
export const explain = async (base, e) => {
  const { origin } = scope.location ?? {};
  if (!origin || !(e instanceof TypeError) || new URL(base).origin === origin)
    return e;
  try {
    await fetch(base, {
      method: "HEAD",
      mode: "no-cors",
      ...timeout(CHECK_MS),
    });
  } catch {
    return e;
  }
  return failure(
    `${base} hides its answers from ${origin}: is that in its option origins?`,
    403,
  );
};

/*
 * link - one connection that goes on, by streaming or else by long-poll.
 *
 * hub gives it: base, url(link), options, deliver(link, items), and refused(link,
 * e), which resolves with true when these very topics are what was refused.
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
      opened ??= Date.now(); // and come back after retry,
      // or at once: these ends are spread already, or a new token helps.
      if (/age|expired|forb|revoked/.test(data.reason)) why = "bye";
      // This answer was a poll's: all that came since the one before.
      if (data.reason === "full") why = "full";
    }
    if (type === "pgfeed.open") {
      opened = Date.now();
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
    // A full server answers at once, and names a longer pause.
    if (idle) await sleep(1000 * res.headers.get("Retry-After") || 1000);
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
      const sound = opened && Date.now() - opened > SOUND_MS;
      if (sound || why === "full") fails = 0;
      if (why === "again" || (why === "bye" && sound)) continue;
      if (closed || (polling && !error)) continue;
      if (greeted) return link.close();
      // Never greeted, or greeted and muted twice: something holds it back.
      if (why === "silent" && !polling && (!opened || ++silences > 1)) {
        polling = true;
        silences = 0;
        probeMs = PROBE_MS;
        probeAt = Date.now() + probeMs;
        continue;
      }
      if (why === "full") {
        tell("polling");
        await sleep(spread(retry ?? FULL_MS));
        continue;
      }
      const e = error && fails > 1 ? await explain(hub.base, error) : error;
      if (e?.status === 0 || e !== error) {
        const { message, status } = e;
        deliver([{ error: { message, status } }], link.cursor);
      } else if (e?.refusal && (await hub.refused(link, e)))
        e.after = REFUSED_MS;
      if (closed) continue;
      tell("waiting");
      const least = (opened && retry) || 0;
      await sleep(spread(error?.after || Math.max(least, backoff(fails++))));
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
 * The links of a group all ask for the topics of all its seats, so that they can
 * be joined. There is one group, or more where the server takes fewer topics in
 * a request. A link whose topics were refused is a group of its own.
 *
 * A seat that joins an open link is checked first, by a long-poll that does not
 * wait: a refusal is then its own affair, and cookies that are another user's
 * than those the link was opened with get what that user may read. Seats with
 * another identity (the option) have another hub.
 *
 * Returned is the function for the seats' messages: { join, topics, since },
 * { leave }, { ping }, { kick } and { end }.
 */
export const openHub = (base, options) => {
  const seats = new Map(); // id -> { topics, reply, at }
  const links = new Set();
  let most = Infinity; // topics in one request, as far as the limit is known

  const linksOf = (group) => [...links].filter((l) => l.group === group);
  const seatsOf = (group) => linksOf(group).flatMap((l) => [...l.seats]);
  const topicsOf = (group, more = []) => [
    ...new Set([
      ...more,
      ...seatsOf(group).flatMap((id) => seats.get(id).topics),
    ]),
  ];
  /* The first group where these topics fit in. */
  const room = (topics) => {
    let group = 0;
    while (linksOf(group).length && topicsOf(group, topics).length > most)
      group++;
    return group;
  };
  const lacks = (link) =>
    topicsOf(link.group).some(
      (topic) => link.topics?.includes(topic) === false,
    );
  const renew = () => {
    for (const link of links)
      if (lacks(link) && link.state !== "waiting") link.interrupt("again");
  };
  const address = (topics, cursor, wait) => {
    const at = new URL(base);
    const query = at.searchParams;
    topics.forEach((topic) => query.append("topic", topic));
    query.set("format", "json");
    if (cursor) query.set("last_event_id", cursor);
    if (wait >= 0) query.set("wait", wait);
    return at;
  };
  const url = (link, wait) => {
    link.topics = topicsOf(link.group);
    return address(link.topics, link.cursor, wait);
  };
  /* Resolves with the error that these topics get by themselves, if any. */
  const check = (topics) =>
    request(address(topics, "now", 0), timeout(CHECK_MS), options).then(
      () => undefined,
      (e) => e,
    );
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
    if (/live|poll/.test(link.state)) {
      link.begun = true;
      if (link.group === link) {
        link.group = room(topicsOf(link));
        renew();
      }
    }
    for (const other of linksOf(link.group)) {
      if (other === link || lacks(other) || lacks(link)) continue;
      const quiet = (l) => l.state === "live" && now - l.busy > QUIET_MS;
      const both = quiet(link) && quiet(other);
      if (other.cursor !== link.cursor && !both) continue;
      if (link.state !== "live") return move(link, other);
      move(other, link);
    }
  };
  const add = (cursor, group) => {
    const hub = { base, url, options, deliver, refused };
    const link = openLink(hub, cursor);
    link.group = group ?? link;
    links.add(link);
    return link;
  };
  /* Gives a seat a link at this cursor; group null: one of its own. */
  const place = (id, cursor, group = room(seats.get(id).topics)) => {
    // Not one that is still in the past, if this is to begin now.
    const fits = (l) => (cursor ? l.cursor === cursor : l.begun || !l.cursor);
    const link = linksOf(group).find(fits) ?? add(cursor, group);
    link.seats.add(id);
    send([id], [{ state: link.state }], link.cursor);
  };
  /* Takes a seat off its link, and returns that. */
  const detach = (id) => {
    const link = [...links].find((l) => l.seats.delete(id));
    if (link && !link.seats.size) drop(link);
    return link;
  };
  /* One seat's bad topic must not be the end of the others. */
  const refused = async (link, { message, status }) => {
    const { group, topics } = link;
    const ids = seatsOf(group);
    const mayNot = /40[13]/.test(status);
    const all = (id) => topics.every((t) => seats.get(id).topics.includes(t));
    if (ids.every(all)) {
      link.group = link;
      send(link.seats, [{ error: { message, status, final: !mayNot } }]);
      if (!mayNot) drop(link);
      return true;
    }
    const found = await Promise.all(
      ids.map((id) => check(seats.get(id).topics)),
    );
    const bad = ids.filter((id, i) => found[i]?.refusal && seats.has(id));
    for (const id of bad) place(id, detach(id)?.cursor, null);
    if (bad.length || mayNot) return false;
    // Each of them is fine, and all together are too many.
    most = Math.min(most, Math.floor(0.75 * topics.length));
    const apart = linksOf(group);
    apart.forEach(drop);
    for (const { seats, cursor } of apart)
      seats.forEach((id) => place(id, cursor));
    return false;
  };
  const leave = (id) => {
    seats.delete(id);
    detach(id);
  };
  const join = async (id, topics, since, reply) => {
    seats.set(id, { topics, reply, at: Date.now() });
    const open = [...links].some((l) => l.topics) && !options?.identity;
    const fault = open && (await check(topics));
    if (!seats.has(id)) return; // it has left meanwhile
    const link = [...links].find((l) => l.seats.has(id));
    if (fault) place(id, detach(id)?.cursor ?? since, null);
    else if (!link) place(id, since);
    renew();
  };
  const ping = (id, reply) => {
    const now = Date.now();
    if (seats.has(id)) seats.get(id).at = now;
    for (const [id, { at }] of seats) if (now - at > GONE_MS) leave(id);
    reply({ hello: !seats.has(id) });
  };

  return (
    { join: id, topics, since, leave: gone, ping: here, kick, end },
    reply,
  ) => {
    if (id) join(id, topics, since, reply);
    if (gone) leave(gone);
    if (here) ping(here, reply);
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
  const hubs = new Map(); // of each address and identity
  scope.onconnect = ({ ports: [port] }) => {
    const reply = (message) => port.postMessage(message);
    port.onmessage = ({ data }) => {
      const { url, identity } = data;
      const key = `${url} ${identity}`;
      if (!hubs.has(key)) hubs.set(key, openHub(url, { identity }));
      hubs.get(key)(data, reply);
    };
  };
}
