/*
 * problem.c - an error as an answer: one line of JSON (RFC 9457).
 */
#include <string.h>

#include "http/problem.h"

const char *
http_reason(int status)
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
problem_add(struct buf *b, int status, const char *headers, const char *detail)
{
	struct buf body = BUF_INIT;

	buf_addf(&body,
	    "{\"title\":\"%s\",\"status\":%d,\"detail\":", http_reason(status),
	    status);
	buf_addjson(&body, detail, strlen(detail));
	buf_addstr(&body, "}\n");
	buf_addf(b,
	    "Status: %d %s\r\n"
	    "Content-Type: application/problem+json\r\n"
	    "Content-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "%s\r\n",
	    status, http_reason(status), body.len, headers);
	buf_add(b, body.data, body.len);
	if (buf_failed(&body))
		b->failed = true;
	buf_fini(&body);
}
