/*
 * post.h - one POST, from its first header to its answer.
 */
#ifndef PGFEED_POST_H
#define PGFEED_POST_H

#include "acceptor.h"
#include "config.h"
#include "counters.h"
#include "identity.h"
#include "ingest.h"
#include "limit.h"
#include "request.h"

/* What requests share. */
struct post {
	const struct config *config;
	struct identities *identities;
	struct ingest *ingest;
	struct limit *address_limit, *user_limit; /* NULL: none */
	struct counters *counters;
};

/*
 * Serves a request. post is a struct post. Several threads may be in here;
 * nobody waits here for the database: the request is finished later, in the
 * ingest thread. Fits acceptor_cb.
 */
void post_serve(struct request *, void *post);

/* Counts what did not become a request. Fits acceptor_loss_cb. */
void post_lost(enum acceptor_loss, void *post);

#endif
