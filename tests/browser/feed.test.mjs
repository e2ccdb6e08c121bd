/*
 * feed.test.mjs - pgfeed.js in Node, against a server that does what it is told.
 */
import assert from "node:assert/strict";
import http from "node:http";
import { after, beforeEach, test } from "node:test";
import { Feed, FeedSocket, numbers, until, WWW } from "./harness.mjs";
import { startMock } from "./mock.mjs";

let mock;
const feeds = [];
beforeEach(async () => {
  await end();
  mock = await startMock({ root: WWW, heartbeat: 0.2, retry: 50 });
});
const end = async () => {
  feeds.splice(0).forEach((feed) => feed.close());
  await mock?.close();
};
after(end);

/* A feed that keeps what it got in .got, and is live. */
async function follow(topics, options, url = `${mock.url}/events`) {
  const feed = new Feed(url, { topics, ...options });
  feeds.push(feed);
  feed.got = [];
  feed.gaps = [];
  feed.errors = [];
  feed.addEventListener("message", (e) => feed.got.push(e.data));
  feed.addEventListener("gap", (e) => {
    e.preventDefault();
    feed.gaps.push(e);
  });
  feed.addEventListener("error", (e) => feed.errors.push(e));
  return feed;
}
const live = (feed) => until(() => feed.state === "live", "live");
test("a record may be cut anywhere, and line ends may be of any kind", async (t) => {
  const event = (data) =>
    JSON.stringify({ topic: "a", id: "x", at: "", kind: null, data });
  const text =
    'retry: 50\r\n\r\nid: 7\nevent: pgfeed.open\ndata: {"heartbeat":9}\n\n' +
    `:comment\r\rid:8\rdata:${event("one")}\r\r` +
    `id: 9\r\ndata: ${event("zwei \u{1F418}")}\r\n\r\n` +
    `event: pgfeed.live\ndata: {}\n\nid: 10\n\nid: 11\ndata: ${event("cut")}\n`;
  const server = http.createServer(async (req, res) => {
    if (new URL(req.url, "http://x").searchParams.get("last_event_id")) return; // where it resumes is what this test looks at
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    for (const byte of Buffer.from(text)) {
      res.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    res.end();
  });
  await new Promise((done) => server.listen(0, done));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const resumed = new Promise((done) =>
    server.on("request", ({ url }) => {
      const query = new URL(url, "http://x").searchParams;
      if (query.has("last_event_id")) done(query.get("last_event_id"));
    }),
  );
  const url = `http://127.0.0.1:${server.address().port}/events`;
  const feed = await follow(["a"], {}, url);
  assert.equal(await resumed, "10");
  assert.deepEqual(feed.got, ["one", "zwei \u{1F418}"]);
  assert.equal(feed.cursor, "10");
  feed.close();
});

test("each event once, over cut connections and planned ends", async () => {
  const feed = await follow(["a"]);
  await live(feed);
  for (let n = 1; n <= 100; n++) {
    mock.publish("a", `${n}`);
    if (n % 20 === 0) mock.cut();
    if (n % 33 === 0) mock.bye();
    await new Promise((done) => setTimeout(done, 5));
  }
  await until(() => feed.got.length >= 100);
  assert.deepEqual(feed.got, numbers(1, 100));
});

for (const status of [429, 503])
  test(`a ${status} is not the end, and Retry-After is waited for`, async () => {
    const feed = await follow(["a"]);
    await live(feed);
    mock.knobs.refuse = { status, headers: { "Retry-After": "1" } };
    mock.publish("a", "1");
    await until(() => feed.got.length === 1);
    mock.cut();
    await until(() => feed.state === "waiting");
    await until(() => mock.refused === 1);
    const since = Date.now();
    delete mock.knobs.refuse;
    mock.publish("a", "2");
    await until(() => feed.got.length === 2);
    assert.ok(Date.now() - since >= 900, "came back before it was told to");
    assert.deepEqual(feed.got, ["1", "2"]);
    assert.deepEqual(feed.errors, []);
  });

/*
 * The pauses of a minute, with jitter, from now on. They last until end() is
 * called. Longer ones are those of Node's own fetch.
 */
function minutes(t) {
  const { setTimeout } = globalThis;
  const all = [];
  globalThis.setTimeout = (end, ms, ...args) =>
    ms >= 60000 && ms <= 75000
      ? all.push({ end })
      : setTimeout(end, ms, ...args);
  t.after(() => (globalThis.setTimeout = setTimeout));
  return all;
}

for (const status of [401, 403])
  test(`a ${status} is told, and asked again a minute later`, async (t) => {
    const pauses = minutes(t);
    mock.knobs.refuse = { status };
    mock.publish("a", "1");
    const feed = await follow(["a"], { since: "earliest" });
    for (let n = 1; n <= 3; n++) {
      await until(() => pauses.length === n);
      assert.equal(feed.state, "waiting");
      assert.equal(feed.errors.length, n);
      const { message, final } = feed.errors.at(-1);
      assert.deepEqual([message, final], ["refused", false]);
      assert.equal(feed.errors.at(-1).status, status);
      if (n === 3) delete mock.knobs.refuse;
      pauses.at(-1).end();
    }
    await until(() => feed.got.length === 1);
    assert.deepEqual(feed.got, ["1"]);
  });

/* Makes a live stream six seconds old, by the clock of pgfeed.js. */
async function age(t, feed) {
  await live(feed);
  const { now } = Date;
  Date.now = () => now() + 6000;
  t.after(() => (Date.now = now));
}

for (const reason of ["forbidden", "revoked"]) {
  test(`a stream that ends as ${reason} asks again at once, and is refused`, async (t) => {
    Object.assign(mock.knobs, { heartbeat: 5, retry: 5000 });
    const feed = await follow(["a"]);
    await age(t, feed);
    const pauses = minutes(t);
    mock.publish("a", "1");
    mock.knobs.forbid = "a";
    mock.bye(reason);
    mock.publish("a", "2");
    await until(() => pauses.length === 1);
    assert.deepEqual([feed.state, feed.got], ["waiting", ["1"]]);
    delete mock.knobs.forbid;
    pauses[0].end();
    await until(() => feed.got.length === 2);
    assert.deepEqual(
      feed.errors.map(({ message, status, final }) => [message, status, final]),
      [["not for you", 403, false]],
    );
    assert.deepEqual(feed.got, ["1", "2"]);
  });

  test(`a stream that ends as ${reason} goes on with a new token at once`, async (t) => {
    Object.assign(mock.knobs, { heartbeat: 5, retry: 5000 });
    let n = 0;
    const feed = await follow(["a"], { token: () => `token${++n}` });
    await age(t, feed);
    const since = performance.now();
    mock.bye(reason);
    mock.publish("a", "1");
    await until(() => feed.got.length === 1);
    assert.ok(performance.now() - since < 4000);
    assert.deepEqual([mock.seen.at(-1).token, feed.errors], ["token2", []]);
  });
}

/* The pauses between attempts, which have jitter; they end at once here. */
function pauses(t) {
  const { setTimeout } = globalThis;
  const all = [];
  globalThis.setTimeout = (end, ms, ...args) => {
    if (Number.isInteger(ms)) return setTimeout(end, ms, ...args);
    all.push(ms);
    return setTimeout(end, 1, ...args);
  };
  t.after(() => (globalThis.setTimeout = setTimeout));
  return all;
}

for (const reason of ["expired", "age", "revoked", "shutdown"])
  test(`streams that open and end as ${reason} again and again are spaced out`, async (t) => {
    const feed = await follow(["a"], { token: async () => "same" });
    await live(feed);
    const all = pauses(t);
    const again = setInterval(() => mock.bye(reason), 1);
    t.after(() => clearInterval(again));
    await until(() => all.length >= 7);
    assert.ok(all[6] >= 15000, `${all}`);
    assert.ok(
      all.every((ms, n) => ms >= Math.min(15000, 500 * 2 ** n)),
      `${all}`,
    );
  });

test("a token() or headers() that throws is an error event, and tried again", async () => {
  for (const name of ["token", "headers"]) {
    let good = false;
    const options = {
      since: "earliest",
      [name]: async () => {
        if (!good) throw Error("the session is over");
        return name === "token" ? "t" : {};
      },
    };
    const feed = await follow([name], options);
    await until(() => feed.errors.length > 0);
    const { message, status, final } = feed.errors[0];
    assert.deepEqual(
      [message, status, final],
      ["the session is over", 0, false],
    );
    const told = feed.errors.length;
    const sent = feed.publish(name, "1");
    await until(() => feed.errors.length > told);
    assert.notEqual(feed.state, "closed");
    good = true;
    await sent;
    await until(() => feed.got.length === 1);
    feed.close();
  }
});

test("an expired token is replaced at once, and POSTs carry it", async (t) => {
  let n = 0;
  mock.knobs.heartbeat = 5;
  const feed = await follow(["a"], { token: async () => `token${++n}` });
  await age(t, feed);
  const pauses = minutes(t);
  mock.bye("expired");
  mock.publish("a", "1");
  await until(() => feed.got.length === 1);
  await live(feed);
  assert.deepEqual(
    mock.seen.map(({ token }) => token),
    ["token1", "token2"],
  );
  assert.deepEqual([feed.errors, pauses], [[], []]);
  await feed.publish("a", "2");
  assert.equal(mock.lastToken, "token3");
  const plain = await follow(["a"], { token: "always" });
  await live(plain);
  assert.equal(mock.seen.at(-1).token, "always");
});

test("a stream that ends for its age is resumed at once", async (t) => {
  Object.assign(mock.knobs, { heartbeat: 5, retry: 5000 });
  const feed = await follow(["a"]);
  await age(t, feed);
  const since = performance.now();
  mock.bye("age");
  mock.publish("a", "1");
  await until(() => feed.got.length === 1);
  assert.ok(performance.now() - since < 4000);
  assert.equal(feed.state, "live");
});

test("a full server is polled after each retry, until there is room", async () => {
  mock.knobs.full = true;
  mock.publish("a", "1");
  const feed = await follow(["a"], { since: "earliest" });
  const states = [];
  feed.addEventListener("state", ({ state }) => states.push(state));
  await until(() => feed.state === "polling");
  assert.deepEqual(feed.got, ["1"]);
  const since = Date.now();
  mock.publish("a", "2");
  await until(() => feed.got.length === 2);
  assert.ok(Date.now() - since >= 1400);
  mock.publish("a", "3");
  mock.knobs.full = false;
  await live(feed);
  await until(() => feed.got.length === 3);
  assert.deepEqual(feed.got, numbers(1, 3));
  assert.deepEqual(states, ["polling", "live"]);
  assert.deepEqual(feed.errors, []);
});

test("a full server that then is not there is waited for", async () => {
  mock.knobs.full = true;
  const feed = await follow(["a"]);
  await until(() => feed.state === "polling");
  mock.knobs.refuse = { status: 503 };
  await until(() => feed.state === "waiting");
  mock.knobs.full = mock.knobs.refuse = null;
  await live(feed);
});

test("a stream without heartbeats is given up and resumed", async () => {
  const feed = await follow(["a"]);
  await live(feed);
  mock.knobs.mute = true;
  mock.publish("a", "1");
  await until(() => mock.seen.length === 2, "a second connection");
  mock.knobs.mute = false;
  await until(() => feed.got.length === 1);
  assert.deepEqual(feed.got, ["1"]);
});

test("a stream that stays mute twice becomes a long-poll", async () => {
  mock.knobs.mute = true;
  const feed = await follow(["a"], { since: "earliest" });
  mock.publish("a", "1");
  await until(() => feed.state === "polling");
  mock.publish("a", "2");
  await until(() => feed.got.length === 2);
  assert.deepEqual(feed.got, ["1", "2"]);
});

test("a gap is an event, and loud when nobody cares", async () => {
  for (let n = 1; n <= 9; n++) mock.publish("a", `${n}`);
  mock.knobs.oldest = 5;
  const feed = await follow(["a"], { since: "2" });
  await until(() => feed.got.length === 5);
  assert.deepEqual(feed.got, numbers(5, 9));
  assert.deepEqual([feed.gaps[0].reason, feed.gaps[0].oldest], ["pruned", "5"]);
  const { error } = console;
  const said = [];
  console.error = (...words) => said.push(words.join(" "));
  try {
    feeds.push(new Feed(`${mock.url}/events`, { topics: ["a"], since: "2" }));
    await until(() => said.length);
  } finally {
    console.error = error;
  }
  assert.match(said[0], /missing.*pruned/);
});

test("a refusal for good ends the feed and says why", async () => {
  const feed = await follow(["bad"]);
  await until(() => feed.state === "closed");
  const [{ message, status }] = feed.errors;
  assert.deepEqual([message, status], ["bad topic", 400]);
  assert.equal(mock.open.size, 0);
});

test("on() takes topics, patterns and kinds, and can be undone", async () => {
  const feed = await follow([]);
  const got = [];
  feed.on("a", (e) => got.push(`a ${e.data}`));
  const off = feed.on("b/*", "x", (e) => got.push(`b ${e.data}`));
  await live(feed);
  mock.publish("a", "1", "any");
  mock.publish("b/c", "2", "x");
  mock.publish("b/c", "3", "y");
  mock.publish("b", "4", "x");
  await until(() => got.length === 2);
  off();
  mock.publish("b/c", "5", "x");
  mock.publish("a", "6");
  await until(() => got.length === 3);
  assert.deepEqual(got, ["a 1", "b 2", "a 6"]);
});

test("a topic that is added later misses nothing of the others", async () => {
  const feed = await follow(["a"]);
  await live(feed);
  mock.publish("a", "1");
  feed.on("b", () => {});
  mock.publish("a", "2");
  await until(() => [...mock.open].some((s) => s.topics.includes("b")));
  mock.publish("b", "3");
  await until(() => feed.got.length === 3);
  assert.deepEqual(feed.got, numbers(1, 3));
});

test("an async iterator ends with the feed", async () => {
  const feed = await follow(["a"]);
  await live(feed);
  const got = [];
  setTimeout(() => numbers(1, 3).forEach((n) => mock.publish("a", n)));
  for await (const event of feed) {
    got.push(event.json());
    if (got.length === 3) feed.close();
  }
  assert.deepEqual(got, [1, 2, 3]);
});

test("publish resolves with the id, in order, and repeats nothing", async () => {
  const feed = await follow(["a"]);
  await live(feed);
  mock.knobs.dropPost = 1; // committed, and then the answer is lost
  const ids = await Promise.all(
    numbers(1, 5).map((n) => feed.publish("a", n).then(({ id }) => id)),
  );
  assert.deepEqual(ids, numbers(1, 5));
  await until(() => feed.got.length === 5);
  assert.deepEqual(
    mock.log.map(({ data }) => data),
    numbers(1, 5),
  );
});

test("publish waits out a 503 and rejects a refusal", async () => {
  const feed = await follow(["a"]);
  mock.knobs.refusePost = { status: 503, headers: { "Retry-After": "1" } };
  const since = Date.now();
  const sent = feed.publish("a", { n: 1 }, { kind: "k" });
  await until(() => mock.refusedPosts);
  delete mock.knobs.refusePost;
  assert.equal((await sent).topic, "a");
  assert.ok(Date.now() - since >= 900);
  assert.deepEqual([mock.log[0].data, mock.log[0].kind], ['{"n":1}', "k"]);
  await assert.rejects(feed.publish("a", "x".repeat(70000)), {
    status: 413,
    message: "too large",
  });
  assert.equal((await feed.publish("a", "after")).id, "2");
});

test("what waits to be sent is limited", async () => {
  const feed = await follow(["a"], { queue: 2 });
  mock.knobs.refusePost = { status: 503 };
  const waiting = [feed.publish("a", "1"), feed.publish("a", "2")];
  await assert.rejects(feed.publish("a", "3"), { name: "QuotaExceededError" });
  delete mock.knobs.refusePost;
  await Promise.all(waiting);
  assert.deepEqual(
    mock.log.map(({ data }) => data),
    ["1", "2"],
  );
});

test("own events are known as such, or kept away", async () => {
  const loud = await follow(["a"]);
  const quiet = await follow(["a"], { echo: false });
  const own = [];
  loud.addEventListener("message", (e) => own.push(e.own));
  await live(loud);
  await live(quiet);
  mock.knobs.postDelay = 100; // the event is there before its id is known
  await quiet.publish("a", "same");
  await loud.publish("a", "same");
  mock.publish("a", "same");
  await until(() => loud.got.length === 3 && quiet.got.length === 2);
  assert.deepEqual(own, [false, true, false]);
});

test("headers are asked for at every request", async () => {
  let n = 0;
  const headers = async () => ({ Authorization: `Bearer ${++n}` });
  const feed = await follow(["a"], { headers });
  await live(feed);
  mock.cut();
  await until(() => mock.seen.length === 2);
  assert.deepEqual(
    mock.seen.map((s) => s.headers.authorization),
    ["Bearer 1", "Bearer 2"],
  );
});

test("a FeedSocket closes after what was sent", async () => {
  const url = `${mock.url.replace("http", "ws")}/events/chat`;
  const socket = new FeedSocket(url);
  await new Promise((done) => (socket.onopen = done));
  const closed = new Promise((done) => (socket.onclose = done));
  numbers(1, 3).forEach((n) => socket.send(n));
  assert.equal(socket.bufferedAmount, 3);
  socket.close(1000, "done");
  assert.equal(socket.readyState, FeedSocket.CLOSING);
  const { code, reason, wasClean } = await closed;
  assert.deepEqual([code, reason, wasClean], [1000, "done", true]);
  assert.equal(socket.bufferedAmount, 0);
  assert.equal(mock.log.length, 3);
  assert.equal(mock.log[0].topic, "chat");
});

test("a FeedSocket that is refused closes with an error", async () => {
  const socket = new FeedSocket(`${mock.url}/events/bad`);
  const heard = [];
  socket.onerror = (e) => heard.push(e.message);
  socket.onclose = (e) => heard.push(e.code);
  await until(() => heard.length === 2);
  assert.deepEqual(heard, ["bad topic", 1006]);
});
