/*
 * sharing.test.mjs - one connection per browser, and every event once, in
 * chromium, with pgfeed behind lighttpd; whatever is closed, cut or killed.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import {
  numbers,
  openFeed,
  startChromium,
  startProxy,
  startSite,
  startWire,
  until,
} from "./harness.mjs";

let chromium;
let site;
before(async () => {
  site = await startSite("lighttpd", {
    heartbeat: "1s",
    retry_min: "100ms",
    retry_max: "300ms",
  });
  chromium = await startChromium();
});
after(async () => {
  await chromium?.close();
  await site?.close();
});

afterEach(() => chromium.tidy());

const streams = async (n) =>
  until(async () => (await site.status()).streams === n, `${n} streams`);
const all = (pages, to) =>
  Promise.all(
    pages.map(async (page) => {
      await until(async () => (await page.got()).length >= to, `${to} events`);
      assert.deepEqual(await page.got(), numbers(1, to));
    }),
  );
/* What a browser lacks, before any page of it starts. */
const without = async (...names) => {
  const profile = await chromium.profile();
  await profile.context.addInitScript((names) => {
    for (const name of names) {
      delete window[name];
      delete Navigator.prototype[name];
    }
  }, names);
  return profile;
};

for (const [way, missing] of [
  ["a SharedWorker", []],
  ["the tab that leads", ["SharedWorker"]],
]) {
  test(`8 tabs share one connection through ${way}`, async () => {
    const topic = `tabs-${missing.length}`;
    const profile = await without(...missing);
    const tabs = [];
    for (let i = 0; i < 8; i++)
      tabs.push(await openFeed(profile, site.url, [topic]));
    await Promise.all(tabs.map((tab) => tab.live()));
    await streams(1);
    await site.publish(topic, 1, 20);
    await all(tabs, 20);
    // The one that leads is the first; events go on while it is closed.
    const publishing = site.publish(topic, 21, 60, 10);
    await tabs.shift().close();
    await publishing;
    await all(tabs, 60);
    await streams(1);
    await profile.close();
    await streams(0);
  });
}

test("a worker that dies is replaced, and nothing is lost", async () => {
  const profile = await chromium.profile();
  const tabs = [];
  for (let i = 0; i < 3; i++)
    tabs.push(await openFeed(profile, site.url, ["worker"]));
  await Promise.all(tabs.map((tab) => tab.live()));
  await site.publish("worker", 1, 10);
  await all(tabs, 10);
  const killed = await chromium.killWorkers();
  assert.equal(killed, 1);
  await site.publish("worker", 11, 20);
  await all(tabs, 20);
  await streams(1);
});

test("a page that may not have workers shares without", async () => {
  const profile = await chromium.profile();
  const policy =
    "default-src 'none'; script-src 'self'; connect-src 'self'; worker-src 'none'";
  await profile.context.route("**/examples/", (route) =>
    route.fulfill({
      contentType: "text/html",
      headers: { "Content-Security-Policy": policy },
      body: '<!doctype html><link rel="icon" href="data:,">',
    }),
  );
  const tabs = [];
  for (let i = 0; i < 2; i++)
    tabs.push(await openFeed(profile, site.url, ["policy"]));
  await Promise.all(tabs.map((tab) => tab.live()));
  await streams(1);
  await site.publish("policy", 1, 5);
  await all(tabs, 5);
});

test("without workers and locks each tab has its own connection", async () => {
  const profile = await without("SharedWorker", "locks");
  const tabs = [];
  for (let i = 0; i < 2; i++)
    tabs.push(await openFeed(profile, site.url, ["each"]));
  await Promise.all(tabs.map((tab) => tab.live()));
  await streams(2);
  await site.publish("each", 1, 5);
  await all(tabs, 5);
  await profile.close();
  await streams(0);
});

test("tabs with different topics share, and get what they asked for", async () => {
  const profile = await chromium.profile();
  const one = await openFeed(profile, site.url, ["t/1"]);
  await one.live();
  await site.publish("t/1", 1, 3);
  const two = await openFeed(profile, site.url, ["t/2"]);
  const both = await openFeed(profile, site.url, ["t/*"]);
  await Promise.all([two.live(), both.live()]);
  await streams(1);
  await site.publish("t/1", 4, 6);
  await site.publish("t/2", 1, 2);
  await all([one], 6);
  await all([two], 2);
  await until(async () => (await both.got()).length >= 5);
  assert.deepEqual(await both.got(), ["4", "5", "6", "1", "2"]);
});

