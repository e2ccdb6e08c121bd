/*
 * socket.test.mjs - FeedSocket beside the browser's own WebSocket: the same
 * interface, the same errors, and a chat that does not know the difference.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { startChromium, until, WWW } from "./harness.mjs";
import { startMock } from "./mock.mjs";

let chromium;
let mock;
before(async () => {
  mock = await startMock({ root: WWW, heartbeat: 1, retry: 100 });
  chromium = await startChromium();
});
after(async () => {
  await chromium?.close();
  await mock?.close();
});
afterEach(() => chromium.tidy());

/* A page where window.both(test) runs test(Socket) for the two of them. */
async function openBoth() {
  const profile = await chromium.profile();
  const page = await profile.open(`${mock.url}/examples/`);
  await page.evaluate(async () => {
    const { FeedSocket } = await import("/pgfeed.js");
    window.FeedSocket = FeedSocket;
    window.ECHO = `ws://${location.host}/events/echo`;
    window.nameOf = (run) => {
      try {
        run();
        return "no error";
      } catch (e) {
        return e.name;
      }
    };
    window.both = async (test) => [
      await test(WebSocket),
      await test(FeedSocket),
    ];
  });
  return page;
}

test("it has all that a WebSocket has", async () => {
  const page = await openBoth();
  const missing = await page.evaluate(() => {
    const socket = new FeedSocket(ECHO);
    const names = Object.getOwnPropertyNames(WebSocket.prototype);
    const lacks = names.filter((name) => !(name in socket));
    for (const name of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]) {
      if (FeedSocket[name] !== WebSocket[name]) lacks.push(name);
      if (socket[name] !== WebSocket[name]) lacks.push(`its ${name}`);
    }
    return lacks;
  });
  assert.deepEqual(missing, []);
});

test("it throws where, and what, a WebSocket throws", async () => {
  const page = await openBoth();
  const [theirs, ours] = await page.evaluate(() =>
    both((Socket) => [
      ...[
        "ws://foo bar.com/",
        "ftp://example.org/",
        "mailto:a@example.org",
        "about:blank",
        `${ECHO}#`,
        `${ECHO}#test`,
        "#test",
      ].map((url) => nameOf(() => new Socket(url))),
      ...["", "a b", "a,b", "\u0080", ["a", "a"], ["a", "A"]].map((protocols) =>
        nameOf(() => new Socket(ECHO, protocols)),
      ),
      ...[0, 500, 999, 1001, 2999, 5000, NaN, "x", null, 66536].map((code) =>
        nameOf(() => new Socket(ECHO).close(code)),
      ),
      ...[undefined, 1000, 3000, 4999].map((code) =>
        nameOf(() => new Socket(ECHO).close(code)),
      ),
      nameOf(() => new Socket(ECHO).close(1000, "\u00e4".repeat(61))),
      nameOf(() => new Socket(ECHO).close(1000, "\u00e4".repeat(62))),
      nameOf(() => new Socket(ECHO).send("too early")),
    ]),
  );
  assert.deepEqual(ours, theirs);
});

test("it looks as a WebSocket looks before it is open", async () => {
  const page = await openBoth();
  const [theirs, ours] = await page.evaluate(() =>
    both((Socket) => {
      const seen = [];
      const socket = new Socket(ECHO, ["a"]);
      for (const type of ["open", "message", "error", "close"]) {
        seen.push(socket[`on${type}`]);
        socket[`on${type}`] = 2;
        seen.push(socket[`on${type}`]);
      }
      const { readyState, bufferedAmount, protocol, extensions } = socket;
      const { url, binaryType } = socket;
      socket.binaryType = "neither";
      return [
        ...seen,
        readyState,
        bufferedAmount,
        protocol,
        extensions,
        url,
        binaryType,
        socket.binaryType,
        new Socket(ECHO.replace("ws", "http")).url,
        new Socket(ECHO.replace("ws", "wss")).url,
        new Socket("/x?y=z").url,
      ];
    }),
  );
  assert.deepEqual(ours, theirs);
});

test("closing before it is open is an error, then a close, as there", async () => {
  const page = await openBoth();
  const [theirs, ours] = await page.evaluate(() =>
    both(
      (Socket) =>
        new Promise((done) => {
          const seen = [];
          const socket = new Socket(ECHO);
          socket.onopen = () => seen.push("open");
          socket.onerror = () => seen.push("error", socket.readyState);
          socket.onclose = (e) => {
            seen.push(e instanceof CloseEvent, e.code, e.wasClean);
            done([...seen, socket.readyState]);
          };
          socket.close();
          seen.push(socket.readyState);
        }),
    ),
  );
  assert.deepEqual(ours, theirs);
});

