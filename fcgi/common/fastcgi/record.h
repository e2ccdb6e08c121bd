/*
 * record.h - FastCGI records: the one codec (FastCGI 1.0, sections 3.3, 3.4,
 * 5 and 8).
 */
#ifndef PGFEED_RECORD_H
#define PGFEED_RECORD_H

#include "base/buf.h"

#define RECORD_HEADER_BYTES 8
#define RECORD_RESPONDER    1 /* the role in BEGIN_REQUEST */

enum record_type {
	RECORD_BEGIN = 1,
	RECORD_ABORT = 2,
	RECORD_END = 3,
	RECORD_PARAMS = 4,
	RECORD_STDIN = 5,
	RECORD_STDOUT = 6,
	RECORD_STDERR = 7
};

/* Apache reads 8192 bytes at a time, the header among them. */
#define RECORD_MAX_CONTENT 8184

/*
 * Content bytes of a record of a padded stream. Apache without flushpackets
 * takes each record by itself and holds output back until there are 4096 bytes
 * (core_filters.c) or, with TLS in HTTP/1.1, more than 8192 (ssl_engine_io.c).
 * One such record passes the first threshold, and two pass the second. The
 * bytes of a pair beyond 8192 become a small TLS record, which waits for the
 * next write. So the last RECORD_TLS_TAIL bytes have to be padding.
 */
#define RECORD_PADDED   4224
#define RECORD_TLS_TAIL 1024

/* --- writing */

/* Adds n bytes of output for request id, as STDOUT records without padding. */
void record_add_output(struct buf *, uint16_t id, const char *p, size_t n);

/*
 * Adds the same in records of RECORD_PADDED bytes. n should be a multiple of
 * it.
 */
void record_add_padded(struct buf *, uint16_t id, const char *p, size_t n);

/* Adds the end of STDOUT and END_REQUEST with status 0, complete. */
void record_add_end(struct buf *, uint16_t id);

/* Adds a name-value pair in the encoding of PARAMS. */
void record_add_pair(
    struct buf *, const char *name, size_t name_len, const char *value);

/*
 * Adds request 1 to a responder, with these pairs and without a body. The
 * responder closes the connection after its answer.
 */
void record_add_request(struct buf *, const struct buf *pairs);

/* --- reading */

struct record_header {
	unsigned type; /* an enum record_type, or another number */
	uint16_t id;
	size_t content; /* bytes */
	size_t padding; /* bytes behind the content */
};

/*
 * Reads the RECORD_HEADER_BYTES at p. Returns false when they have another
 * version of FastCGI.
 */
bool record_read_header(struct record_header *, const void *p) MUSTCHECK;

/*
 * A reader of records that arrive in pieces of any size. All zeroes at the
 * start.
 */
struct record_reader {
	unsigned char bytes[RECORD_HEADER_BYTES];
	size_t have;                 /* bytes of the header that have arrived */
	struct record_header header; /* valid when the header is complete */
	size_t content, padding;     /* bytes of the record still to come */
};

enum record_step {
	RECORD_MORE,     /* all bytes are consumed */
	RECORD_HEADER,   /* a record begins: see header */
	RECORD_PIECE,    /* a piece of content has arrived */
	RECORD_COMPLETE, /* the record has ended */
	RECORD_BAD       /* the bytes are not FastCGI */
};

/*
 * Consumes the *n bytes at *p up to the next step. After RECORD_PIECE, the
 * content is the *length bytes at *piece.
 */
enum record_step record_next(struct record_reader *, const char **p, size_t *n,
    const char **piece, size_t *length) MUSTCHECK;

#endif
