/*
 * ingest_arrays.h - encoder of events as the six arrays of pgfeed.ingest().
 *
 * The arrays have PostgreSQL's binary format (array_recv() in arrayfuncs.c;
 * integers in network order): dimensions, whether there are NULLs, the element
 * type; for each dimension its size and lower bound; for each element its
 * length, -1 for NULL, and its bytes. This format needs no quoting, so no
 * payload can break out of its element.
 */
#ifndef PGFEED_INGEST_ARRAYS_H
#define PGFEED_INGEST_ARRAYS_H

#include "base/buf.h"

/* An event to store, and its sender. All strings but data end in a NUL. */
struct row {
	const char *topic;  /* a valid topic */
	const char *kind;   /* or NULL */
	const char *key;    /* or NULL */
	const char *who;    /* or NULL: anonymous */
	const char *claims; /* claims of the token as JSON, or NULL */
	const char *data;
	size_t data_len;
};

enum {
	BATCH_TOPICS,
	BATCH_KINDS,
	BATCH_DATAS,
	BATCH_KEYS,
	BATCH_WHOS,
	BATCH_CLAIMS,
	BATCH_ARRAYS
};

#define OID_TEXT       25
#define OID_TEXT_ARRAY 1009

/*
 * Fills the arrays with the rows. Returns false without memory. The buffers
 * keep their memory between batches.
 */
bool batch_encode(
    struct buf array[BATCH_ARRAYS], const struct row *const *rows, unsigned n);

#endif
