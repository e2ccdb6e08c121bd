/*
 * browsers.mjs [--table FILE] [BROWSER...] - what matters of www/ in Chromium,
 * Firefox ESR and WebKit, with pgfeed behind lighttpd, for make check-browsers.
 *
 * Prints a line for each test and browser. Puts the table of the results between
 * the two marks in FILE, when that is given. A browser that is missing is
 * skipped, with the reason. Exits with 1 if a test fails, 77 if no browser is
 * here.
 *
 * A test returns what its cell of the table says, "yes" if it returns nothing.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { drivers } from "./drivers.mjs";
import { numbers, publish, startProxy, startSite, until } from "./harness.mjs";

const axe = await readFile("node_modules/axe-core/axe.min.js", "utf8");
const PAGES = [
  "",
  "status.html",
  "doctor.html",
  "examples/",
  "examples/chat.html",
  "examples/table.html",
  "examples/dots.html",
  "examples/eventsource.html",
  "examples/htmx.html",
  "examples/htmx2.html",
];

/* --- the site, and pages of our own in front of it */

const page = (script, head = "") => ({
  type: "text/html; charset=utf-8",
  text: `<!doctype html><html lang="en"><title>test</title>
    <link rel="icon" href="data:,">${head}<script type="module">${script}</script>`,
});
const OWN_PAGES = {
  "/t/feed.html": page(`
    import { Feed } from "/pgfeed.js";
    const query = new URLSearchParams(location.search);
    window.feed = new Feed("/events", {
      topics: query.getAll("topic"),
      persist: query.get("persist") ?? undefined,
    });
    feed.addEventListener("message", ({ data }) => {
      sessionStorage.got = (sessionStorage.got ?? "") + data + ",";
    });
    addEventListener("pageshow", (e) => (window.kept = e.persisted));`),
  "/t/bare.html": page('new EventSource("/events?topic=bare");'),
  "/t/right.html": page(`
    let source;
    const follow = () => (source = new EventSource("/events?topic=right"));
    follow();
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (e) => e.persisted && follow());`),
  "/t/resume.html": page(`
    window.source = new EventSource("/events?topic=resume");
    window.got = "";
    source.onmessage = ({ data }) => (got += data + ",");`),
  "/t/empty.html": page(""),
  "/through.js": {
    type: "text/javascript",
    text: `addEventListener("install", () => skipWaiting());
      addEventListener("activate", (e) => e.waitUntil(clients.claim()));
      addEventListener("fetch", (e) => e.respondWith(fetch(e.request)));`,
  },
  "/early.js": {
    type: "text/javascript",
    text: `addEventListener("install", () => skipWaiting());
      addEventListener("activate", (e) => e.waitUntil(clients.claim()));
      addEventListener("fetch", (e) => {
        if (new URL(e.request.url).pathname.startsWith("/events")) return;
        e.respondWith(fetch(e.request));
      });`,
  },
};
const site = await startSite("lighttpd", {
  heartbeat: "1s",
  retry_min: "100ms",
  retry_max: "300ms",
});
const front = await startProxy(site.url);
front.buffering = false;
front.pages = OWN_PAGES;
const url = front.url;
const noScripts = await startProxy(site.url);
noScripts.buffering = false;
noScripts.policy = "script-src 'none'";

const streams = (n, limit_ms) =>
  until(
    async () => (await site.status()).streams === n,
    `${n} streams`,
    limit_ms,
  );
const state = (page) => page.run(() => window.feed?.state);
const live = (page) =>
  until(async () => (await state(page)) === "live", "live");
const got = async (page) =>
  (await page.run(() => sessionStorage.got ?? "")).split(",").filter(Boolean);
const all = async (pages, to) => {
  for (const page of pages) {
    await until(async () => (await got(page)).length >= to, `${to} events`);
    assert.deepEqual(await got(page), numbers(1, to));
  }
};
const shows = (page, where, text) =>
  until(
    () =>
      page.run(
        (where, text) =>
          document.querySelector(where)?.innerText.includes(text),
        where,
        text,
      ),
    `"${text}" in ${where}`,
  );
const fill = (page, where, text) =>
  page.run(
    (where, text) => {
      document.querySelector(where).value = text;
    },
    where,
    text,
  );
const click = (page, where) =>
  page.run((where) => document.querySelector(where).click(), where);
const feedPage = (profile, topic, more = "") =>
  profile.open(`${url}/t/feed.html?topic=${topic}${more}`);
