/*
 * pages.test.mjs - the pages of www/ as people meet them, in chromium: served
 * by lighttpd and by Apache, with and without scripts, in light and dark, by
 * keyboard, and by the rules of accessibility that axe knows.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, test } from "node:test";
import {
  openFeed,
  publish,
  startChromium,
  startProxy,
  startSite,
  until,
  WWW,
} from "./harness.mjs";
import { startMock } from "./mock.mjs";

const PAGES = [
  "index.html",
  "status.html",
  "doctor.html",
  "examples/index.html",
  "examples/chat.html",
  "examples/table.html",
  "examples/dots.html",
  "examples/eventsource.html",
  "examples/htmx.html",
  "examples/htmx2.html",
];
const HTMX = {
  "htmx.min.js": "htmx4/dist/htmx.min.js",
  "hx-sse.min.js": "htmx4/dist/ext/hx-sse.min.js",
  "htmx2.min.js": "htmx2/dist/htmx.min.js",
  "sse.js": "htmx-ext-sse/sse.js",
};
/* Puts htmx beside the examples, as their pages say. */
const withHtmx = async (profile) => {
  for (const [name, file] of Object.entries(HTMX))
    await profile.context.route(`**/examples/${name}`, (route) =>
      route.fulfill({
        path: `node_modules/${file}`,
        contentType: "text/javascript",
      }),
    );
};
const sites = {};
let chromium;
before(async () => {
  const options = { heartbeat: "1s", retry_min: "100ms", retry_max: "300ms" };
  sites.lighttpd = await startSite("lighttpd", options);
  sites.apache = await startSite("apache", options);
  chromium = await startChromium();
});
after(async () => {
  await chromium?.close();
  for (const site of Object.values(sites)) await site.close();
});
afterEach(() => chromium.tidy());

const shows = (page, where, text) =>
  until(
    async () => (await page.innerText(where)).includes(text),
    `"${text}" in ${where}`,
  );
const isLive = (page) =>
  page.waitForSelector('#state[data-state="live"]', { timeout: 15000 });

for (const server of ["lighttpd", "apache"]) {
  test(`the front page behind ${server}: press here, see it there`, async () => {
    const site = sites[server];
    const profile = await chromium.profile();
    const one = await profile.open(`${site.url}/`);
    const two = await profile.open(`${site.url}/`);
    await isLive(one);
    await isLive(two);
    await one.click("#generate");
    await shows(two, "#events", "Event generated at");
    await one.fill("#data", "typed \u{1F418} <b>&amp;");
    await one.press("#data", "Enter");
    await shows(two, "#events", "typed \u{1F418} <b>&amp;");
    await shows(one, "#said", "Committed as event");
    await two.reload();
    await shows(two, "#events", "typed");
    await site.sql("INSERT INTO events (event) VALUES ('from SQL')");
    await shows(two, "#events", "insert public.events");
    await shows(two, "#events", "from SQL");
    await site.sql("UPDATE events SET event = 'changed'");
    await shows(two, "#events", "from SQL \u2192 changed");
    await site.sql("DELETE FROM events");
    await shows(two, "#events", "delete public.events");
    await site.sql("TRUNCATE events");
    await shows(two, "#events", "All rows are gone");
    await publish(site.url, "demo", "to demo");
    await shows(two, "#events", "to demo");
    await site.sql("NOTIFY demo_notify, 'rung by hand'");
    await shows(two, "#events", "rung by hand");
    await site.kill("stream");
    await publish(site.url, "events", "after the kill");
    await shows(one, "#events", "after the kill");
    await isLive(two);
    assert.deepEqual(
      await two.$$eval("#events .id", (ids) =>
        ids
          .map((id) => id.textContent)
          .filter((id, i, all) => id !== "live only" && all.indexOf(id) !== i),
      ),
      [],
      "an event is there twice",
    );
    assert.deepEqual([...one.troubles, ...two.troubles], []);
  });

  test(`a form without scripts behind ${server}`, async () => {
    const site = sites[server];
    const profile = await chromium.profile({ javaScriptEnabled: false });
    const page = await profile.open(`${site.url}/`);
    await page.fill("#data", `no scripts on ${server}`);
    assert.equal(await page.isVisible("#sent"), false);
    await page.click("#send button[type=submit]");
    await until(() => page.url() === `${site.url}/#sent`, "back on the page");
    assert.equal(await page.isVisible("#sent"), true);
    const [[data]] = await site.sql(
      "SELECT data FROM pgfeed.event ORDER BY id DESC LIMIT 1",
    );
    assert.equal(data, `no scripts on ${server}`);
  });
}

