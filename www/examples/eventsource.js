/* eventsource.js - what a browser can do without pgfeed.js. */
const show = (text) => {
  const item = document.createElement("li");
  item.textContent = text;
  document.getElementById("list").prepend(item);
};
let position = "-10"; // the last ten, and then where it was left

function follow() {
  const source = new EventSource(
    `../events?topic=demo&last_event_id=${encodeURIComponent(position)}`,
  );
  source.onmessage = (event) => {
    position = event.lastEventId || position;
    show(`${event.lastEventId}: ${event.data}`);
  };
  // Events that have a kind come under that name:
  // source.addEventListener("insert", (event) => ...);

  // History that is gone is told, and only a page can know what that means.
  source.addEventListener("pgfeed.gap", (event) => {
    show(`Events are missing: ${event.data}`);
  });
  // It comes back by itself, unless it was answered a 500 or 502 on the way:
  // that ends it, and a new one is needed.
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 5000);
  };
}
follow();

fetch("eventsource.js")
  .then((answer) => answer.text())
  .then((text) => {
    document.getElementById("code").textContent = text.split("\n\nfetch")[0];
  });
