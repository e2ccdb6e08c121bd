/*
 * demo.mjs URL - a person in front of the demo page, for tests/servers. Does
 * what each line of standard input says, and answers with a line of JSON:
 *
 *   {"do": "live"}                  waits until the page follows the database
 *   {"do": "send", "text": "..."}   sends it with the page's form
 *   {"do": "plain", "text": "..."}  the same in a browser without scripts
 *   {"do": "see", "text": "..."}    waits until an event with it is listed
 *   {"do": "list"}                  the texts of all that is listed
 */
import readline from "node:readline";
import { startChromium, until } from "./harness.mjs";

const [url] = process.argv.slice(2);
const chromium = await startChromium();
const profile = await chromium.profile();
const plain = await chromium.profile({ javaScriptEnabled: false });
const page = await profile.open(url);
const submit = async (page, text) => {
  await page.fill("#data", text);
  await page.click("#send button[type=submit]");
};
const list = () =>
  page.$$eval("#events .body", (all) => all.map((e) => e.textContent));
const acts = {
  live: () =>
    page
      .waitForSelector("[data-state=live], [data-state=polling]")
      .then((state) => state.getAttribute("data-state")),
  async send(text) {
    await submit(page, text);
    await until(
      async () => /Committed as/.test(await page.innerText("#said")),
      "the page's word that it is committed",
    );
  },
  async plain(text) {
    const other = await plain.open(url);
    await submit(other, text);
    await until(() => other.url() === url, "being back on the page");
    await other.close();
  },
  see: (text) => until(async () => (await list()).includes(text), text),
  list,
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  try {
    const value = await acts[order.do](order.text);
    console.log(JSON.stringify({ value }));
  } catch (error) {
    const state = await page.innerText("header").catch(() => "no page");
    console.log(JSON.stringify({ error: `${error} (${state})` }));
  }
}
await chromium.close();