test("pausing keeps what comes, and clearing clears", async () => {
  const site = sites.lighttpd;
  const profile = await chromium.profile();
  const page = await profile.open(`${site.url}/`);
  await isLive(page);
  await page.click("#pause");
  await publish(site.url, "events", "while paused");
  await shows(page, "#count", "(");
  const before = await page.innerText("#events");
  assert.ok(!before.includes("while paused"));
  await page.click("#pause");
  await shows(page, "#events", "while paused");
  await page.click("#clear");
  assert.equal(await page.innerText("#events"), "");
});

test("everything on the front page can be reached by keyboard", async () => {
  const profile = await chromium.profile();
  const page = await profile.open(`${sites.lighttpd.url}/`);
  await isLive(page);
  const met = [];
  for (let i = 0; i < 11; i++) {
    await page.keyboard.press("Tab");
    met.push(
      await page.evaluate(() => {
        const { activeElement: at } = document;
        return at.id || at.textContent.trim();
      }),
    );
  }
  for (const wanted of ["Skip to the events", "Demo", "Doctor", "data"])
    assert.ok(met.includes(wanted), `${wanted} is not among ${met}`);
  for (const wanted of ["generate", "pause", "clear"])
    assert.ok(met.includes(wanted), `${wanted} is not among ${met}`);
});

test("no page breaks its own security policy or axe's rules", async () => {
  const axe = await readFile("node_modules/axe-core/axe.min.js", "utf8");
  for (const colorScheme of ["light", "dark"]) {
    const profile = await chromium.profile({
      colorScheme,
      viewport: { width: 390, height: 800 },
    });
    await withHtmx(profile);
    for (const name of PAGES) {
      const page = await profile.open(`${sites.lighttpd.url}/${name}`);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(
        violations.map(({ id, nodes }) => [id, nodes.map((n) => n.html)]),
        [],
        `${name}, ${colorScheme}`,
      );
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth > innerWidth,
      );
      assert.ok(!wide, `${name} is wider than a phone`);
      assert.deepEqual(page.troubles, [], name);
      const meta = await page.getAttribute(
        'meta[http-equiv="Content-Security-Policy"]',
        "content",
      );
      assert.match(
        meta,
        /default-src 'none'; script-src 'self'; style-src 'self'/,
      );
      await page.close();
    }
  }
});

test("the pages come with a policy in their head, too", async () => {
  for (const { url } of Object.values(sites)) {
    const res = await fetch(`${url}/status.html`);
    const policy = res.headers.get("Content-Security-Policy");
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
  }
});

test("chat: a WebSocket tutorial's client", async () => {
  const profile = await chromium.profile();
  const url = `${sites.lighttpd.url}/examples/chat.html`;
  const [ann, bob] = [await profile.open(url), await profile.open(url)];
  await isLive(ann);
  await isLive(bob);
  await ann.fill("#name", "Ann");
  await ann.fill("#text", "hello <i>Bob</i>");
  await ann.press("#text", "Enter");
  await shows(bob, "#messages", "Ann: hello <i>Bob</i>");
  await bob.selectOption("#room", "kitchen");
  await shows(bob, "#state", "In kitchen");
  await ann.fill("#text", "only in the lobby");
  await ann.press("#text", "Enter");
  await shows(ann, "#messages", "only in the lobby");
  assert.equal(await bob.innerText("#messages"), "");
  assert.deepEqual([...ann.troubles, ...bob.troubles], []);
});

