/*
 * janitor.c - retention: new partitions, old events, old keys.
 *
 * migrations/0004_retention.up.sql has the functions, and explains why each
 * needs a transaction of its own.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pg/db.h"
#include "stream/janitor.h"
#include "base/log.h"
#include "stream/source/stats.h"

#define PERIOD_S    60
#define MAX_BATCHES 200 /* statements of deleted rows per period */
#define LATE_S      3600 /* an undone duty is logged after this time */

struct janitor {
	const struct config *config;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stopping;
	/* Members of the thread. */
	int64_t warned_ms; /* 0: never */
	bool told_least;
};

/*
 * Returns a copy of the first column of a statement's only row, or NULL after a
 * failure.
 */
static char *
ask(PGconn *db, const char *sql, int n, const char *const *values)
{
	struct buf err = BUF_INIT;
	PGresult *r = db_query(db, sql, n, values, &err);
	char *value = NULL;

	if (r == NULL)
		log_warning("could not look after history: %s",
		    err.data != NULL ? err.data : "out of memory");
	else if (PQntuples(r) > 0)
		value = strdup(PQgetvalue(r, 0, 0));
	PQclear(r);
	buf_fini(&err);
	return value;
}

static bool
is_stopping(struct janitor *k)
{
	bool stopping;

	pthread_mutex_lock(&k->mutex);
	stopping = k->stopping;
	pthread_mutex_unlock(&k->mutex);
	return stopping;
}

static void
prune(struct janitor *k, PGconn *db)
{
	char age[32], *answer;
	const char *values[] = { age };

	snprintf(age, sizeof(age), "%" PRId64 " ms", k->config->retention);
	answer = ask(
	    db, "SELECT coalesce(pgfeed.prune_mark($1)::text, '')", 1, values);
	if (answer != NULL && *answer != '\0')
		log_info(
		    "events below id %s are older than the retention", answer);
	for (int i = 0; answer != NULL && i < MAX_BATCHES; i++) {
		bool more;

		free(answer);
		answer = ask(db,
		    "SELECT more AND partitions + rows > 0"
		    " FROM pgfeed.prune_sweep()",
		    0, NULL);
		more = answer != NULL && *answer == 't';
		if (!more || is_stopping(k))
			break;
	}
	free(answer);
}

/*
 * Logs, once an hour, a duty that no gateway has done for LATE_S seconds; a
 * transaction that stays open on the table is one cause. Logs once when the
 * database keeps events for longer than the option says.
 */
static void
report_duties(struct janitor *k, PGconn *db)
{
	static const char duties[] =
	    "SELECT name, extract(epoch FROM clock_timestamp() - done)::bigint,"
	    " coalesce(extract(epoch FROM least) * 1000, 0)::bigint, least"
	    " FROM pgfeed.duty WHERE name <> 'prune' OR $1 ORDER BY done";
	const char *values[] = { k->config->retention > 0 ? "t" : "f" };
	struct buf err = BUF_INIT;
	PGresult *r = db_query(db, duties, 1, values, &err);
	int64_t late = 0;

	for (int i = 0; r != NULL && i < PQntuples(r); i++) {
		const char *name = PQgetvalue(r, i, 0);
		int64_t s = strtoll(PQgetvalue(r, i, 1), NULL, 10);

		late = MAX(late, s);
		if (s >= LATE_S && i == 0 &&
		    (k->warned_ms == 0 ||
			now_ms() - k->warned_ms >= LATE_S * 1000)) {
			log_warning("history: the duty \"%s\" was last done %" PRId64 " min ago: does a transaction stay open? \"pgfeed status\" shows which",
			    name, s / 60);
			k->warned_ms = now_ms();
		}
		if (strcmp(name, "prune") == 0 && !k->told_least &&
		    k->config->retention <
			strtoll(PQgetvalue(r, i, 2), NULL, 10)) {
			log_warning("history: the database keeps events for at least %s, longer than the option retention says: the owner of pgfeed may change pgfeed.duty",
			    PQgetvalue(r, i, 3));
			k->told_least = true;
		}
	}
	if (r == NULL)
		log_warning("could not look after history: %s",
		    err.data != NULL ? err.data : "out of memory");
	else
		stats.janitor_late_s = late;
	PQclear(r);
	buf_fini(&err);
}

static void
look_after(struct janitor *k)
{
	struct buf err = BUF_INIT;
	char age[32];
	const char *values[] = { age };
	PGconn *db;

	db = db_connect(config_database(k->config, k->config->stream_database),
	    "keeper", &err);
	buf_fini(&err); /* the listener logs the same error */
	if (db == NULL)
		return;
	free(ask(db, "SELECT pgfeed.rotate()", 0, NULL));
	if (k->config->retention > 0)
		prune(k, db);
	snprintf(age, sizeof(age), "%" PRId64 " ms", k->config->key_age);
	free(ask(db, "SELECT pgfeed.expire_keys($1)", 1, values));
	report_duties(k, db);
	PQfinish(db);
}

static void *
run(void *arg)
{
	struct janitor *k = arg;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += random_between(5, PERIOD_S);
	pthread_mutex_lock(&k->mutex);
	while (!k->stopping) {
		if (pthread_cond_timedwait(&k->wake, &k->mutex, &until) == 0)
			continue;
		pthread_mutex_unlock(&k->mutex);
		look_after(k);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += PERIOD_S;
		pthread_mutex_lock(&k->mutex);
	}
	pthread_mutex_unlock(&k->mutex);
	return NULL;
}

struct janitor *
janitor_new(const struct config *config)
{
	struct janitor *k = calloc(1, sizeof(*k));

	if (k == NULL)
		log_fatal("out of memory");
	k->config = config;
	pthread_mutex_init(&k->mutex, NULL);
	pthread_cond_init(&k->wake, NULL);
	if (pthread_create(&k->thread, NULL, run, k) != 0)
		log_fatal("could not start a thread");
	return k;
}

void
janitor_free(struct janitor *k)
{
	pthread_mutex_lock(&k->mutex);
	k->stopping = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->mutex);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->mutex);
	free(k);
}
