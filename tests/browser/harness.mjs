/*
 * harness.mjs - what the browser tests stand on: chromium, the real site, and
 * networks that misbehave.
 */
import { spawn } from "node:child_process";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import readline from "node:readline";
import { pathToFileURL } from "node:url";

export const SOURCE = path.resolve(process.env.PGFEED_SOURCE);
export const WWW = path.join(SOURCE, "www");
export const { Feed, FeedSocket } = await import(
  pathToFileURL(path.join(WWW, "pgfeed.js"))
);

/* Waits for test() to be true, and returns what it returned. */
export async function until(test, what = test, limit_ms = 30000) {
  const end = Date.now() + limit_ms;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw Error(`not within ${limit_ms} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/* --- chromium */

const networks = new Set();
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function startChromium() {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ARGUMENTS,
    // Playwright turns the back/forward cache off; people have it.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
  const profiles = new Set();
  return {
    version: browser.version(),
    /* Whatever a test left open, whether it passed or not. */
    async tidy() {
      for (const it of [...profiles, ...networks]) await it.close();
    },
    /* A browser of its own, as to storage, workers and locks. */
    async profile(options) {
      const context = await browser.newContext(options);
      const profile = {
        context,
        close() {
          profiles.delete(profile);
          return context.close();
        },
        /* A page that notes what goes wrong on it in page.troubles. */
        async open(url) {
          const page = await context.newPage();
          page.troubles = [];
          page.on("pageerror", (e) => page.troubles.push(`${e}`));
          page.on("console", (m) => {
            if (m.type() === "error") page.troubles.push(m.text());
          });
          if (url) await page.goto(url);
          return page;
        },
      };
      profiles.add(profile);
      return profile;
    },
    /* As when memory is short. Returns how many there were. */
    async killWorkers() {
      const devtools = await browser.newBrowserCDPSession();
      const { targetInfos } = await devtools.send("Target.getTargets", {
        filter: [{ type: "shared_worker" }],
      });
      for (const { targetId } of targetInfos)
        await devtools.send("Target.closeTarget", { targetId });
      await devtools.detach();
      return targetInfos.length;
    },
    close: () => browser.close(),
  };
}

/*
 * A page of the site with a feed on it, which keeps what it got, as text:
 * page.got(). It is the page's own script, so it starts over at each reload.
 */
export async function openFeed(profile, url, topics, options = {}) {
  const page = await profile.open();
  await page.addInitScript(
    ([topics, options]) => {
      if (location.pathname !== "/examples/") return;
      window.ready = import("/pgfeed.js").then(({ Feed }) => {
        const feed = new Feed("/events", { topics, ...options });
        feed.addEventListener("message", ({ data }) => {
          sessionStorage.got = `${sessionStorage.got ?? ""}${data},`;
        });
        window.since = {}; // when it came to a state, after the page began
        feed.addEventListener("state", ({ state }) => {
          window.since[state] ??= performance.now();
        });
        feed.addEventListener("gap", () => {
          sessionStorage.gaps = 1 + +(sessionStorage.gaps ?? 0);
        });
        window.feed = feed;
      });
    },
    [topics, options],
  );
  page.got = async () =>
    (await page.evaluate(() => sessionStorage.got ?? ""))
      .split(",")
      .filter(Boolean);
  page.state = () => page.evaluate(() => window.feed?.state);
  page.live = (state = "live", limit_ms) =>
    until(async () => (await page.state()) === state, state, limit_ms);
  await page.goto(`${url}/examples/`);
  await page.evaluate(() => window.ready);
  return page;
}

/* --- the real site */

export async function startSite(server = "lighttpd", options = {}) {
  const script = path.join(SOURCE, "tests/browser/site.py");
  const given = Object.entries(options).map(([k, v]) => `${k}=${v}`);
  const child = spawn("/usr/bin/python3", [script, server, ...given], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = readline
    .createInterface({ input: child.stdout })
    [Symbol.asyncIterator]();
  const hear = async () => {
    const { value, done } = await answers.next();
    if (done) throw Error("site.py ended");
    return JSON.parse(value);
  };
  const first = await hear();
  if (first.missing) throw Error(`not here: ${first.missing}`);
  let turn = Promise.resolve();
  const act = (order) => {
    turn = turn.then(async () => {
      child.stdin.write(`${JSON.stringify(order)}\n`);
      const { value, error } = await hear();
      if (error) throw Error(error);
      return value;
    });
    return turn;
  };
  return {
    url: first.url,
    /* Events with these numbers as their data, one after the other. */
    async publish(topic, from, to, pause_ms = 0) {
      for (const n of numbers(from, to)) {
        await publish(first.url, topic, n);
        if (pause_ms) await new Promise((done) => setTimeout(done, pause_ms));
      }
    },
    sql: (sql, ...args) =>
      act({ do: "sql", sql, args: args.length ? args : null }),
    kill: (name) => act({ do: "kill", name }),
    stop: (name) => act({ do: "stop", name }),
    start: (name) => act({ do: "start", name }),
    restartDatabase: () => act({ do: "restart_database" }),
    log: (name) => act({ do: "log", name }),
    async status() {
      return (await fetch(`${first.url}/events/-/status`)).json();
    },
    close: () =>
      new Promise((done) => {
        child.on("exit", done);
        child.stdin.end();
      }),
  };
}

/* Publishes as a script does, without pgfeed.js. */
export async function publish(url, topic, data, kind) {
  const query = new URLSearchParams({ topic, ...(kind && { kind }) });
  const res = await fetch(`${url}/events?${query}`, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: data,
  });
  if (res.status !== 201) throw Error(`${res.status}: ${await res.text()}`);
  return (await res.json()).id;
}

export const numbers = (from, to) =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

/* --- networks */

/*
 * A wire to a port: cut() drops every connection and refuses new ones until
 * mend(); freeze() lets nothing through any more, as when a cable is pulled,
 * and connections stay open.
 */
export async function startWire(target) {
  const { port } = new URL(target);
  const ends = new Set();
  let state = "good";
  const server = net.createServer((near) => {
    if (state === "cut") return near.resetAndDestroy();
    const far = net.connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      ends.add(from);
      from.on("data", (bytes) => from.dead || to.write(bytes));
      from.on("error", () => to.destroy());
      from.on("close", () => {
        ends.delete(from);
        to.destroy();
      });
      from.dead = state === "frozen";
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const wire = {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() {
      state = "cut";
      ends.forEach((end) => end.resetAndDestroy());
    },
    freeze() {
      state = "frozen";
      ends.forEach((end) => (end.dead = true));
    },
    /* What was frozen stays so: as on a new network, the old one gone. */
    mend: () => (state = "good"),
    close: () =>
      new Promise((done) => {
        networks.delete(wire);
        server.close(done);
        ends.forEach((end) => end.destroy());
      }),
  };
  networks.add(wire);
  return wire;
}

/*
 * A proxy that keeps each answer until it is complete, while buffering is on:
 * what streams never are. With refuse set it answers that itself, and what has
 * a path of pages, by { type, text }. headers go upstream with each request,
 * and policy down, as the Content-Security-Policy.
 */
export async function startProxy(target) {
  const proxy = {
    buffering: true,
    refuse: null,
    requests: [],
    pages: {},
    headers: {},
  };
  const server = http.createServer((req, res) => {
    proxy.requests.push(`${req.method} ${req.url}`);
    const page = proxy.pages[req.url.split("?")[0]];
    if (page) {
      res.writeHead(200, { "Content-Type": page.type });
      return res.end(page.text);
    }
    if (proxy.refuse && req.url.startsWith("/events")) {
      res.writeHead(proxy.refuse.status, proxy.refuse.headers);
      return res.end("the proxy says no");
    }
    const { buffering } = proxy;
    const headers = { ...req.headers, ...proxy.headers };
    const options = { method: req.method, headers };
    const onward = http.request(target + req.url, options, (answer) => {
      if (proxy.policy)
        answer.headers["content-security-policy"] = proxy.policy;
      const parts = [];
      if (!buffering) {
        res.writeHead(answer.statusCode, answer.headers);
        res.flushHeaders();
      }
      answer.on("data", (part) =>
        buffering ? parts.push(part) : res.write(part),
      );
      answer.on("close", () => answer.complete || res.destroy());
      answer.on("end", () => {
        if (buffering) res.writeHead(answer.statusCode, answer.headers);
        res.end(Buffer.concat(parts));
      });
    });
    onward.on("error", () => res.destroy());
    res.on("close", () => onward.destroy());
    req.pipe(onward);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  networks.add(proxy);
  proxy.close = () =>
    new Promise((done) => {
      networks.delete(proxy);
      server.close(done);
      server.closeAllConnections();
    });
  return proxy;
}
