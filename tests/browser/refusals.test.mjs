/*
 * refusals.test.mjs - tabs of one browser that share a connection, when some of
 * their topics are refused, are too many, or belong to another user: each tab
 * gets what it may have, and no other tab is held up.
 */
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { after, afterEach, before, beforeEach, test } from "node:test";
import {
  numbers,
  openFeed,
  startChromium,
  startSite,
  until,
  WWW,
} from "./harness.mjs";
import { startMock } from "./mock.mjs";

let chromium;
let mock;
before(async () => {
  chromium = await startChromium();
});
after(() => chromium?.close());
beforeEach(async () => {
  mock = await startMock({ root: WWW, retry: 100, heartbeat: 1 });
});
afterEach(async () => {
  await chromium.tidy();
  await mock.close();
});

const open = (profile, topics, options) =>
  openFeed(profile, mock.url, topics, options);
const gets = (page, texts) =>
  until(
    async () => (await page.got()).join() === texts.join(),
    `the events ${texts}`,
  );
const oneConnection = () => until(() => mock.open.size === 1, "one connection");

test("one tab's bad topic is not the end of the others", async () => {
  const profile = await chromium.profile();
  const good = await open(profile, ["a"]);
  const other = await open(profile, ["c"]);
  await good.live();
  await other.live();
  const bad = await open(profile, ["bad"]);
  await bad.live("closed");
  mock.publish("a", "1");
  await gets(good, ["1"]);
  const later = await open(profile, ["b"]);
  await later.live();
  mock.publish("b", "2");
  mock.publish("a", "3");
  await gets(later, ["2"]);
  await gets(good, ["1", "3"]);
  await oneConnection();
  mock.publish("c", "4");
  mock.publish("a", "5");
  await gets(good, ["1", "3", "5"]);
  await gets(other, ["4"]);
});

for (const since of [undefined, "-20"])
  test(`a bad topic of the same page (since ${since}) is its own feed's end`, async () => {
    const profile = await chromium.profile();
    const page = await open(profile, ["a"]);
    // In one turn with a third, so that nothing is open yet.
    await page.evaluate(async (since) => {
      feed.close();
      const { Feed } = await import("/pgfeed.js");
      window.feeds = [
        new Feed("/events/a"),
        new Feed("/events/bad", { since }),
        new Feed("/events/b", { since }),
      ];
    }, since);
    const states = () => page.evaluate(() => feeds.map(({ state }) => state));
    await until(
      async () => `${await states()}` === "live,closed,live",
      "live,closed,live",
    );
    await until(() => mock.open.size > 0 && mock.open.size < 3, "connections");
  });

test("a tab that may not read waits apart, until it may", async () => {
  const profile = await chromium.profile();
  const good = await open(profile, ["a"]);
  await good.live();
  mock.knobs.forbid = "f";
  const kept = await open(profile, ["f"]);
  await kept.live("waiting");
  await good.live();
  const later = await open(profile, ["b"]);
  await later.live();
  assert.equal(await kept.state(), "waiting");
  delete mock.knobs.forbid;
  await kept.evaluate(() => dispatchEvent(new Event("online")));
  await kept.live();
  await good.live();
  for (const topic of ["a", "b", "f"]) mock.publish(topic, topic);
  await gets(good, ["a"]);
  await gets(kept, ["f"]);
  await gets(later, ["b"]);
  await oneConnection();
});

for (const [which, since] of [
  ["in the past", "-20"],
  ["from now", undefined],
])
  test(`a tab that may not read ${which} holds up no tab that may`, async () => {
    const profile = await chromium.profile();
    mock.knobs.forbid = "secret";
    const demo = await open(profile, ["demo"]);
    await demo.live();
    const since_ms = Date.now();
    const secret = await open(profile, ["secret"], { since });
    await secret.live("waiting");
    mock.publish("demo", "1");
    await gets(demo, ["1"]);
    assert.equal(await demo.state(), "live");
    assert.ok(Date.now() - since_ms < 30000);
    assert.equal(mock.open.size, 1);
  });

test("a right that ends for one tab's topic ends for that tab alone", async () => {
  const profile = await chromium.profile();
  const tabs = [];
  for (const topic of ["a", "f", "b"]) {
    tabs.push(await open(profile, [topic]));
    await tabs.at(-1).live();
  }
  await oneConnection();
  const [a, f, b] = tabs;
  mock.knobs.forbid = "f";
  mock.bye("revoked");
  await f.live("waiting");
  await a.live();
  await b.live();
  for (const topic of ["a", "f", "b"]) mock.publish(topic, topic);
  await gets(a, ["a"]);
  await gets(b, ["b"]);
  assert.deepEqual(await f.got(), []);
});