test("what is sent comes back, whatever it is", async () => {
  const page = await openBoth();
  const texts = await page.evaluate(
    () =>
      new Promise((done) => {
        const socket = new FeedSocket(ECHO);
        const got = [];
        const sent = [
          "plain",
          "",
          null,
          7,
          "\ud801\udc07",
          "\ud807",
          "a\nb\rc\r\nd",
          "x".repeat(65000),
        ];
        socket.onopen = () => sent.forEach((text) => socket.send(text));
        socket.onmessage = (e) => {
          got.push(e.data.length > 60000 ? e.data.length : e.data);
          if (got.length < sent.length) return;
          socket.onclose = ({ code, wasClean }) =>
            done([...got, code, wasClean, socket.readyState]);
          socket.close();
        };
      }),
  );
  assert.deepEqual(texts, [
    "plain",
    "",
    "null",
    "7",
    "\ud801\udc07",
    "\ufffd",
    "a\nb\rc\r\nd",
    65000,
    1005,
    true,
    3,
  ]);
});

test("binary data is refused clearly", async () => {
  const page = await openBoth();
  const names = await page.evaluate(
    () =>
      new Promise((done) => {
        const socket = new FeedSocket(ECHO);
        socket.onopen = () =>
          done([
            nameOf(() => (socket.binaryType = "arraybuffer")),
            nameOf(() => socket.send(new ArrayBuffer(1))),
            nameOf(() => socket.send(new Uint8Array(1))),
            nameOf(() => socket.send(new DataView(new ArrayBuffer(1)))),
            nameOf(() => socket.send(new Blob(["x"]))),
            nameOf(() => socket.send(["an", "array"])),
          ]);
      }),
  );
  assert.deepEqual(names, [...Array(5).fill("NotSupportedError"), "no error"]);
});

/* Such as is found in the usual tutorial, word for word but for one. */
const TUTORIAL = `
  const ws = new FeedSocket(url);
  ws.addEventListener("open", () => {
    console.log("Connected to the server");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ws.send(JSON.stringify({ name: me, message: input.value }));
      input.value = "";
    });
  });
  ws.onmessage = function (event) {
    const { name, message } = JSON.parse(event.data);
    const li = document.createElement("li");
    li.innerText = name + ": " + message;
    list.appendChild(li);
  };
  ws.onclose = function (event) {
    if (event.wasClean) list.dataset.closed = "clean " + event.code;
  };
  ws.onerror = function () {
    list.dataset.failed = true;
  };
  leave.onclick = () => ws.readyState === ws.OPEN && ws.close(1000, "bye");
`;

test("a tutorial's chat client works after one change", async () => {
  const profile = await chromium.profile();
  const pages = [];
  for (const me of ["Ann", "Bob"]) {
    const page = await profile.open(`${mock.url}/examples/`);
    await page.evaluate(async (me) => {
      document.body.innerHTML =
        '<form id="form"><input id="input"><button>Send</button></form>' +
        '<ul id="list"></ul><button id="leave">Leave</button>';
      const { FeedSocket } = await import("/pgfeed.js");
      const url = `ws://${location.host}/events/chat`;
      window.start = { FeedSocket, url, me };
    }, me);
    await page.evaluate(
      `(({ FeedSocket, url, me }) => {${TUTORIAL}})(window.start)`,
    );
    pages.push(page);
  }
  const [ann, bob] = pages;
  await until(() => mock.open.size === 1);
  for (const [page, text] of [
    [ann, "hello"],
    [bob, "<b>hi</b>"],
  ]) {
    await page.fill("#input", text);
    await page.click("#form button");
    for (const other of pages)
      await until(async () => (await other.innerText("#list")).includes(text));
  }
  mock.cut(); // nobody's business: no close, no error, nothing lost
  await ann.fill("#input", "still there?");
  await ann.click("#form button");
  for (const page of pages)
    await until(
      async () =>
        (await page.innerText("#list")) ===
        "Ann: hello\nBob: <b>hi</b>\nAnn: still there?",
    );
  await ann.click("#leave");
  await ann.waitForSelector('#list[data-closed="clean 1000"]');
  assert.equal(await ann.$("[data-failed]"), null);
});
