// Pushpin asks here what to do with a request: hold it, as a stream of the
// channel that its path names. node origin.mjs PORT
import http from "node:http";

http.createServer((request, response) => {
	response.writeHead(200, {
		"Content-Type": "text/event-stream",
		"Grip-Hold": "stream",
		"Grip-Channel": request.url.slice(1),
	});
	response.end(": open\n\n");
}).listen(Number(process.argv[2]), "127.0.0.1");
