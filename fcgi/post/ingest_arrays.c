/*
 * ingest_arrays.c - encoder of events as the six arrays of pgfeed.ingest().
 */
#include <arpa/inet.h>
#include <string.h>

#include "post/ingest_arrays.h"

static void
add_int32(struct buf *b, int32_t n)
{
	uint32_t net = htonl((uint32_t)n);

	buf_add(b, &net, sizeof(net));
}

static void
add_head(struct buf *b, unsigned n, bool nulls)
{
	buf_clear(b);
	add_int32(b, n > 0 ? 1 : 0);
	add_int32(b, nulls);
	add_int32(b, OID_TEXT);
	if (n > 0) {
		add_int32(b, (int32_t)n);
		add_int32(b, 1);
	}
}

static void
add_text(struct buf *b, const char *s, size_t n)
{
	add_int32(b, (int32_t)n);
	buf_add(b, s, n);
}

static void
add_text_or_null(struct buf *b, const char *s)
{
	if (s != NULL)
		add_text(b, s, strlen(s));
	else
		add_int32(b, -1);
}

bool
batch_encode(
    struct buf array[BATCH_ARRAYS], const struct row *const *rows, unsigned n)
{
	bool ok = true;

	add_head(&array[BATCH_TOPICS], n, false);
	add_head(&array[BATCH_KINDS], n, true);
	add_head(&array[BATCH_DATAS], n, false);
	add_head(&array[BATCH_KEYS], n, true);
	add_head(&array[BATCH_WHOS], n, true);
	add_head(&array[BATCH_CLAIMS], n, true);
	for (unsigned i = 0; i < n; i++) {
		add_text_or_null(&array[BATCH_TOPICS], rows[i]->topic);
		add_text_or_null(&array[BATCH_KINDS], rows[i]->kind);
		add_text(&array[BATCH_DATAS], rows[i]->data, rows[i]->data_len);
		add_text_or_null(&array[BATCH_KEYS], rows[i]->key);
		add_text_or_null(&array[BATCH_WHOS], rows[i]->who);
		add_text_or_null(&array[BATCH_CLAIMS], rows[i]->claims);
	}
	for (int i = 0; i < BATCH_ARRAYS; i++)
		ok = ok && !buf_failed(&array[i]);
	return ok;
}