test("the live table follows its table, without a script of its own", async () => {
  const site = sites.lighttpd;
  const profile = await chromium.profile();
  const page = await profile.open(`${site.url}/examples/table.html`);
  const rows = () => page.innerText("#rows");
  await site.sql("INSERT INTO events (event) VALUES ('first'), ('second')");
  await shows(page, "#rows", "second");
  await site.sql("UPDATE events SET event = 'newer' WHERE event = 'first'");
  await shows(page, "#rows", "newer");
  assert.ok(!(await rows()).includes("first"));
  await site.sql("DELETE FROM events WHERE event = 'second'");
  await until(async () => !(await rows()).includes("second"));
  await site.sql("TRUNCATE events");
  await until(async () => (await rows()) === "");
  await page.fill("#data", "by the form");
  await page.click("form button");
  await shows(page, "pgfeed-list.events", "by the form");
  await shows(page, "output", "Sent");
  assert.deepEqual(page.troubles, []);
});

test("the dots of one browser move in another", async () => {
  const url = `${sites.lighttpd.url}/examples/dots.html`;
  const [one, two] = [await chromium.profile(), await chromium.profile()];
  const [here, there] = [await one.open(url), await two.open(url)];
  await here.click("#swarm");
  const circles = () => there.$$eval("circle", (all) => all.length);
  await until(async () => (await circles()) > 40, "the swarm");
  const where = () =>
    there.$$eval("circle", (all) => all[5].getAttribute("cx"));
  const before = await where();
  await until(async () => (await where()) !== before, "movement");
});

test("plain EventSource and htmx follow a topic", async () => {
  const site = sites.lighttpd;
  const profile = await chromium.profile();
  await withHtmx(profile);
  for (const name of ["eventsource", "htmx", "htmx2"]) {
    const page = await profile.open(`${site.url}/examples/${name}.html`);
    await publish(site.url, "demo", `for ${name}: <b>text</b>`);
    await shows(page, ".events", `for ${name}: <b>text</b>`);
    await site.kill("stream");
    await publish(site.url, "demo", `${name} resumed`);
    await shows(page, ".events", `${name} resumed`);
    await page.fill("#data", `sent by ${name}`);
    await page.click("form button");
    await shows(page, ".events", `sent by ${name}`);
    // How a killed gateway's stream ends is told to the console.
    const troubles = page.troubles.filter(
      (text) => !/INCOMPLETE|network error|object Event/.test(text),
    );
    assert.deepEqual(troubles, [], name);
  }
});

/* What a topic of the demo may bring: anybody may publish to it. */
const HOSTILE = [
  "",
  "null",
  "7",
  '"text"',
  "[]",
  "{}",
  "{",
  "<img src=x onerror=alert(1)>",
  '{"from":"z","dots":{"length":20000000}}',
  '{"from":"z","dots":"text"}',
  '{"from":"z","dots":[null,1,"x",{},[]]}',
  '{"from":{"length":1e9},"dots":[[1,2]]}',
  '{"from":"z","dots":[[1e308,-1e308],[1],["NaN",2]]}',
  JSON.stringify({ from: "z", dots: Array(9000).fill([1, 2]) }),
  JSON.stringify({ from: { a: 1 }, text: { b: [2] } }),
  '{"table":"t","new":5,"old":null}',
  JSON.stringify({ table: "t", new: "x".repeat(60000), old: null }),
  JSON.stringify({
    table: "t",
    new: Object.fromEntries(
      Array(4000)
        .fill(0)
        .map((_, n) => [`c${n}`, n]),
    ),
    old: null,
  }),
  '{"table":"t","new":{"__proto__":1,"constructor":2},"old":[]}',
  '{"new":{"id":{"a":1}},"old":{"id":null},"table":{}}',
];
for (const [name, topic, valid, where, text] of [
  ["index", "events", "still here", "#events", "still here"],
  [
    "examples/dots",
    "dots",
    '{"from":"good","dots":[[500,500]]}',
    "#said",
    "1 h",
  ],
  [
    "examples/chat",
    "chat/lobby",
    '{"from":"a","text":"yes"}',
    "#messages",
    "a: yes",
  ],
  [
    "examples/table",
    "events",
    '{"table":"public.events","new":{"id":1,"event":"fine"},"old":null}',
    "#rows",
    "fine",
  ],
  ["examples/eventsource", "demo", "still here", "#list", "still here"],
  ["examples/htmx", "demo", "still here", ".events", "still here"],
  ["examples/htmx2", "demo", "still here", ".events", "still here"],
])
  test(`${name}.html survives whatever is published to its topic`, async () => {
    const profile = await chromium.profile();
    await withHtmx(profile);
    const page = await profile.open(`${sites.lighttpd.url}/${name}.html`);
    // Its stream is open when its first event comes.
    await until(async () => (await sites.lighttpd.status()).streams === 1);
    for (const data of HOSTILE) await publish(sites.lighttpd.url, topic, data);
    await publish(sites.lighttpd.url, topic, valid);
    await shows(page, where, text);
    assert.deepEqual(page.troubles, []);
    const nodes = () => page.evaluate(() => document.all.length);
    assert.ok((await nodes()) < 2000, `${await nodes()} elements`);
    assert.equal(
      await page.evaluate(() => document.querySelector("img[onerror]")),
      null,
    );
  });

