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
 * The content of a record of a padded stream. Apache without flushpackets
 * holds back what it has until there are 4096 bytes (core_filters.c), or, with
 * TLS in HTTP/1.1, more than 8192 (ssl_engine_io.c), and takes each record by
 * itself: so one such record gets through, or a pair of them. Of a pair, what
 * is beyond 8192 makes a small TLS record of its own, which waits for the next:
 * so the last RECORD_TLS_TAIL bytes have to be padding.
 */
#define RECORD_PADDED   4224
#define RECORD_TLS_TAIL 1024

/* --- writing */

/* Adds n bytes of output for request id, as STDOUT records without padding. */
void record_add_output(struct buf *, uint16_t id, const char *p, size_t n);

/* The same in records of RECORD_PADDED; n should be a multiple of it. */
void record_add_padded(struct buf *, uint16_t id, const char *p, size_t n);

/* Adds the end of STDOUT and END_REQUEST with status 0, complete. */
void record_add_end(struct buf *, uint16_t id);

/* Adds a name-value pair, as the content of PARAMS has it. */
void record_add_pair(
    struct buf *, const char *name, size_t name_len, const char *value);

/*
 * Adds request 1 to a responder, with these pairs, without a body, and such
 * that the connection ends with it.
 */
void record_add_request(struct buf *, const struct buf *pairs);

/* --- reading */

struct record_header {
	unsigned type; /* enum record_type, if the peer keeps to it */
	uint16_t id;
	size_t content; /* bytes */
	size_t padding; /* bytes behind the content */
};

/*
 * Reads the RECORD_HEADER_BYTES at p. False when they are of another version of
 * FastCGI, and so no header at all.
 */
bool record_read_header(struct record_header *, const void *p) MUSTCHECK;

/* A reader of records that arrive in pieces of any size; begins as zeroes. */
struct record_reader {
	unsigned char bytes[RECORD_HEADER_BYTES];
	size_t have;                 /* bytes of the header */
	struct record_header header; /* of this record, when it is complete */
	size_t content, padding;     /* bytes of the record still to come */
};

enum record_step {
	RECORD_MORE,     /* all bytes are taken */
	RECORD_HEADER,   /* header is that of the record that begins */
	RECORD_PIECE,    /* there is a piece of its content */
	RECORD_COMPLETE, /* the record has ended */
	RECORD_BAD       /* this is not FastCGI */
};

/*
 * Takes from the *n bytes at *p up to the next step; with RECORD_PIECE, the
 * content taken is the *length bytes at *piece.
 */
enum record_step record_next(struct record_reader *, const char **p, size_t *n,
    const char **piece, size_t *length) MUSTCHECK;

#endif
