/*
 * doctor_url.c - checks of the way through the web server, as a browser uses
 * it.
 *
 * The command opens a stream and posts events, which have to arrive at once.
 * The kind and the time of the missing bytes show the fault of a web server or
 * a proxy.
 */
#include "ctl/doctor/doctor.h"

#ifndef HAVE_CURL

void
doctor_url(struct doctor *d, const char *url, int long_s)
{
	doctor_look_at(d, "url");
	doctor_say(d, ILL,
	    "this pgfeed was built without libcurl, so it cannot look at \"%s\"; try: curl -N %s",
	    url, url);
}

#else

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"

#define FIRST_BYTE_MS 1000 /* a slower first byte is reported */
#define LIMIT_MS      8000 /* a slower answer counts as none */
#define LATENCY_MS    100
#define EVENTS        5

/* An answer that is being received. */
struct answer {
	CURL *curl;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	struct buf body;
	char type[128], encoding[64], server[128];
	int64_t began_ms, head_ms, first_ms; /* -1 until it happens */
	bool ended;
	CURLcode code;
};

struct way {
	struct doctor *d;
	CURLM *multi;
	struct buf stream_url, post_url, status_url;
	struct answer stream;
};

static size_t
on_header(char *s, size_t size, size_t n, void *arg)
{
	static const struct {
		const char *name;
		size_t offset, size;
	} wanted[] = {
		{ "content-type:", offsetof(struct answer, type), 128 },
		{ "content-encoding:", offsetof(struct answer, encoding), 64 },
		{ "server:", offsetof(struct answer, server), 128 },
	};
	struct answer *a = arg;
	size_t len = size * n;

	if (a->head_ms == -1)
		a->head_ms = now_ms() - a->began_ms;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		size_t skip = strlen(wanted[i].name), rest;

		if (len < skip || strncasecmp(s, wanted[i].name, skip) != 0)
			continue;
		skip += strspn(s + skip, " ");
		rest = strcspn(s + skip, "\r\n");
		snprintf((char *)a + wanted[i].offset, wanted[i].size, "%.*s",
		    (int)rest, s + skip);
	}
	return len;
}

static size_t
on_body(char *s, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;

	if (a->first_ms == -1)
		a->first_ms = now_ms() - a->began_ms;
	buf_add(&a->body, s, size * n);
	return buf_failed(&a->body) ? 0 : size * n;
}

static void
add_header(struct answer *a, const char *line)
{
	a->headers = curl_slist_append(a->headers, line);
}