test("words of the live table stay whole on a phone", async () => {
  const profile = await chromium.profile({
    viewport: { width: 390, height: 800 },
  });
  const page = await profile.open(`${sites.lighttpd.url}/examples/table.html`);
  await sites.lighttpd.sql(
    "INSERT INTO events (event) VALUES ('Wednesday delivery rescheduled')",
  );
  await shows(page, "#rows", "rescheduled");
  const lines = await page.evaluate(() => {
    const broken = [];
    const walk = document.createTreeWalker(
      document.querySelector("table"),
      NodeFilter.SHOW_TEXT,
    );
    while (walk.nextNode()) {
      const { data } = walk.currentNode;
      for (const { index, 0: word } of data.matchAll(/\w+/g)) {
        const range = document.createRange();
        range.setStart(walk.currentNode, index);
        range.setEnd(walk.currentNode, index + word.length);
        const tops = [...range.getClientRects()].map(({ top }) => top);
        if (new Set(tops).size > 1) broken.push(word);
      }
    }
    return broken;
  });
  assert.deepEqual(lines, []);
  await sites.lighttpd.sql("TRUNCATE events");
});

test("a form of pgfeed-elements sends what the browser would", async () => {
  const site = sites.lighttpd;
  const profile = await chromium.profile();
  const page = await profile.open(`${site.url}/examples/table.html`);
  const sent = async (html) => {
    await page.evaluate((html) => {
      const form = document.createElement("form");
      form.dataset.pgfeed = "csrf";
      form.action = "/events";
      form.method = "post";
      form.innerHTML = `${html}<output></output>`;
      document.body.append(form);
      form.requestSubmit();
      window.form = form;
    }, html);
    await until(() => page.evaluate(() => form.innerText.includes("Sent")));
    const [row] = await site.sql(
      "SELECT topic, kind, data FROM pgfeed.event ORDER BY id DESC LIMIT 1",
    );
    return row;
  };
  const field = (name, value) => `<input name="${name}" value="${value}">`;
  assert.deepEqual(
    await sent(
      field("_topic", "t/1") + field("_kind", "k") + field("data", "x"),
    ),
    ["t/1", "k", "x"],
  );
  assert.deepEqual(
    await sent(
      field("_topic", "t/2") +
        field("csrf", "secret") +
        field("topic", "of the form") +
        field("kind", "a") +
        field("kind", "b") +
        field("data", "x"),
    ),
    ["t/2", null, '{"topic":"of the form","kind":["a","b"],"data":"x"}'],
  );
});

test("the EventSource example comes back after a 500", async () => {
  const proxy = await startProxy(sites.lighttpd.url);
  proxy.buffering = false;
  const profile = await chromium.profile();
  const page = await profile.open(`${proxy.url}/examples/eventsource.html`);
  await publish(sites.lighttpd.url, "demo", "before the 500");
  await shows(page, "#list", "before the 500");
  proxy.refuse = { status: 500 };
  await sites.lighttpd.kill("stream");
  const asked = () => proxy.requests.filter((r) => /^GET \/ev/.test(r)).length;
  await until(() => asked() > 2, "a try of its own, after the browser's");
  await publish(sites.lighttpd.url, "demo", "after the 500");
  proxy.refuse = null;
  await shows(page, "#list", "after the 500");
});

