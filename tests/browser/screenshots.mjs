/*
 * screenshots.mjs FOLDER - pictures of the pages in light and dark, from the
 * real thing behind lighttpd, while a few browsers follow it.
 */
import path from "node:path";
import { Feed, publish, startChromium, startSite, until } from "./harness.mjs";

const [folder] = process.argv.slice(2);
const site = await startSite("lighttpd");
const chromium = await startChromium();
const followers = Array.from(
  { length: 40 },
  () => new Feed(`${site.url}/events`, { topics: ["events"] }),
);
let going = true;
const traffic = (async () => {
  for (let n = 1; going; n++) {
    await publish(site.url, "events", `order ${n} paid`, "paid");
    await new Promise((done) =>
      setTimeout(done, 150 + 100 * Math.sin(n / 8) + 50 * Math.random()),
    );
  }
})();
await site.sql("INSERT INTO events (event) VALUES ('a row, by SQL')");
await site.sql("UPDATE events SET event = 'the same row, changed'");

for (const colorScheme of ["light", "dark"]) {
  const profile = await chromium.profile({
    colorScheme,
    viewport: { width: 1100, height: 800 },
  });
  const picture = (page, name) => {
    const suffix = colorScheme === "dark" ? "-dark" : "";
    const file = path.join(folder, `${name}${suffix}.png`);
    return page.screenshot({ path: file });
  };
  const status = await profile.open(`${site.url}/status.html`);
  const doctor = await profile.open(`${site.url}/doctor.html`);
  await doctor.click("#start");
  const chat = await profile.open(`${site.url}/examples/chat.html`);
  await chat.waitForSelector('[data-state="live"]');
  for (const [name, text] of [
    ["Ann", "Did the migration run?"],
    ["Bob", "Yes, and nobody's stream was cut."],
  ]) {
    await chat.fill("#name", name);
    await chat.fill("#text", text);
    await chat.press("#text", "Enter");
    await until(async () => (await chat.innerText("#messages")).includes(text));
  }
  await picture(chat, "chat");
  await until(
    async () => (await doctor.innerText("#said")).includes("Done"),
    "the examination",
    90000,
  );
  await picture(doctor, "doctor");
  await picture(status, "status");
  await profile.close();
}
going = false;
await traffic;
followers.forEach((feed) => feed.close());
await chromium.close();
await site.close();
