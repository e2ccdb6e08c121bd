/*
 * stream_answer.c - the answers to a subscription that becomes no stream, and
 * the head of one that does.
 */
#include <sys/socket.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "fastcgi/record.h"
#include "http/answer.h"
#include "http/control_event.h"
#include "http/sse.h"
#include "stream/admission/permission.h"
#include "stream/admission/stream_answer.h"
#include "stream/source/stats.h"

void
stream_answer_add_head(struct buf *b, const struct subscription *j)
{
	if (j->format == FORMAT_POLL)
		return;
	answer_add_head(b, 200, ANSWER_STREAM, j->cors);
}

/* Sends a whole answer; nothing was written to the connection before. */
static void
send_answer(int fd, uint16_t id, const struct buf *text)
{
	struct buf rec = BUF_INIT;

	record_add_output(&rec, id, text->data, text->len);
	record_add_end(&rec, id);
	if (!buf_failed(&rec) && !buf_failed(text) &&
	    send(fd, rec.data, rec.len, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		log_debug("could not refuse a stream politely");
	buf_fini(&rec);
}

void
stream_answer_later(
    const struct subscription *j, int64_t retry_ms, const char *reason)
{
	const char *detail = strcmp(reason, BYE_DATABASE) == 0
	    ? "the database does not answer whether you may read this: come back later"
	    : reason;
	struct buf text = BUF_INIT;

	stream_answer_add_head(&text, j);
	if (j->format == FORMAT_POLL) {
		struct buf headers = BUF_INIT;

		buf_addf(&headers, "Retry-After: %" PRId64 "\r\n%s",
		    (retry_ms + 999) / 1000, j->cors);
		if (!buf_failed(&headers))
			answer_add_problem(&text, 503, headers.data, detail);
		buf_fini(&headers);
	} else {
		sse_add_retry(&text, (unsigned)retry_ms);
		control_event_bye(&text, NULL, reason);
	}
	send_answer(j->conn.fd, j->conn.id, &text);
	buf_fini(&text);
}

void
stream_answer_forbidden(struct stream *s, const char *reason)
{
	const struct subscription *j = s->subscription;
	bool revoked =
	    j->identity.claims != NULL && s->permission != NULL &&
	    (s->permission->bad_token || strcmp(reason, "revoked") == 0);
	bool sign_in = j->identity.who == NULL && j->may_sign_in;
	struct buf headers = BUF_INIT, text = BUF_INIT;

	stats_refuse(revoked   ? REFUSED_TOKEN
		     : sign_in ? REFUSED_UNAUTHORIZED
			       : REFUSED_FORBIDDEN);
	buf_addf(&headers, "%s%s",
	    revoked   ? IDENTITY_CHALLENGE_BAD
	    : sign_in ? IDENTITY_CHALLENGE
		      : "",
	    j->cors);
	if (buf_failed(&headers))
		text.failed = true;
	else
		answer_add_problem(&text, sign_in || revoked ? 401 : 403,
		    headers.data,
		    revoked   ? "this token has been revoked: sign in again"
		    : sign_in ? "sign in to read this"
			      : "you may not read this");
	send_answer(s->fd, s->id, &text);
	buf_fini(&headers);
	buf_fini(&text);
}

void
stream_answer_head_only(struct stream *s)
{
	struct buf text = BUF_INIT;

	if (s->filter->format == FORMAT_POLL)
		answer_add_head(
		    &text, 200, "application/json", s->subscription->cors);
	else
		stream_answer_add_head(&text, s->subscription);
	send_answer(s->fd, s->id, &text);
	buf_fini(&text);
}
