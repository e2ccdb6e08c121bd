/*
 * wpt.mjs CHECKOUT - runs the public web-platform-tests for WebSocket against
 * FeedSocket, as far as they fit: a topic is an echo server. The tests are not
 * part of pgfeed; bring them with
 *
 *   git clone --depth 1 --filter=blob:none --sparse \
 *       https://github.com/web-platform-tests/wpt CHECKOUT
 *   git -C CHECKOUT sparse-checkout set resources websockets
 *
 * and run tests/browser/run.sh --wpt CHECKOUT in a build tree. Prints a line
 * for each test file; those that cannot fit are left out, with the reason.
 *
 * The tests for EventSource are about a browser's EventSource, and bring their
 * own server: nothing of pgfeed would take part in them.
 */
import { execFile } from "node:child_process";
import http from "node:http";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { SOURCE, startChromium, WWW } from "./harness.mjs";
import { startMock } from "./mock.mjs";

const [checkout] = process.argv.slice(2);
const LEFT_OUT = [
  [/binary|blob|arraybuffer|events\/01[578]/i, "binary data is refused"],
  [/mixed-content|wss|^Secure-/, "the same over TLS"],
  [
    /server-initiated|delayed|extensions-empty|basic-auth|backpressure|referrer|setCorrectly|events\/016|send\/00[89]|close-connecting\.html|constructor\/0(09|1[0-468]|22)/,
    "needs a WebSocket server that does as the test wants",
  ],
  [
    /worker|idlharness|blocked-port|remove-own-iframe|CloseEvent\/(con|hist)/,
    "about the browser, not the interface",
  ],
];

const PACKAGE = "wpt-package";
await promisify(execFile)("node", [`${SOURCE}/www/pack.mjs`, WWW, PACKAGE]);
const mock = await startMock({ root: WWW, heartbeat: 5 });

/* Every address that is not a file is an echo server's. */
function forward(req, res) {
  const target = mock.url + req.url.replace(/^\/+(?!events)[^?]*/, "/events");
  const { method, headers } = req;
  const onward = http.request(target, { method, headers }, (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    res.flushHeaders();
    answer.pipe(res);
  });
  onward.on("error", () => res.destroy());
  res.on("close", () => onward.destroy());
  req.pipe(onward);
}

const server = http.createServer(async (req, res) => {
  const url = new URL(req.url, "http://wpt");
  if (!/\.(js|html)$/.test(url.pathname)) return forward(req, res);
  try {
    const [body, type] = await find(url.pathname);
    res.setHeader("Content-Type", `text/${type}; charset=utf-8`);
    res.end(body);
  } catch {
    res.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const { port } = server.address();

async function find(name) {
  const packed = /pgfeed[\w.-]*$/.exec(name);
  if (packed)
    return [await readFile(path.join(PACKAGE, packed[0])), "javascript"];
  if (name.endsWith("/testharnessreport.js"))
    return [
      `${await readFile(path.join(PACKAGE, "pgfeed.global.js"), "utf8")}
      window.WebSocket = pgfeed.FeedSocket;
      setup({ explicit_timeout: true });
      add_completion_callback((tests) => {
        window.results = tests.map(({ name, status, message }) =>
          ({ name, status, message }));
      });`,
      "javascript",
    ];
  const script = name.replace(/\.html$/, ".js");
  if (/\.any\.html$/.test(name)) return [await page(script), "html"];
  const text = await readFile(path.join(checkout, name), "utf8");
  return [
    text
      .replaceAll("{{host}}", "127.0.0.1")
      .replaceAll(/\{\{ports\[\w+\]\[0\]\}\}/g, `${port}`)
      .replace(/__PATH = "echo"/, '__PATH = "events/echo"'),
    name.endsWith(".html") ? "html" : "javascript",
  ];
}

/* The page that wptserve makes of a .any.js file. */
async function page(name) {
  const text = await readFile(path.join(checkout, name), "utf8");
  const metas = [...text.matchAll(/^\/\/ META: script=(.*)$/gm)];
  const scripts = [
    "/resources/testharness.js",
    "/resources/testharnessreport.js",
    ...metas.map(([, script]) => script),
    name,
  ];
  const tags = scripts.map((src) => `<script src="${src}"></script>`);
  return `<!doctype html><meta charset="utf-8"><title></title>
    <link rel="icon" href="data:,">${tags.join("")}`;
}

const all = await readdir(path.join(checkout, "websockets"), {
  recursive: true,
});
const names = all
  .filter((name) =>
    /^[^/]+\.any\.js$|^(interfaces|constructor)\/.*\.\w+$/.test(name),
  )
  .filter((name) => /\.(any\.js|html)$/.test(name));
const chromium = await startChromium();
const sum = { pass: 0, fail: 0, "left out": 0 };
for (const name of names.sort()) {
  const reason = LEFT_OUT.find(([test]) => test.test(name))?.[1];
  if (reason) {
    sum["left out"]++;
    console.log(`left out  ${name}: ${reason}`);
    continue;
  }
  const profile = await chromium.profile();
  const address = name.replace(/\.js$/, ".html");
  const tab = await profile.open(
    `http://127.0.0.1:${port}/websockets/${address}`,
  );
  const results = await tab
    .waitForFunction(() => window.results, null, { timeout: 10000 })
    .then((handle) => handle.jsonValue())
    .catch(() => [{ name: "all of it", status: 2, message: "did not end" }]);
  const bad = results.filter(({ status }) => status !== 0);
  sum[bad.length ? "fail" : "pass"]++;
  console.log(`${bad.length ? "fail    " : "pass    "}  ${name}`);
  for (const { name, message } of bad)
    console.log(`            ${name}: ${message}`);
  await profile.close();
}
console.log(
  Object.entries(sum)
    .map(([what, n]) => `${n} ${what}`)
    .join(", "),
);
await chromium.close();
await mock.close();
server.close();
server.closeAllConnections();
