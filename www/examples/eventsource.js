/* eventsource.js - what a browser can do without pgfeed.js. */
const source = new EventSource("../events?topic=demo&last_event_id=-10");
source.onmessage = (event) => {
  const item = document.createElement("li");
  item.textContent = `${event.lastEventId}: ${event.data}`;
  document.getElementById("list").prepend(item);
};
// Events that have a kind come under that name:
// source.addEventListener("insert", (event) => ...);

// History that is gone is told, and only a page can know what that means.
source.addEventListener("pgfeed.gap", (event) => {
  const item = document.createElement("li");
  item.textContent = `Events are missing: ${event.data}`;
  document.getElementById("list").prepend(item);
});

fetch("eventsource.js")
  .then((answer) => answer.text())
  .then((text) => {
    document.getElementById("code").textContent = text.split("\n\nfetch")[0];
  });
