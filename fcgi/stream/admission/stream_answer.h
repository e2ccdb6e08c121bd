/*
 * stream_answer.h - the answers to a subscription that becomes no stream, and
 * the head of one that does.
 *
 * The functions that send write a whole answer, without blocking, to a
 * connection that nothing was written to before. They leave it open.
 */
#ifndef PGFEED_STREAM_ANSWER_H
#define PGFEED_STREAM_ANSWER_H

#include "stream/admission/subscribe.h"

/* Adds the head of a stream; nothing for a long-poll, whose head comes later. */
void stream_answer_add_head(struct buf *, const struct subscription *);

/*
 * Sends the client away until later: it comes back after retry_ms, with the
 * position that it had. An error status would end an EventSource for good, so
 * a stream gets pgfeed.bye with the reason, and only a long-poll 503.
 */
void stream_answer_later(
    const struct subscription *, int64_t retry_ms, const char *reason);

/* Sends 401 or 403 for a stream that may not read, and counts it. */
void stream_answer_forbidden(struct stream *, const char *reason);

/* Answers a HEAD with the head that a GET would get now. */
void stream_answer_head_only(struct stream *);

#endif
