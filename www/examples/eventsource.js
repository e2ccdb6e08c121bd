/* eventsource.js - what a browser can do without pgfeed.js. */
const show = (text) => {
  const item = document.createElement("li");
  item.textContent = text;
  document.getElementById("list").prepend(item);
  document.getElementById("list").children[200]?.remove();
};
let source;
let position = "-10"; // the last ten, and then after the last one seen

function follow() {
  const from = encodeURIComponent(position);
  source = new EventSource(`../events?topic=demo&last_event_id=${from}`);
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
  // The browser reconnects by itself, but a 500 or 502 on the way ends an
  // EventSource: that takes a new one.
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 5000);
  };
}
follow();
// A page in the back/forward cache must not keep its connection: over HTTP/1.1
// a site gets six, and the seventh page would wait for ever.
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => event.persisted && follow());

fetch("eventsource.js")
  .then((answer) => answer.text())
  .then((text) => {
    document.getElementById("code").textContent = text.split("\n\nfetch")[0];
  });