static bool
begin(struct way *w, struct answer *a, const char *url)
{
	memset(a, 0, sizeof(*a));
	a->head_ms = a->first_ms = -1;
	a->began_ms = now_ms();
	a->curl = curl_easy_init();
	if (a->curl == NULL)
		return false;
	curl_easy_setopt(a->curl, CURLOPT_URL, url);
	curl_easy_setopt(a->curl, CURLOPT_ERRORBUFFER, a->error);
	curl_easy_setopt(a->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(a->curl, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(a->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(a->curl, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(a->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)LIMIT_MS);
	curl_easy_setopt(a->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(
	    a->curl, CURLOPT_USERAGENT, "pgfeed-doctor/" PACKAGE_VERSION);
	curl_easy_setopt(a->curl, CURLOPT_PRIVATE, a);
	if (w->d->token != NULL) {
		curl_easy_setopt(a->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(a->curl, CURLOPT_XOAUTH2_BEARER, w->d->token);
	} else if (w->d->user != NULL) {
		curl_easy_setopt(a->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(a->curl, CURLOPT_USERPWD, w->d->user);
	}
	return true;
}

static void
start(struct way *w, struct answer *a)
{
	curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, a->headers);
	curl_multi_add_handle(w->multi, a->curl);
}

static void
end(struct way *w, struct answer *a)
{
	if (a->curl != NULL) {
		curl_multi_remove_handle(w->multi, a->curl);
		curl_easy_cleanup(a->curl);
	}
	curl_slist_free_all(a->headers);
	buf_fini(&a->body);
	a->curl = NULL;
	a->headers = NULL;
}

static long
status_of(const struct answer *a)
{
	long status = 0;

	curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Runs one turn of at most ms milliseconds. */
static void
turn(struct way *w, int64_t ms)
{
	struct answer *a;
	CURLMsg *m;
	int running, left;

	curl_multi_perform(w->multi, &running);
	while ((m = curl_multi_info_read(w->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &a) !=
			CURLE_OK)
			continue;
		a->ended = true;
		a->code = m->data.result;
	}
	if (ms > 0)
		curl_multi_poll(w->multi, NULL, 0, (int)MIN(ms, 50), NULL);
}

/* Waits for text in the body. Returns whether the text arrived. */
static bool
await_text(struct way *w, struct answer *a, const char *text, int64_t limit_ms)
{
	int64_t until = now_ms() + limit_ms;

	for (;;) {
		turn(w, 0);
		if (a->body.len > 0 && memmem(a->body.data, a->body.len, text,
					   strlen(text)) != NULL)
			return true;
		if (a->ended || now_ms() >= until)
			return false;
		turn(w, until - now_ms());
	}
}

static void
await_end(struct way *w, struct answer *a, int64_t limit_ms)
{
	int64_t until = now_ms() + limit_ms;

	while (!a->ended && now_ms() < until)
		turn(w, until - now_ms());
}

/* --- advice, by the name that the server gives itself */

static const char *
on_buffering(const struct answer *a)
{
	if (strcasestr(a->server, "lighttpd") != NULL)
		return "lighttpd needs server.stream-response-body = 2 for this address";
	if (strcasestr(a->server, "apache") != NULL)
		return "Apache needs flushpackets=on for this address; in .htaccess, which cannot say that, SetEnv PGFEED_PAD auto";
	if (strcasestr(a->server, "nginx") != NULL)
		return "nginx needs fastcgi_buffering off for this address";
	return "switch off the buffering of answers in the web server, and in any proxy before it";
}

static const char *
on_compression(const struct answer *a)
{
	if (strcasestr(a->server, "lighttpd") != NULL)
		return "take text/event-stream out of deflate.mimetypes";
	if (strcasestr(a->server, "apache") != NULL)
		return "SetEnv no-gzip 1 and no-brotli 1 for this address";
	if (strcasestr(a->server, "nginx") != NULL)
		return "take text/event-stream out of gzip_types";
	return "leave text/event-stream alone";
}

static const char *
on_status(long status)
{
	switch (status) {
	case 400:
		return "pgfeed refuses the request: is base_path what the web server maps?";
	case 401:
		return "the web server or pgfeed wants to know who this is: --token or --user says so";
	case 403:
		return "pgfeed does not let this client use the topic: --topic names another one, --token or --user another client";
	case 404:
		return "nothing is there: is pgfeed's configuration included in the web server's, and is the address right?";
	case 405:
		return "GET goes to pgfeed-stream, all else to pgfeed-post: the web server mixes them up";
	case 500:
	case 502:
	case 503:
	case 504:
		return "the web server cannot talk to pgfeed: its error log says why; most often the path or the mode of the socket";
	default:
		return "the web server's log may tell more";
	}
}

/* --- the steps */

/* Examines a server that does not answer a stream; it may answer a HEAD. */
static void
learn_server(struct way *w, struct answer *stream)
{
	struct answer a;

	if (!begin(w, &a, w->stream_url.data))
		return;
	curl_easy_setopt(a.curl, CURLOPT_NOBODY, 1L);
	start(w, &a);
	await_end(w, &a, LIMIT_MS);
	memcpy(stream->server, a.server, sizeof(stream->server));
	end(w, &a);
}

static bool
open_stream(struct way *w)
{
	struct answer *a = &w->stream;
	struct doctor *d = w->d;
	long version = 0;

	if (!begin(w, a, w->stream_url.data)) {
		doctor_say(d, ILL, "\"%s\" is not a URL", w->stream_url.data);
		return false;
	}
	/*
	 * Browsers send the header below too. A server that obeys it compresses
	 * the stream.
	 */
	add_header(a, "Accept: text/event-stream");
	add_header(a, "Accept-Encoding: gzip, deflate, br");
	start(w, a);
	(void)await_text(w, a, "pgfeed.open", LIMIT_MS);

	if (a->ended && a->code != CURLE_OK) {
		doctor_say(d, ILL, "could not reach it: %s",
		    a->error[0] != '\0' ? a->error
					: curl_easy_strerror(a->code));
		return false;
	}
	if (a->head_ms == -1) {
		learn_server(w, a);
		doctor_say(d, ILL, "no answer within %d s: %s", LIMIT_MS / 1000,
		    on_buffering(a));
		return false;
	}
	curl_easy_getinfo(a->curl, CURLINFO_HTTP_VERSION, &version);
	doctor_say(d, WELL, "%s answers with HTTP/%s",
	    a->server[0] != '\0' ? a->server : "a server without a name",
	    version == CURL_HTTP_VERSION_2_0   ? "2"
	    : version == CURL_HTTP_VERSION_3   ? "3"
	    : version == CURL_HTTP_VERSION_1_0 ? "1.0"
					       : "1.1, of which a browser opens at most six at a time");
	if (status_of(a) != 200) {
		doctor_say(d, ILL, "status %ld: %s", status_of(a),
		    on_status(status_of(a)));
		return false;
	}
	if (strncasecmp(a->type, "text/event-stream", 17) != 0) {
		doctor_say(d, ILL,
		    "the answer is %s and no stream: is pgfeed-stream at this address?",
		    a->type[0] != '\0' ? a->type : "without a type");
		return false;
	}
	if (a->encoding[0] != '\0' &&
	    strcasecmp(a->encoding, "identity") != 0) {
		doctor_say(d, ILL,
		    "the stream is compressed (%s), which gathers events: %s",
		    a->encoding, on_compression(a));
		return false;
	}
	if (a->first_ms == -1) {
		doctor_say(d, ILL, "a head, but no event within %d s: %s",
		    LIMIT_MS / 1000, on_buffering(a));
		return false;
	}
	if (a->first_ms > FIRST_BYTE_MS)
		doctor_say(d, WARN, "the first event took %lld ms: %s",
		    (long long)a->first_ms, on_buffering(a));
	else
		doctor_say(d, WELL, "the first event came after %lld ms",
		    (long long)a->first_ms);
	if (!await_text(w, a, "pgfeed.live", LIMIT_MS)) {
		doctor_say(d, ILL,
		    "the stream does not become live: pgfeed-stream does not follow the database");
		return false;
	}
	return true;
}

/* Posts one event. Returns the time until the answer, or -1 after a finding. */
static int64_t
post(struct way *w, const char *text)
{
	struct doctor *d = w->d;
	struct answer a;
	int64_t took = -1;

	if (!begin(w, &a, w->post_url.data))
		return -1;
	add_header(&a, "Content-Type: text/plain; charset=utf-8");
	curl_easy_setopt(a.curl, CURLOPT_POSTFIELDS, text);
	start(w, &a);
	await_end(w, &a, LIMIT_MS);
	if (!a.ended)
		doctor_say(d, ILL, "a POST is not answered within %d s",
		    LIMIT_MS / 1000);
	else if (a.code != CURLE_OK)
		doctor_say(d, ILL, "could not post: %s",
		    a.error[0] != '\0' ? a.error : curl_easy_strerror(a.code));
	else if (status_of(&a) != 201)
		doctor_say(d, ILL, "a POST gives status %ld: %s (%.*s)",
		    status_of(&a), on_status(status_of(&a)),
		    (int)MIN(a.body.len, 200),
		    a.body.len > 0 ? a.body.data : "");
	else
		took = now_ms() - a.began_ms;
	end(w, &a);
	return took;
}

/* Checks that posted events arrive at once. */
static bool
time_events(struct way *w)
{
	struct doctor *d = w->d;
	int64_t posting = 0, worst = 0, took, since;
	char text[64], line[80];

	for (int i = 0; i < EVENTS; i++) {
		snprintf(text, sizeof(text), "doctor-%u-%d",
		    random_between(0, UINT32_MAX - 1), i);
		snprintf(line, sizeof(line), "data: %s\n\n", text);
		since = now_ms();
		took = post(w, text);
		if (took == -1)
			return false;
		posting = MAX(posting, took);
		if (!await_text(w, &w->stream, line, LIMIT_MS)) {
			if (w->stream.ended)
				doctor_say(d, ILL,
				    "the stream was cut while an event was on its way");
			else
				doctor_say(d, ILL,
				    "an event does not arrive within %d s: %s",
				    LIMIT_MS / 1000, on_buffering(&w->stream));
			return false;
		}
		worst = MAX(worst, now_ms() - since);
	}
	doctor_say(d, posting > 1000 ? WARN : WELL,
	    "a POST is answered within %lld ms%s", (long long)posting,
	    posting > 1000 ? ": is the database slow to commit?" : "");
	if (worst > LATENCY_MS + posting)
		doctor_say(d, WARN, "an event took %lld ms to arrive: %s",
		    (long long)worst, on_buffering(&w->stream));
	else
		doctor_say(d, WELL, "an event arrives within %lld ms",
		    (long long)worst);
	return true;
}

/* Checks that a client that reconnects with an id gets the missing events. */
static void
resume(struct way *w)
{
	struct doctor *d = w->d;
	char first[64] = "", header[128], *line;
	struct answer a;

	line = w->stream.body.data;
	while ((line = strstr(line, "\nid: ")) != NULL) {
		line += 5;
		snprintf(first, sizeof(first), "%.*s", (int)strcspn(line, "\n"),
		    line);
		line = strstr(line, "\n");
		if (strncmp(line, "\ndata: doctor-", 14) == 0)
			break; /* the id of the first event itself */
	}
	if (first[0] == '\0' || !begin(w, &a, w->stream_url.data))
		return;
	snprintf(header, sizeof(header), "Last-Event-ID: %s", first);
	add_header(&a, "Accept: text/event-stream");
	add_header(&a, header);
	start(w, &a);
	snprintf(header, sizeof(header), "-%d\n\n", EVENTS - 1);
	if (await_text(w, &a, header, LIMIT_MS))
		doctor_say(d, WELL, "who comes back gets what is missing");
	else
		doctor_say(d, ILL,
		    "who comes back with Last-Event-ID does not get what is missing: does something on the way take this header out?");
	end(w, &a);
}

/*
 * Holds a silent stream. A server that cuts it in spite of heartbeats limits
 * the time of an answer; one that cuts it before a heartbeat limits the
 * silence.
 */
static void
hold(struct way *w, int seconds)
{
	struct doctor *d = w->d;
	struct answer *a = &w->stream;
	int64_t began = now_ms(), last = began, longest = 0;
	size_t len = a->body.len;
	unsigned beats = 0;

	while (!a->ended && now_ms() < began + (int64_t)seconds * 1000) {
		turn(w, 50);
		if (a->body.len == len)
			continue;
		len = a->body.len;
		beats++;
		longest = MAX(longest, now_ms() - last);
		last = now_ms();
	}
	if (a->ended && strstr(a->body.data, "pgfeed.bye") != NULL)
		doctor_say(d, WELL,
		    "pgfeed itself ended the stream after %lld s, as planned",
		    (long long)(now_ms() - a->began_ms) / 1000);
	else if (a->ended && beats > 0)
		doctor_say(d, ILL,
		    "a stream is cut after %lld s although heartbeats come: the web server or a proxy limits how long an answer may take; raise that limit, or set max_age below it",
		    (long long)(now_ms() - a->began_ms) / 1000);
	else if (a->ended)
		doctor_say(d, ILL,
		    "a silent stream is cut after %lld s: a time limit of the web server or a proxy is shorter than the heartbeat of %lld s; set heartbeat below it",
		    (long long)(now_ms() - last) / 1000,
		    (long long)d->config->heartbeat / 1000);
	else if (longest > d->config->heartbeat + 5000)
		doctor_say(d, WARN,
		    "heartbeats come %lld s apart, not %lld s: they are held back on the way",
		    (long long)longest / 1000,
		    (long long)d->config->heartbeat / 1000);
	else
		doctor_say(d, WELL, "a silent stream holds for %d s", seconds);
}

/* Returns whether an address, as text, is a loopback address. */
static bool
is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 ||
	       strcmp(address, "::1") == 0 ||
	       strncmp(address, "::ffff:127.", 11) == 0;
}

/*
 * Checks that pgfeed's own pages are for this machine only. A reverse proxy on
 * this machine makes every client a local one, unless the web server behind it
 * trusts the proxy's statement about the client.
 */
static void
check_own_pages(struct way *w)
{
	struct answer a;
	char *address = NULL;

	if (!begin(w, &a, w->status_url.data))
		return;
	start(w, &a);
	await_end(w, &a, LIMIT_MS);
	curl_easy_getinfo(a.curl, CURLINFO_PRIMARY_IP, &address);
	if (!a.ended || a.code != CURLE_OK || status_of(&a) != 200)
		doctor_say(w->d, WELL, "/-/status is not for everybody");
	else if (address == NULL || is_loopback(address))
		doctor_say(w->d, WELL,
		    "/-/status is served to this machine; name a public address of the site to see whether others get it as well");
	else
		doctor_say(w->d, WARN,
		    "/-/status is served through %s, which is no loopback address: behind a reverse proxy on this machine it is public; refuse /events/-/ in the proxy, or let the web server take the client's address from it (mod_remoteip, mod_extforward)",
		    address);
	end(w, &a);
}

void
doctor_url(struct doctor *d, const char *url, int long_s)
{
	struct way w = { .d = d };
	size_t n = strcspn(url, "?#");
	unsigned number = random_between(0, UINT32_MAX - 1);

	doctor_look_at(d, "url");
	while (n > 0 && url[n - 1] == '/')
		n--;
	buf_addf(
	    &w.stream_url, "%.*s?topic=%s/%u", (int)n, url, d->topic, number);
	buf_addf(&w.post_url, "%.*s/%s/%u", (int)n, url, d->topic, number);
	buf_addf(&w.status_url, "%.*s/-/status", (int)n, url);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	w.multi = curl_multi_init();
	if (w.multi == NULL || buf_failed(&w.stream_url) ||
	    buf_failed(&w.post_url) || buf_failed(&w.status_url)) {
		doctor_say(d, ILL, "out of memory");
		goto out;
	}
	if (open_stream(&w) && time_events(&w)) {
		resume(&w);
		check_own_pages(&w);
		if (long_s > 0)
			hold(&w, long_s);
	}
	end(&w, &w.stream);
out:
	curl_multi_cleanup(w.multi);
	curl_global_cleanup();
	buf_fini(&w.stream_url);
	buf_fini(&w.post_url);
	buf_fini(&w.status_url);
}

#endif