test("a tab that begins in the past joins the others", async () => {
  const profile = await chromium.profile();
  await site.publish("past", 1, 30);
  const now = await openFeed(profile, site.url, ["past"]);
  await now.live();
  const past = await openFeed(profile, site.url, ["past"], {
    since: "earliest",
  });
  await all([past], 30);
  await streams(1);
  await site.publish("past", 31, 40);
  await all([past], 40);
  assert.deepEqual(await now.got(), numbers(31, 40));
});

test("a rendered page goes on from the position of its snapshot", async () => {
  const profile = await chromium.profile();
  const already = await openFeed(profile, site.url, ["rendered"]);
  await already.live();
  await site.publish("rendered", 1, 5);
  const [[position, shown]] = await site.sql(
    "SELECT pgfeed.position(), count(*) FROM pgfeed.event WHERE topic = 'rendered'",
  );
  assert.equal(shown, 5);
  await site.publish("rendered", 6, 10);
  const page = await openFeed(profile, site.url, ["rendered"], {
    since: position,
  });
  await site.publish("rendered", 11, 15);
  await all([already], 15);
  await until(async () => (await page.got()).length === 10);
  assert.deepEqual(await page.got(), numbers(6, 15));
  await streams(1);
});

for (const others of [0, 1]) {
  test(`20 reloads lose and double nothing, with ${others} other tabs`, async () => {
    const topic = `reload-${others}`;
    const profile = await chromium.profile();
    if (others) await openFeed(profile, site.url, [topic]);
    const page = await openFeed(profile, site.url, [topic], { persist: "r" });
    await page.live();
    let going = true;
    const publishing = (async () => {
      let n = 0;
      while (going) await site.publish(topic, ++n, n, 5);
      return n;
    })();
    for (let i = 0; i < 20; i++) {
      await page.reload();
      if (i % 3) await until(async () => (await page.state()) === "live");
    }
    going = false;
    await all([page], await publishing);
    await streams(1);
  });
}

test("killing the gateway and the database loses and doubles nothing", async () => {
  const profile = await chromium.profile();
  const tabs = [
    await openFeed(profile, site.url, ["kill"]),
    await openFeed(profile, site.url, ["kill"]),
  ];
  await Promise.all(tabs.map((tab) => tab.live()));
  // Published by SQL: the POST side has its own tests.
  const publish = (from, to) =>
    site.sql(
      "SELECT pgfeed.publish('kill', n::text) FROM generate_series(%s, %s) n",
      from,
      to,
    );
  await publish(1, 10);
  await site.kill("stream");
  await publish(11, 20);
  await all(tabs, 20);
  await site.stop("stream");
  await publish(21, 30);
  await tabs[0].live("waiting");
  await site.start("stream");
  await all(tabs, 30);
  await site.restartDatabase();
  await publish(31, 40);
  await all(tabs, 40);
});

test("a cut or frozen network is noticed and made up for", async () => {
  const wire = await startWire(site.url);
  const profile = await chromium.profile();
  const page = await openFeed(profile, wire.url, ["wire"]);
  await page.live();
  await site.publish("wire", 1, 5);
  wire.cut();
  await site.publish("wire", 6, 10);
  await page.live("waiting");
  wire.mend();
  await all([page], 10);
  wire.freeze(); // no packet says so: only the missing heartbeats
  await site.publish("wire", 11, 15);
  wire.mend();
  await all([page], 15);
  await profile.close();
});

test("500, 502 and 503 are lived through", async () => {
  const proxy = await startProxy(site.url);
  proxy.buffering = false;
  proxy.refuse = { status: 502 };
  const profile = await chromium.profile();
  const page = await openFeed(profile, proxy.url, ["refused"]);
  await page.live("waiting");
  // As mod_fcgid says while it restarts; an EventSource never comes back.
  proxy.refuse = { status: 500 };
  const asked = () => proxy.requests.filter((r) => /^GET \/ev/.test(r)).length;
  await until(() => asked() > 1);
  proxy.refuse = { status: 503, headers: { "Retry-After": "1" } };
  await until(() => asked() > 2);
  proxy.refuse = null;
  await page.live();
  await site.publish("refused", 1, 3);
  await all([page], 3);
  await profile.close();
});

