/*
 * answer.c - HTTP answers in CGI form: "Status: 413 ..." first.
 */
#include <string.h>

#include "http/answer.h"

const char *
answer_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} table[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 303, "See Other" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].status == status)
			return table[i].reason;
	}
	return "Error";
}

void
answer_add_head(
    struct buf *b, int status, const char *type, const char *headers)
{
	bool stream = type != NULL && strcmp(type, ANSWER_STREAM) == 0;

	buf_addf(b, "Status: %d %s\r\n", status, answer_reason(status));
	if (type != NULL)
		buf_addf(b, "Content-Type: %s\r\n", type);
	buf_addf(b,
	    "Cache-Control: no-store%s\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "%s%s\r\n",
	    stream ? ", no-transform" : "",
	    stream ? "X-Accel-Buffering: no\r\n" : "", headers);
}

void
answer_add(struct buf *b, int status, const char *type, const char *headers,
    const char *body, size_t n)
{
	struct buf lines = BUF_INIT;

	buf_addf(&lines, "Content-Length: %zu\r\n%s", n, headers);
	if (buf_failed(&lines))
		b->failed = true;
	else {
		answer_add_head(b, status, type, lines.data);
		buf_add(b, body, n);
	}
	buf_fini(&lines);
}

void
answer_add_problem(
    struct buf *b, int status, const char *headers, const char *detail)
{
	struct buf body = BUF_INIT;

	buf_addf(&body, "{\"title\":\"%s\",\"status\":%d,\"detail\":",
	    answer_reason(status), status);
	buf_addjson(&body, detail, strlen(detail));
	buf_addstr(&body, "}\n");
	if (buf_failed(&body))
		b->failed = true;
	else
		answer_add(b, status, "application/problem+json", headers,
		    body.data, body.len);
	buf_fini(&body);
}