test("the status page draws what the gateway tells", async () => {
  const site = sites.lighttpd;
  const profile = await chromium.profile();
  const page = await profile.open(`${site.url}/status.html`);
  await isLive(page);
  for (let i = 0; i < 5; i++) await publish(site.url, "events", `${i}`);
  for (const name of [
    "Streams",
    "Deliveries",
    "Latency",
    "Ring",
    "Lag",
    "Holes",
    "Database",
  ])
    await shows(page, "#charts", name);
  await until(async () =>
    /M[\d.]+ [\d.]+L/.test(await page.getAttribute(".line", "d")),
  );
  await shows(page, "#browser", "live");
  await shows(page, "#all", "deliveries");
  await shows(page, "#state-text", "Following PostgreSQL");
  assert.deepEqual(page.troubles, []);
});

test("the doctor finds a good way good, and a buffering proxy", async () => {
  const site = sites.lighttpd;
  const profile = await chromium.profile();
  const page = await profile.open(`${site.url}/doctor.html`);
  await page.click("#start");
  await shows(page, "#findings", "a stream resumes where it was left");
  await shows(page, "#said", "Done");
  const bad = await page.$$eval('[data-verdict="bad"]', (all) =>
    all.map((item) => item.textContent),
  );
  assert.deepEqual(bad, []);
  const proxy = await startProxy(site.url);
  const behind = await profile.open(`${proxy.url}/doctor.html`);
  await behind.click("#start");
  await shows(behind, "#findings", "Bad: no first record");
  await shows(behind, "#findings", "long-poll works");
});

test("the doctor names an origin that the gateway does not list", async () => {
  const proxy = await startProxy(sites.lighttpd.url);
  proxy.buffering = false;
  proxy.headers = { host: "backend.example", "sec-fetch-site": "cross-site" };
  const profile = await chromium.profile();
  const page = await profile.open(`${proxy.url}/doctor.html`);
  await page.click("#start");
  await shows(page, "#findings", "Bad: publishing is refused");
  await shows(page, "#findings", `origins has to list ${proxy.url}.`);
});

test("a gap is shown across the page, unless the page sees to it", async (t) => {
  const mock = await startMock({ root: WWW });
  t.after(() => mock.close());
  for (let n = 1; n <= 9; n++) mock.publish("a", `${n}`);
  mock.knobs.oldest = 5;
  const profile = await chromium.profile();
  const page = await openFeed(profile, mock.url, ["a"], { since: "2" });
  const alert = await page.waitForSelector("[role=alert]");
  assert.match(await alert.innerText(), /Some events are missing here/);
  const box = await alert.boundingBox();
  assert.ok(box.y === 0 && box.width > 600);
});

test("a tab that begins now is not held up by one in the past", async (t) => {
  const mock = await startMock({ root: WWW, heartbeat: 1 });
  t.after(() => mock.close());
  for (let n = 1; n <= 5; n++) mock.publish("a", `${n}`);
  mock.knobs.mute = true; // the past is slow in coming
  const profile = await chromium.profile();
  const past = await openFeed(profile, mock.url, ["a"], { since: "earliest" });
  await until(() => mock.open.size === 1);
  const now = await openFeed(profile, mock.url, ["a"]);
  await until(() => mock.open.size === 2);
  mock.knobs.mute = false;
  await until(async () => (await past.got()).length === 5);
  mock.publish("a", "6");
  await until(async () => (await past.got()).length === 6);
  await until(async () => (await now.got()).length === 1);
  assert.deepEqual(await now.got(), ["6"]);
  await until(() => mock.open.size === 1, "one connection");
});

test("links that never stand at the same position become one, too", async (t) => {
  const mock = await startMock({ root: WWW, heartbeat: 1 });
  t.after(() => mock.close());
  const elsewhere = setInterval(() => mock.publish("other", "x"), 7);
  t.after(() => clearInterval(elsewhere));
  const profile = await chromium.profile();
  const one = await openFeed(profile, mock.url, ["a"]);
  await one.live();
  const two = await openFeed(profile, mock.url, ["a"], { since: "-3" });
  await until(() => mock.open.size === 2);
  await two.live();
  await until(() => mock.open.size === 1, "one connection");
  mock.publish("a", "1");
  await until(async () => (await one.got()).length === 1);
  await until(async () => (await two.got()).length === 1);
});