/* Where nothing has happened yet, a position tells no more than none. */
for (const since of [undefined, "-20"])
  test(`a buffering proxy: live by long-poll within 8 s, and back (since ${since})`, async () => {
    const topic = `held${since}`;
    const proxy = await startProxy(site.url);
    const profile = await chromium.profile();
    const page = await openFeed(profile, proxy.url, [topic], { since });
    await page.live("polling");
    const took_ms = await page.evaluate(() => window.since.polling);
    assert.ok(took_ms < 8000, `${took_ms} ms`);
    await site.publish(topic, 1, 5);
    await all([page], 5);
    proxy.buffering = false;
    const publishing = site.publish(topic, 6, 60, 200);
    await page.live("live", 20000);
    await publishing;
    await all([page], 60);
    await profile.close();
  });

test("payloads arrive exactly as they were sent, or are refused", async () => {
  const profile = await chromium.profile();
  const page = await openFeed(profile, site.url, ["payload"]);
  await page.live();
  const result = await page.evaluate(async () => {
    const texts = [
      "a\nb\rc\r\nd\n",
      "\n\n",
      " data: x\nid: 7\nevent: pgfeed.gap\n\n",
      "'; DROP TABLE pgfeed.event; --",
      '{"a": "\\u0000", "b": [1, 2.50]}',
      "\u{1F418}\u{10FFFF}\u00e4&=+%41",
      "\u{1F418}".repeat(16384),
      "&".repeat(65536),
    ];
    const got = [];
    const all = new Promise((done) =>
      window.feed.on("payload", ({ data }) => {
        if (got.push(data) === texts.length) done();
      }),
    );
    await Promise.all(
      texts.map((text) => window.feed.publish("payload", text)),
    );
    await all;
    const refused = await window.feed
      .publish("payload", "&".repeat(65537))
      .catch(({ status }) => status);
    return [texts.map((text, i) => text === got[i]), refused];
  });
  assert.deepEqual(result, [Array(8).fill(true), 413]);
});

test("what is published without a network is sent when it is back", async () => {
  const profile = await chromium.profile();
  const page = await openFeed(profile, site.url, ["offline"]);
  await page.live();
  await profile.context.setOffline(true);
  await page.evaluate(() => {
    window.sent = Promise.all(
      ["1", "2", "3"].map((n) => window.feed.publish("offline", n)),
    );
  });
  await profile.context.setOffline(false);
  const sent = await page.evaluate(() => window.sent);
  assert.equal(new Set(sent.map(({ id }) => id)).size, 3);
  await all([page], 3);
});

test("a page that comes back from the back/forward cache is up to date", async (t) => {
  const profile = await chromium.profile();
  const page = await openFeed(profile, site.url, ["back"]);
  await page.live();
  await page.evaluate(() => {
    addEventListener("pageshow", (e) => (window.kept = e.persisted));
    window.same = true;
  });
  await site.publish("back", 1, 3);
  await all([page], 3);
  await page.goto(`${site.url}/doctor.html`);
  await streams(0);
  await site.publish("back", 4, 6);
  await page.goBack({ waitUntil: "commit" });
  const kept = await page.evaluate(() => window.kept && window.same);
  t.diagnostic(`the page was ${kept ? "" : "not "}kept by the browser`);
  if (kept) {
    await all([page], 6);
  } else {
    // It started over, at now.
    await page.live();
    await site.publish("back", 4, 6);
    await all([page], 6);
  }
});

test("pagehide and pageshow leave and resume, whoever sends them", async () => {
  const profile = await chromium.profile();
  const page = await openFeed(profile, site.url, ["hidden"]);
  await page.live();
  await page.evaluate(() =>
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })),
  );
  await streams(0);
  await site.publish("hidden", 1, 3);
  await page.evaluate(() =>
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })),
  );
  await all([page], 3);
  await streams(1);
});
