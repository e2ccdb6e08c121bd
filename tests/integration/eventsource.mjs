// Follows a URL with the npm package "eventsource" and writes one line of JSON
// for each thing that happens.
//
//   node eventsource.mjs FOLDER-WITH-NODE_MODULES URL
import { createRequire } from "node:module";

const [, , folder, url] = process.argv;
const { EventSource } = createRequire(folder + "/")("eventsource");
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const source = new EventSource(url);
source.onopen = () => say({ type: "open" });
source.onerror = () => say({ type: "error", closed: source.readyState === 2 });
for (const type of ["message", "created", "pgfeed.open", "pgfeed.live", "pgfeed.bye"]) {
  source.addEventListener(type, (event) =>
    say({ type, data: event.data, id: event.lastEventId }));
}
