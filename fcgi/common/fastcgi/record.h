/*
 * record.h - output as FastCGI records (FastCGI 1.0, sections 3.3, 5.3,
 * 5.5).
 */
#ifndef PGFEED_RECORD_H
#define PGFEED_RECORD_H

#include "base/buf.h"

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

/* Adds n bytes of output for request id, as STDOUT records without padding. */
void record_add_output(struct buf *, uint16_t id, const char *p, size_t n);

/* The same in records of RECORD_PADDED; n should be a multiple of it. */
void record_add_padded(struct buf *, uint16_t id, const char *p, size_t n);

/* Adds the end of STDOUT and END_REQUEST with status 0, complete. */
void record_add_end(struct buf *, uint16_t id);

#endif
