/*
 * drivers.mjs - Chromium, Firefox ESR and WebKit behind one small interface, for
 * browsers.mjs.
 *
 * A driver is { name, missing(), start() }. missing() returns why the browser
 * cannot be tested here, or undefined. start() resolves with
 *
 *   { version, profile(), close() }
 *
 * A profile is { open(url), close() }, with cookies and workers of its own; a
 * page is { goto(url), back(), reload(), size(w, h), run(fn, ...args),
 * script(text), close() }. run() calls a function in the page with values that
 * JSON has, and resolves with what it returns.
 */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import net from "node:net";
import path from "node:path";
import readline from "node:readline";
import { startChromium, until } from "./harness.mjs";

/* The path of a program, or undefined. */
function find(...names) {
  const folders = process.env.PATH.split(":");
  return names
    .flatMap((name) => folders.map((folder) => path.join(folder, name)))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const call = (fn, args) =>
  `(${fn})(${args.map((arg) => JSON.stringify(arg) ?? "undefined").join(", ")})`;

/* Playwright's pages and puppeteer's are nearly alike. */
const wrap = (page, back, size) => ({
  goto: (url) => page.goto(url, { waitUntil: "load" }),
  back: () =>
    page[back]({ waitUntil: "commit", timeout: 10000 }).catch(() => {}),
  reload: () => page.reload({ waitUntil: "load" }),
  size: (width, height) => page[size]({ width, height }),
  run: (fn, ...args) => page.evaluate(call(fn, args)),
  script: (text) => page.evaluate(`${text};0`),
  close: () => page.close(),
});

const chromium = {
  name: "Chromium",
  missing: () =>
    process.env.CHROMIUM ? undefined : "chromium is not installed",
  async start() {
    const browser = await startChromium();
    return {
      version: browser.version,
      async profile() {
        const { context, close } = await browser.profile();
        return {
          async open(url) {
            const page = await context.newPage();
            await page.goto(url);
            return wrap(page, "goBack", "setViewportSize");
          },
          close,
        };
      },
      close: () => browser.close(),
    };
  },
};

const FIREFOX = find("firefox-esr", "firefox");
const firefox = {
  name: "Firefox",
  missing: () => (FIREFOX ? undefined : "firefox-esr is not installed"),
  async start() {
    const { default: puppeteer } = await import("puppeteer-core");
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: FIREFOX,
      // Puppeteer turns the back/forward cache off; people have it.
      extraPrefsFirefox: { "fission.bfcacheInParent": true },
    });
    return {
      version: (await browser.version()).split("/").pop(),
      async profile() {
        const context = await browser.createBrowserContext();
        return {
          async open(url) {
            const page = await context.newPage();
            await page.goto(url);
            return wrap(page, "goBack", "setViewport");
          },
          close: () => context.close(),
        };
      },
      close: () => browser.close(),
    };
  },
};

/* --- WebKit: plain WebDriver (W3C), a driver and a session for each profile */

const WEBKIT = find("WebKitWebDriver");
const XVFB = find("Xvfb");
const freePort = () =>
  new Promise((done) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

async function startDisplay() {
  const child = spawn(
    XVFB,
    ["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const lines = readline.createInterface({ input: child.stdout });
  const { value } = await lines[Symbol.asyncIterator]().next();
  return { display: `:${value}`, end: () => child.kill() };
}

async function startSession(display) {
  const port = await freePort();
  const child = spawn(WEBKIT, [`--port=${port}`], {
    stdio: "ignore",
    env: {
      ...process.env,
      DISPLAY: display,
      GDK_BACKEND: "x11",
      LIBGL_ALWAYS_SOFTWARE: "1",
      // Its sandbox needs namespaces, which root and containers lack.
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
    },
  });
  const ask = async (method, at, body) => {
    const res = await fetch(`http://127.0.0.1:${port}${at}`, {
      method,
      body: body && JSON.stringify(body),
    });
    const { value } = await res.json();
    if (!res.ok) throw Error(`${at}: ${value.error}: ${value.message}`);
    return value;
  };
  await until(
    () => ask("GET", "/status").catch(() => false),
    "WebKitWebDriver",
  );
  const { sessionId, capabilities } = await ask("POST", "/session", {
    capabilities: { alwaysMatch: { browserName: "MiniBrowser" } },
  });
  const at = `/session/${sessionId}`;
  await ask("POST", `${at}/timeouts`, { script: 60000, pageLoad: 60000 });
  let turn = Promise.resolve();
  return {
    version: capabilities.browserVersion,
    first: await ask("GET", `${at}/window`),
    /* Commands in the order given: a window is chosen, then spoken to. */
    command(window, method, name, body) {
      const run = async () => {
        if (window) await ask("POST", `${at}/window`, { handle: window });
        return ask(method, `${at}${name}`, body);
      };
      turn = turn.then(run, run);
      return turn;
    },
    async close() {
      await ask("DELETE", at).catch(() => {});
      child.kill();
    },
  };
}

const windowOf = (session, window) => {
  const tell = (method, name, body) =>
    session.command(window, method, name, body);
  return {
    goto: (url) => tell("POST", "/url", { url }),
    back: () => tell("POST", "/back", {}),
    reload: () => tell("POST", "/refresh", {}),
    size: (width, height) => tell("POST", "/window/rect", { width, height }),
    async run(fn, ...args) {
      const script = `
        const done = arguments[0];
        new Promise((good) => good(${call(fn, args)})).then(
          (value) => done({ value }), (error) => done({ error: String(error) }));`;
      const { value, error } = await tell("POST", "/execute/async", {
        script,
        args: [],
      });
      if (error) throw Error(error);
      return value;
    },
    script: (text) => tell("POST", "/execute/sync", { script: text, args: [] }),
    close: () => tell("DELETE", "/window"),
  };
};

const webkit = {
  name: "WebKit",
  missing: () =>
    !WEBKIT
      ? "webkit2gtk-driver is not installed"
      : !XVFB
        ? "xvfb is not installed"
        : undefined,
  async start() {
    const { display, end } = await startDisplay();
    const sessions = new Set();
    const begin = async () => {
      const session = await startSession(display);
      sessions.add(session);
      return session;
    };
    const probe = await begin();
    await probe.close();
    return {
      version: probe.version,
      async profile() {
        const session = await begin();
        let { first } = session;
        return {
          async open(url) {
            const window =
              first ??
              (await session
                .command(null, "POST", "/window/new", {
                  type: "tab",
                })
                .then(({ handle }) => handle));
            first = undefined;
            const page = windowOf(session, window);
            await page.goto(url);
            return page;
          },
          close: () => session.close(),
        };
      },
      async close() {
        for (const session of sessions) await session.close();
        end();
      },
    };
  },
};

export const drivers = { chromium, firefox, webkit };
