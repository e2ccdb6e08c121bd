/*
 * waiting_list.h - the clients that poll because no place for a stream is free,
 * in the order of their arrival.
 *
 * A client is known by its ticket, a random number that it brings back behind
 * its position: see client/ticket.h.
 */
#ifndef PGFEED_WAITING_LIST_H
#define PGFEED_WAITING_LIST_H

#include <sys/queue.h>

#include "base/hash_table.h"

/* Clients in the list; a client beyond that is served without a ticket. */
#define WAITING_LIST_MAX 65536

TAILQ_HEAD(waiting_queue, waiting_client);

/* A list of zeros is to be initialised by waiting_list_init(). */
struct waiting_list {
	struct waiting_queue order; /* the longest waiting first */
	struct hash_table by_ticket;
	int64_t swept_ms;
};

void waiting_list_init(struct waiting_list *);
void waiting_list_fini(struct waiting_list *);

/* Returns the number of clients that are expected back. */
size_t waiting_list_count(const struct waiting_list *);

/*
 * Returns whether the client with that ticket (0: none) may have one of so many
 * free places: fewer others than places have waited longer. The client then
 * leaves the list.
 */
bool waiting_list_admit(
    struct waiting_list *, uint64_t ticket, size_t free_places, int64_t now_ms);

/*
 * Keeps the client in the list until back_ms: a client that is not back by then
 * is forgotten. A client that is not in the list is appended, but only while
 * no place is free: otherwise clients that come without a ticket each
 * time would wait for themselves. Returns the client's ticket, a new one for
 * ticket 0; 0 when the client is not in the list.
 */
uint64_t waiting_list_keep(struct waiting_list *, uint64_t ticket,
    size_t free_places, int64_t back_ms);

/*
 * Draws the delay after which a waiting client polls again, in ms: from min to
 * max, and longer when so many wait that the places' web server would get more
 * than WAITING_POLLS_PER_PLACE polls per second for each place.
 */
int64_t waiting_list_retry_ms(
    const struct waiting_list *, int64_t min_ms, int64_t max_ms, size_t places);

#define WAITING_POLLS_PER_PLACE 4
#define WAITING_POLLS_MIN       20 /* per second, whatever the places */
#define WAITING_POLLS_MAX       1000

#endif
