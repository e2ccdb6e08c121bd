/*
 * chat.js - the client of a WebSocket tutorial. Its one changed line says
 * FeedSocket where it said WebSocket.
 */
import { FeedSocket } from "../pgfeed.js";

const KEEP = 500; // messages on the page
const $ = (id) => document.getElementById(id);
let ws;

/* Anybody may publish anything to the room. */
function parse(data) {
  try {
    const { from, text } = JSON.parse(data);
    return { from: `${from || "somebody"}`, text: `${text ?? ""}` };
  } catch {
    return { from: "somebody", text: data };
  }
}

function connect() {
  ws?.close();
  $("messages").replaceChildren();
  const url = `../events/chat/${$("room").value}`;
  const socket = (ws = new FeedSocket(url, [], { since: "-20" }));
  ws.onopen = () => tell("live", `In ${$("room").value}`);
  ws.onclose = ({ reason }) => {
    if (ws === socket) tell("closed", `Closed. ${reason}`);
  };
  ws.onmessage = ({ data, own }) => {
    const { from, text } = parse(data);
    const item = document.createElement("li");
    const name = document.createElement("strong");
    name.textContent = from;
    item.append(name, ": ", text);
    item.classList.toggle("own", own);
    $("messages").append(item);
    while ($("messages").children.length > KEEP)
      $("messages").firstChild.remove();
    item.scrollIntoView({ block: "nearest" });
  };
  // What a WebSocket does not have: it comes back by itself.
  ws.feed.addEventListener("state", ({ state }) => {
    if (state === "waiting") tell("waiting", "Connection lost; trying again");
    if (state === "live") tell("live", `In ${$("room").value}`);
  });
}

function tell(state, text) {
  $("state").dataset.state = state;
  $("state-text").textContent = text;
}

$("room").addEventListener("change", connect);
$("who").addEventListener("submit", (e) => e.preventDefault());
$("say").addEventListener("submit", (e) => {
  e.preventDefault();
  if (ws.readyState !== FeedSocket.OPEN) return;
  ws.send(JSON.stringify({ from: $("name").value, text: $("text").value }));
  $("text").value = "";
});
connect();
