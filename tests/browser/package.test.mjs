/*
 * package.test.mjs - what npm pack makes of www/, where people will use it: in
 * Node, in TypeScript, in a page with a bundler (Vite), and from a plain script
 * element. And that it is as small as it says.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { SOURCE, startChromium, until } from "./harness.mjs";
import { startMock } from "./mock.mjs";

const run = promisify(execFile);
const tool = (name, ...args) => run(`node_modules/.bin/${name}`, args);
const MODULES = "using/node_modules";
let chromium;
before(async () => {
  await rm("using", { recursive: true, force: true });
  await mkdir(MODULES, { recursive: true });
  await run("node", [
    `${SOURCE}/www/pack.mjs`,
    `${SOURCE}/www`,
    "using/package",
  ]);
  const { stdout } = await run("npm", ["pack", "--json"], {
    cwd: "using/package",
  });
  // A list of packages, or since npm 12 an object of them by name.
  const [{ filename }] = Object.values(JSON.parse(stdout));
  await run("tar", ["-xzf", `package/${filename}`], { cwd: "using" });
  await cp("using/package", `${MODULES}/pgfeed`, { recursive: true });
  chromium = await startChromium();
});
after(() => chromium?.close());

const LIMIT = 4096; // of what every page loads
const LIMIT_BOTH = 7168; // with the worker's part, which comes once per browser
test(`pgfeed.js is below ${LIMIT} bytes, minified and gzipped`, async (t) => {
  const size = async (name) => {
    const text = await readFile(`${MODULES}/pgfeed/${name}`);
    return zlib.gzipSync(text, { level: 9 }).length;
  };
  const page = await size("pgfeed.min.js");
  const worker = await size("pgfeed-hub.min.js");
  t.diagnostic(
    `pgfeed.min.js ${page}, the worker's pgfeed-hub.min.js ${worker}`,
  );
  assert.ok(page < LIMIT, `${page}`);
  assert.ok(page + worker < LIMIT_BOTH, `${page + worker}`);
});

test("the types are right, and refuse what is wrong", async () => {
  await writeFile(
    "using/good.ts",
    `import { Feed, FeedSocket, type FeedMessage } from "pgfeed";
     const feed = new Feed("/events", { topics: ["a"], since: "-5", persist: "x" });
     const off: () => void = feed.on("a", "insert", (e: FeedMessage) => e.json<{ n: number }>().n);
     feed.on("a/*", (e) => e.data.length);
     feed.addEventListener("gap", (e) => { e.preventDefault(); e.reason.length; });
     feed.addEventListener("state", (e) => e.state === "polling");
     async function all() {
       for await (const e of feed) if (e.own) off();
       const { id } = await feed.publish("a", { n: 1 }, { kind: "k" });
       return id.length;
     }
     const socket = new FeedSocket("/events/chat", ["soap"]);
     const open: boolean = socket.readyState === FeedSocket.OPEN;
     socket.onmessage = (e) => e.data.length + e.topic.length;
     socket.onclose = (e) => e.code;
     // Whatever wants a WebSocket's usual part takes a FeedSocket.
     const usual: Pick<WebSocket, "url" | "readyState" | "close" | "onopen" |
       "onclose" | "bufferedAmount" | "OPEN"> = socket;
     export { all, open, usual };`,
  );
  const wrong = [
    `new Feed("/e", { topic: "a" })`,
    `feed.state = "live"`,
    `feed.on("a", "k")`,
    `socket.binaryType = "arraybuffer"`,
    `socket.send(new ArrayBuffer(1))`,
  ];
  await writeFile(
    "using/wrong.ts",
    `import { Feed, FeedSocket } from "pgfeed";
     const feed = new Feed("/e");
     const socket = new FeedSocket("/e");
     ${wrong.map((text) => `// @ts-expect-error\n${text};`).join("\n")}`,
  );
  const options = [
    "--noEmit",
    "--strict",
    "--target",
    "es2022",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
    "--lib",
    "es2022,dom,dom.iterable",
  ];
  const files = ["good.ts", "wrong.ts", "node_modules/pgfeed/pgfeed.d.ts"];
  const paths = files.map((name) => `using/${name}`);
  await tool("tsc", ...options, ...paths).catch((e) => {
    throw Error(e.stdout);
  });
});

test("Node uses the package as it is, and as a minified file", async (t) => {
  const mock = await startMock({ heartbeat: 1 });
  t.after(() => mock.close());
  mock.publish("a", "before");
  for (const name of ["pgfeed", "pgfeed/pgfeed.min.js"]) {
    await writeFile(
      "using/use.mjs",
      `import { Feed } from "${name}";
       const feed = new Feed("${mock.url}/events", { topics: ["a"], since: "-1" });
       for await (const { data } of feed) {
         console.log(data);
         const { topic } = await feed.publish("b", { n: 1 });
         console.log(topic);
         feed.close();
       }`,
    );
    const { stdout } = await run("node", ["using/use.mjs"]);
    assert.equal(stdout, "before\nb\n", name);
  }
});

/* Serves a folder beside the mock's /events. */
async function servePage(root) {
  const mock = await startMock({ root, heartbeat: 1, retry: 100 });
  mock.publish("a", "before");
  return mock;
}

const SCRIPT = `
  const feed = new Feed("/events", { topics: ["a"], since: "earliest" });
  feed.on("a", (e) => (document.title += e.data));`;

async function works(root, tabs = 1) {
  const mock = await servePage(root);
  const profile = await chromium.profile();
  try {
    const pages = [];
    for (let i = 0; i < tabs; i++)
      pages.push(await profile.open(`${mock.url}/`));
    mock.publish("a", " after");
    for (const page of pages) {
      await until(async () => (await page.title()) === "before after", "title");
      assert.deepEqual(page.troubles, []);
    }
    await until(() => mock.open.size === 1, "one connection");
  } finally {
    // A server left open would keep node from ending.
    await profile.close();
    await mock.close();
  }
}

test("a page built with Vite works, its tabs share a connection", async () => {
  await mkdir("using/site", { recursive: true });
  await writeFile(
    "using/site/index.html",
    '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title></title><script type="module" src="./main.js"></script></html>',
  );
  await writeFile(
    "using/site/main.js",
    `import { Feed } from "pgfeed";${SCRIPT}`,
  );
  await tool("vite", "build", "using/site", "--logLevel", "warn");
  await works("using/site/dist", 3);
});

test("a plain script element is enough", async () => {
  await mkdir("using/plain", { recursive: true });
  const html = (script) =>
    `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title></title>${script}</html>`;
  for (const name of ["pgfeed.global.js", "pgfeed.min.js", "pgfeed-hub.min.js"])
    await cp(`${MODULES}/pgfeed/${name}`, `using/plain/${name}`);
  await writeFile(
    "using/plain/index.html",
    html(
      `<script src="pgfeed.global.js"></script><script>const { Feed } = pgfeed;${SCRIPT}</script>`,
    ),
  );
  await works("using/plain", 2);
  await writeFile(
    "using/plain/index.html",
    html(
      `<script type="module">import { Feed } from "./pgfeed.min.js";${SCRIPT}</script>`,
    ),
  );
  await works("using/plain", 2);
});