/* Opens so many pages, one after the other, in one tab. */
async function walk(profile, name, many) {
  const tab = await profile.open(`${url}/t/empty.html`);
  for (let n = 1; n <= many; n++) {
    const there = tab.goto(`${url}/t/${name}.html?${n}`).then(() => true);
    const late = new Promise((done) => setTimeout(done, 10000));
    if (!(await Promise.race([there, late]))) return n;
  }
  return undefined;
}

/* --- the tests */

const TESTS = {
  async "demo: sent by the form, shown in another tab"(profile) {
    const one = await profile.open(`${url}/`);
    const two = await profile.open(`${url}/`);
    for (const page of [one, two])
      await until(() =>
        page.run(() => !!document.querySelector('#state[data-state="live"]')),
      );
    const text = "typed \u{1F418} <b>&amp;";
    await fill(one, "#data", text);
    await click(one, "#send button[type=submit]");
    await shows(two, "#events", text);
    await shows(one, "#said", "Committed as event");
  },

  async "six tabs share one connection"(profile, topic) {
    const tabs = [];
    for (let i = 0; i < 6; i++) tabs.push(await feedPage(profile, topic));
    for (const tab of tabs) await live(tab);
    await streams(1);
    await site.publish(topic, 1, 20);
    await all(tabs, 20);
    const publishing = site.publish(topic, 21, 60, 10);
    await tabs.shift().close();
    await publishing;
    await all(tabs, 60);
    await streams(1);
  },

  async "20 reloads while events come: each once"(profile, topic) {
    const tab = await feedPage(profile, topic, "&persist=r");
    await live(tab);
    let going = true;
    const publishing = (async () => {
      let n = 0;
      while (going) await site.publish(topic, ++n, n, 5);
      return n;
    })();
    for (let i = 0; i < 20; i++) {
      await tab.reload();
      if (i % 3) await live(tab);
    }
    going = false;
    await all([tab], await publishing);
  },

  async "the gateway and the database are killed: each event once"(
    profile,
    topic,
  ) {
    const tabs = [
      await feedPage(profile, topic),
      await feedPage(profile, topic),
    ];
    for (const tab of tabs) await live(tab);
    const publish = (from, to) =>
      site.sql(
        "SELECT pgfeed.publish(%s, n::text) FROM generate_series(%s, %s) n",
        topic,
        from,
        to,
      );
    await publish(1, 10);
    await site.kill("stream");
    await publish(11, 20);
    await all(tabs, 20);
    await site.stop("stream");
    await publish(21, 30);
    await until(async () => (await state(tabs[0])) === "waiting", "waiting");
    await site.start("stream");
    await all(tabs, 30);
    await site.restartDatabase();
    await publish(31, 40);
    await all(tabs, 40);
  },

  async "back to a page with a Feed: up to date"(profile, topic) {
    const tab = await feedPage(profile, topic, "&persist=b");
    await live(tab);
    await site.publish(topic, 1, 3);
    await all([tab], 3);
    await tab.goto(`${url}/t/empty.html`);
    await site.publish(topic, 4, 6);
    await tab.back();
    await all([tab], 6);
    const kept = await tab.run(() => window.kept);
    return kept ? "yes, kept by the browser" : "yes, loaded anew";
  },

  async "the stream of a page with a Feed that was left"(profile, topic) {
    const tab = await feedPage(profile, topic);
    await live(tab);
    await tab.goto(`${url}/t/empty.html`);
    const ended = await streams(0, 5000).catch(() => false);
    if (ended) return "ends at once";
    // Whatever the browser does: never more than one.
    for (let n = 0; n < 8; n++)
      await tab.goto(`${url}/t/feed.html?topic=x${n}`);
    await live(tab);
    await streams(1);
    return "ends with the next Feed";
  },

  async "8 pages with a bare EventSource"(profile) {
    const stuck = await walk(profile, "bare", 8);
    return stuck ? `**page ${stuck} hangs**` : "all load";
  },

  async "8 pages that close it at pagehide"(profile) {
    assert.equal(await walk(profile, "right", 8), undefined, "stuck");
    return "all load";
  },

  async "EventSource resumes after the gateway is killed"(profile) {
    const tab = await profile.open(`${url}/t/resume.html`);
    const open = () => tab.run(() => source.readyState === 1);
    await until(open, "open");
    await publish(site.url, "resume", "1");
    await until(() => tab.run(() => got === "1,"), "the first");
    await site.kill("stream");
    await publish(site.url, "resume", "2");
    await until(() => tab.run(() => got === "1,2,"), "the second");
  },

  async "a form without scripts: sent, and says so"(profile) {
    const tab = await profile.open(`${noScripts.url}/`);
    const text = `without scripts ${Math.random()}`;
    await fill(tab, "#data", text);
    await click(tab, "#send button[type=submit]");
    // The page is another one meanwhile, which a driver may complain of.
    const back = () => tab.run(() => location.hash === "#sent");
    await until(() => back().catch(() => false), "being back");
    await shows(tab, "#sent", "Sent, and committed");
    const [[data]] = await site.sql(
      "SELECT data FROM pgfeed.event ORDER BY id DESC LIMIT 1",
    );
    assert.equal(data, text);
  },

  async "the doctor finds nothing bad"(profile) {
    const tab = await profile.open(`${url}/doctor.html`);
    await click(tab, "#start");
    await shows(tab, "#said", "Done");
    await shows(tab, "#said", "0 bad");
  },

  async "the doctor finds a service worker that passes all on"(profile) {
    const tab = await profile.open(`${url}/doctor.html`);
    const register = (name) =>
      tab.run(async (name) => {
        await navigator.serviceWorker.register(name);
        await navigator.serviceWorker.ready;
      }, name);
    await register("/through.js");
    await tab.goto(`${url}/doctor.html`);
    await click(tab, "#start");
    await shows(tab, "#findings", "a service worker ");
    const tells = await tab.run(() => !/Apple/.test(navigator.vendor));
    if (!tells) return "names it, cannot tell";
    await shows(tab, "#findings", "a service worker answers for /events");
    await register("/early.js");
    await tab.goto(`${url}/doctor.html`);
    await click(tab, "#start");
    await shows(tab, "#findings", "a service worker lets /events pass");
  },

  async "axe finds nothing on any page, at 390 px"(profile) {
    const tab = await profile.open(`${url}/t/empty.html`);
    await tab.size(390, 800);
    for (const name of PAGES) {
      await tab.goto(`${url}/${name}`);
      await tab.script(axe);
      const found = await tab.run(async () => {
        const { violations } = await window.axe.run();
        const wide = document.documentElement.scrollWidth > innerWidth;
        return [
          ...violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
          ...(wide ? ["wider than the window"] : []),
        ];
      });
      assert.deepEqual(found, [], name);
    }
  },
};

