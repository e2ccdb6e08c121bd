/*
 * htmx.js - what htmx puts into the page is HTML; what comes here is text that
 * anybody may have published, so it is made into an element first. A topic that
 * only your own server writes to may carry HTML and needs nothing of this.
 *
 * htmx 4 closes the stream of a hidden page by itself, and resumes it.
 */
if (window.htmx) document.getElementById("missing").hidden = true;
addEventListener("htmx:sse:before:message", ({ detail: { message } }) => {
  if (message.event) return; // a named one is no content: pgfeed.open...
  const item = document.createElement("li");
  item.textContent = message.data;
  message.data = item.outerHTML;
});
