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
const inBoth = async (viewport, take) => {
  for (const colorScheme of ["light", "dark"]) {
    const profile = await chromium.profile({ colorScheme, viewport });
    const suffix = colorScheme === "dark" ? "-dark" : "";
    await take(profile, (page, name) =>
      page.screenshot({ path: path.join(folder, `${name}${suffix}.png`) }),
    );
    await profile.close();
  }
};

await publish(site.url, "demo", "hello from curl");
await site.sql("INSERT INTO events (event) VALUES ('a row, from psql')");
await site.sql("UPDATE events SET event = 'the same row, changed'");
await inBoth({ width: 1000, height: 720 }, async (profile, picture) => {
  const demo = await profile.open(`${site.url}/`);
  await demo.waitForSelector('[data-state="live"]');
  await site.sql("NOTIFY demo_notify, 'a plain NOTIFY: live only'");
  await demo.getByText("live only", { exact: true }).first().waitFor();
  await picture(demo, "demo");
});

let going = true;
const traffic = (async () => {
  for (let n = 1; going; n++) {
    await publish(site.url, "events", `order ${n} paid`, "paid");
    await new Promise((done) =>
      setTimeout(done, 150 + 100 * Math.sin(n / 8) + 50 * Math.random()),
    );
  }
})();
await inBoth({ width: 1100, height: 800 }, async (profile, picture) => {
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
});
going = false;
await traffic;
followers.forEach((feed) => feed.close());
await chromium.close();
await site.close();
