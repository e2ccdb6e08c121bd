/*
 * feed_sql.c - positions and topics as parameters of SQL.
 */
#include <inttypes.h>

#include "feed/feed_sql.h"

void
feed_sql_add_holes(struct buf *low, struct buf *high, const struct cursor *c)
{
	buf_addc(low, '{');
	buf_addc(high, '{');
	for (unsigned i = 0; i < c->n; i++) {
		buf_addf(
		    low, "%s%lld", i > 0 ? "," : "", (long long)c->hole[i].low);
		buf_addf(high, "%s%lld", i > 0 ? "," : "",
		    (long long)c->hole[i].high);
	}
	buf_addc(low, '}');
	buf_addc(high, '}');
}
