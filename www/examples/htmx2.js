/*
 * htmx2.js - what htmx puts into the page is HTML; what comes here is text that
 * anybody may have published, so it is made into an element first. A topic that
 * only your own server writes to may carry HTML and needs nothing of this.
 */
if (window.htmx) {
  document.getElementById("missing").hidden = true;
  htmx.defineExtension("as-item", {
    transformResponse(text) {
      const item = document.createElement("li");
      item.textContent = text;
      return item.outerHTML;
    },
  });
  // htmx 2 keeps the EventSource of a page in the back/forward cache, which
  // takes one of the site's six connections. The page that is back starts over.
  const sources = [];
  const create = htmx.createEventSource;
  htmx.createEventSource = (url) => {
    sources.push(create(url));
    return sources.at(-1);
  };
  addEventListener("pagehide", () => sources.forEach((s) => s.close()));
  addEventListener("pageshow", (e) => e.persisted && location.reload());
}
