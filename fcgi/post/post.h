/*
 * post.h - serves one POST, from its first header to its answer.
 */
#ifndef PGFEED_POST_H
#define PGFEED_POST_H

#include "fastcgi/acceptor.h"
#include "config/config.h"
#include "process/post_counters.h"
#include "auth/identity.h"
#include "post/ingest.h"
#include "post/rate_limit.h"
#include "fastcgi/request.h"

/* State that all requests share. */
struct post {
	const struct config *config;
	struct identities *identities;
	struct ingest *ingest;
	struct rate_limit *address_limit, *user_limit; /* NULL: no limit */
	struct post_counters *counters;
};

/*
 * Serves a request. post is a struct post. Several threads may call this
 * function.
 * None of them waits for the database: the loop finishes the request later.
 * Fits acceptor_cb.
 */
void post_serve(struct request *, void *post);

/* Counts a connection that sent no valid request. Fits acceptor_loss_cb. */
void post_lost(enum acceptor_loss, void *post);

#endif