/* --- running them */

const args = process.argv.slice(2);
const table = args[0] === "--table" && args.splice(0, 2)[1];
const chosen = args.length ? args : Object.keys(drivers);
// ONLY=REGEXP runs the tests with such a title.
const only = RegExp(process.env.ONLY ?? "");
const tests = Object.entries(TESTS).filter(([title]) => only.test(title));
const columns = [];
let failed = 0;
for (const name of chosen) {
  const driver = drivers[name];
  const reason = driver.missing();
  if (reason) {
    console.log(`skip    ${driver.name}: ${reason}`);
    continue;
  }
  const browser = await driver.start();
  const column = { name: `${driver.name} ${browser.version}`, cells: [] };
  columns.push(column);
  for (const [title, test] of tests) {
    const profile = await browser.profile();
    let cell;
    try {
      const topic = `${name}/${column.cells.length}`;
      cell = (await test(profile, topic)) ?? "yes";
      console.log(`pass    ${driver.name}: ${title}: ${cell}`);
    } catch (error) {
      failed++;
      cell = "**fails**";
      console.log(`fail    ${driver.name}: ${title}: ${error.stack}`);
    }
    column.cells.push(cell);
    await profile.close();
    await streams(0);
  }
  await browser.close();
}
await front.close();
await noScripts.close();
await site.close();

const row = (cells) => `| ${cells.join(" | ")} |`;
const text = [
  row(["", ...columns.map(({ name }) => name)]),
  `|---${"|---".repeat(columns.length)}|`,
  ...tests.map(([title], n) =>
    row([title, ...columns.map(({ cells }) => cells[n])]),
  ),
].join("\n");
console.log(text);
if (table) {
  const between = /(?<=<!-- make check-browsers -->\n)[^]*(?=<!-- its end -->)/;
  const file = await readFile(table, "utf8");
  assert.match(file, between);
  await writeFile(
    table,
    file.replace(between, () => `\n${text}\n\n`),
  );
}
process.exit(failed ? 1 : columns.length ? 0 : 77);