for (const [tabs, topics] of [
  [3, 12],
  [4, 10],
  [2, 32],
])
  test(`${tabs} tabs of ${topics} topics, where a request may have 32`, async () => {
    mock.knobs.topics = 32;
    const profile = await chromium.profile();
    const pages = [];
    const names = (tab) => numbers(1, topics).map((n) => `t/${tab}/${n}`);
    for (let tab = 0; tab < tabs; tab++)
      pages.push(await open(profile, names(tab)));
    for (const page of pages) await page.live();
    for (let tab = 0; tab < tabs; tab++)
      for (const topic of names(tab)) mock.publish(topic, topic);
    for (let tab = 0; tab < tabs; tab++) await gets(pages[tab], names(tab));
    const least = Math.ceil((tabs * topics) / 32);
    await until(() => mock.open.size === least, `${least} connections`);
    const many = await open(profile, numbers(1, 33));
    await many.live("closed");
    for (const page of pages) await page.live();
  });

/* --- origins */

test("a site elsewhere that does not list this origin is named", async (t) => {
  const other = await startMock(); // hides what it answers: no CORS headers
  t.after(() => other.close());
  // The page's own policy would not let it go there.
  const profile = await chromium.profile({ bypassCSP: true });
  const page = await open(profile, ["a"]);
  const said = await page.evaluate(async (url) => {
    const { Feed } = await import("/pgfeed.js");
    const feed = new Feed(`${url}/events`, { share: false });
    const told = new Promise((done) => feed.addEventListener("error", done));
    const sent = feed.publish("a", "x").catch((e) => e);
    const errors = [await sent, await told].map(({ status, message }) => [
      status,
      message,
    ]);
    feed.close();
    return [...errors, location.origin];
  }, other.url);
  const [[status, refusal], [, told], origin] = said;
  assert.equal(status, 403);
  assert.ok(refusal.includes(`${other.url}/events hides its answers`), refusal);
  assert.ok(refusal.includes(`${origin}: is that in its option origins?`));
  assert.equal(told, refusal);
});

/* --- users */

const SECRET = randomBytes(32).toString("base64url");
/* The cookie of a user who is signed in for an hour. */
const session = (url, sub, exp = Math.floor(Date.now() / 1000) + 3600) => {
  const part = (value) =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub, exp })}`;
  const mac = createHmac("sha256", Buffer.from(SECRET, "base64url"));
  const value = `${text}.${mac.update(text).digest("base64url")}`;
  return { name: "session", value, url, httpOnly: true };
};

test("two users, one after the other, in one browser", async (t) => {
  const site = await startSite("lighttpd", {
    heartbeat: "1s",
    identity: "jwt",
    jwt_cookie: "session",
    secret: SECRET,
  });
  t.after(() => site.close());
  await site.sql("DELETE FROM pgfeed.access");
  for (const [pattern, who] of [
    ["user/{user}", "+"],
    ["orders/*", "ada"],
    ["orders/small", "cyd"],
    ["news", "+"],
  ])
    await site.sql(
      "INSERT INTO pgfeed.access (pattern, who) VALUES (%s, %s)",
      pattern,
      who,
    );
  const say = (topic) =>
    site.sql("SELECT pgfeed.publish(%s, %s)", topic, topic);
  const profile = await chromium.profile();
  const tab = (topics, options) => openFeed(profile, site.url, topics, options);
  const { context } = profile;

  await context.addCookies([session(site.url, "ada")]);
  const ada = await tab(["user/ada", "orders/*", "news"]);
  await ada.live();
  await context.addCookies([session(site.url, "cyd")]);
  // What an attacker, or a page with a fault, would ask for.
  const greedy = await tab(["user/ada"]);
  const wider = await tab(["orders/*"]);
  await greedy.live("waiting");
  await wider.live("waiting");
  const cyd = await tab(["user/cyd", "orders/small", "news"], {
    identity: "cyd",
  });
  const also = await tab(["news"]);
  await cyd.live();
  await also.live();
  for (const topic of ["user/ada", "orders/big", "user/cyd", "orders/small"])
    await say(topic);
  await say("news");
  await gets(cyd, ["user/cyd", "orders/small", "news"]);
  await gets(also, ["news"]);
  assert.deepEqual([await greedy.got(), await wider.got()], [[], []]);
  // Ada's tab goes on as long as its stream does; then it is asked as cyd.
  assert.equal((await ada.got()).at(-1), "news");
  await site.kill("stream");
  await ada.live("waiting");
  await cyd.live();
  await also.live();
  await say("user/ada");
  await say("news");
  await gets(also, ["news", "news"]);
  assert.deepEqual([await greedy.got(), await wider.got()], [[], []]);
  assert.equal((await ada.got()).filter((t) => t === "user/ada").length, 1);
});
