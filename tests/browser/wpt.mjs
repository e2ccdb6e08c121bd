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
 */
import { readdir, readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { startChromium, WWW } from "./harness.mjs";
import { startMock } from "./mock.mjs";

const [checkout] = process.argv.slice(2);
const LEFT_OUT = [
  [/^Secure-|wss/, "the same over TLS"],
  [/binary|blob|arraybuffer/i, "binary data is refused"],
  [
    /server-initiated|stream|referrer|cookie|opening-handshake/,
    "needs a WebSocket server",
  ],
  [/protocol-setCorrectly|extended-payload/, "needs a WebSocket server"],
  [
    /worker|idlharness|blocked-port|remove-own-iframe/,
    "about the browser, not the interface",
  ],
];

const mock = await startMock({ root: WWW, heartbeat: 5 });
const server = http.createServer(async (req, res) => {
  const url = new URL(req.url, "http://wpt");
  if (/^\/(events|pgfeed)/.test(url.pathname)) {
    const onward = http.request(
      mock.url + req.url,
      { method: req.method, headers: req.headers },
      (answer) => {
        res.writeHead(answer.statusCode, answer.headers);
        res.flushHeaders();
        answer.pipe(res);
      },
    );
    onward.on("error", () => res.destroy());
    res.on("close", () => onward.destroy());
    return req.pipe(onward);
  }
  try {
    if (url.pathname === "/run") {
      res.setHeader("Content-Type", "text/html; charset=utf-8");
      return res.end(await page(url.searchParams.get("file")));
    }
    const name = url.pathname.replace("testharnessreport.js", "none.js");
    let text = await readFile(path.join(checkout, name), "utf8");
    const { port } = server.address();
    text = text
      .replaceAll("{{host}}", "127.0.0.1")
      .replaceAll(/\{\{ports\[\w+\]\[0\]\}\}/g, `${port}`)
      .replace(/__PATH = "echo"/, '__PATH = "events/echo"');
    res.setHeader("Content-Type", "text/javascript; charset=utf-8");
    res.end(text);
  } catch {
    res.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;

async function page(file) {
  const text = await readFile(path.join(checkout, file), "utf8");
  const metas = [...text.matchAll(/^\/\/ META: script=(.*)$/gm)];
  const scripts = metas.map(
    ([, name]) => new URL(name, `${origin}/${file}`).pathname,
  );
  return `<!doctype html><meta charset="utf-8">
    <link rel="icon" href="data:,">
    <script src="/resources/testharness.js"></script>
    <script>
      setup({ explicit_timeout: true });
      add_completion_callback((tests) => {
        window.results = tests.map(({ name, status, message }) =>
          ({ name, status, message }));
      });
      const add = (src) => new Promise((done) => {
        const script = document.createElement("script");
        script.src = src;
        script.onload = script.onerror = done;
        document.head.append(script);
      });
      setup({ explicit_done: true });
      import("/pgfeed.js").then(async ({ FeedSocket }) => {
        window.WebSocket = FeedSocket;
        for (const src of ${JSON.stringify([...scripts, `/${file}`])})
          await add(src);
        done();
      });
    </script>`;
}

const names = (await readdir(path.join(checkout, "websockets"))).filter(
  (name) => name.endsWith(".any.js"),
);
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
  const tab = await profile.open(`${origin}/run?file=websockets/${name}`);
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
