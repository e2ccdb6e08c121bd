// What a Node developer writes: pg listens, better-sse broadcasts to a channel
// per topic. node server.mjs PORT PGHOST DATABASE USER
import http from "node:http";
import { createChannel, createSession } from "better-sse";
import pg from "pg";

const [port, host, database, user] = process.argv.slice(2);
const channels = new Map();

function channel(topic) {
	if (!channels.has(topic)) channels.set(topic, createChannel());
	return channels.get(topic);
}

const client = new pg.Client({ host, database, user });
await client.connect();
client.on("notification", ({ payload }) => {
	const { topic, data } = JSON.parse(payload);
	channels.get(topic)?.broadcast(data, "message");
});
await client.query("LISTEN bench");

http.createServer(async (request, response) => {
	const topic = new URL(request.url, "http://localhost").searchParams.get("topic");
	const session = await createSession(request, response, {
		serializer: (data) => data,
	});
	channel(topic).register(session);
}).listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
