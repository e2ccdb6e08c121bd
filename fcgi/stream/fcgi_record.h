/*
 * fcgi_record.h - output as FastCGI records (FastCGI 1.0, sections 3.3, 5.3,
 * 5.5).
 */
#ifndef PGFEED_FCGI_RECORD_H
#define PGFEED_FCGI_RECORD_H

#include "buf.h"

/* Apache reads 8192 bytes at a time, the header among them. */
#define RECORD_MAX_CONTENT 8184

/* Adds n bytes of output for request id, as STDOUT records without padding. */
void record_add_output(struct buf *, uint16_t id, const char *p, size_t n);

/* Adds the end of STDOUT and END_REQUEST with status 0, complete. */
void record_add_end(struct buf *, uint16_t id);

#endif
