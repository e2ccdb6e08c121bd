/*
 * htmx.js - what htmx puts into the page is HTML; what comes here is text that
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
}
