/*
 * waiting_list.c - the clients that poll because no place for a stream is free.
 *
 * An EventSource brings back nothing but its position, so the gateway appends a
 * ticket to the position that a waiting client gets. A free place is kept for
 * the client at the head of the list until that client is late.
 *
 * Always: a ticket is in the list once; a client that is late has left the list
 *         a second later.
 * Owner:  the list owns its clients.
 * Why not the client's address: a whole company may have one.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/admission/waiting_list.h"

#define SWEEP_MS 1000

struct waiting_client {
	struct hash_table_entry in_table;
	uint64_t ticket;
	int64_t back_ms;
	TAILQ_ENTRY(waiting_client) in_order;
};

void
waiting_list_init(struct waiting_list *l)
{
	memset(l, 0, sizeof(*l));
	TAILQ_INIT(&l->order);
	l->by_ticket.key_at = offsetof(struct waiting_client, ticket);
}

static void
forget(struct waiting_list *l, struct waiting_client *c)
{
	TAILQ_REMOVE(&l->order, c, in_order);
	hash_table_remove(&l->by_ticket, c);
	free(c);
}

void
waiting_list_fini(struct waiting_list *l)
{
	struct waiting_client *c;

	while ((c = TAILQ_FIRST(&l->order)) != NULL)
		forget(l, c);
}

size_t
waiting_list_count(const struct waiting_list *l)
{
	return l->by_ticket.n;
}

static struct waiting_client *
find(const struct waiting_list *l, uint64_t ticket)
{
	if (ticket == 0 || l->by_ticket.n == 0)
		return NULL;
	return hash_table_find(&l->by_ticket, &ticket, sizeof(ticket));
}

/* Forgets the clients that are late. */
static void
sweep(struct waiting_list *l, int64_t now_ms)
{
	struct waiting_client *c, *next;

	if (now_ms - l->swept_ms < SWEEP_MS)
		return;
	l->swept_ms = now_ms;
	for (c = TAILQ_FIRST(&l->order); c != NULL; c = next) {
		next = TAILQ_NEXT(c, in_order);
		if (c->back_ms < now_ms)
			forget(l, c);
	}
}

bool
waiting_list_admit(
    struct waiting_list *l, uint64_t ticket, size_t free_places, int64_t now_ms)
{
	struct waiting_client *client, *c;
	size_t before = 0;

	sweep(l, now_ms);
	if (free_places == 0)
		return false;
	client = find(l, ticket);
	TAILQ_FOREACH (c, &l->order, in_order) {
		if (c == client)
			break;
		if (++before == free_places)
			return false;
	}
	if (client != NULL)
		forget(l, client);
	return true;
}

static uint64_t
new_ticket(void)
{
	uint64_t high = random_between(0, INT32_MAX);

	return high << 32 | random_between(1, UINT32_MAX);
}

uint64_t
waiting_list_keep(struct waiting_list *l, uint64_t ticket, size_t free_places,
    int64_t back_ms)
{
	struct waiting_client *c = find(l, ticket);

	if (c != NULL) {
		c->back_ms = back_ms;
		return ticket;
	}
	if (free_places > 0 || l->by_ticket.n >= WAITING_LIST_MAX)
		return 0;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return 0;
	c->ticket = ticket != 0 ? ticket : new_ticket();
	c->back_ms = back_ms;
	if (!hash_table_add(&l->by_ticket, c, sizeof(c->ticket))) {
		free(c);
		return 0;
	}
	TAILQ_INSERT_TAIL(&l->order, c, in_order);
	return c->ticket;
}

int64_t
waiting_list_retry_ms(
    const struct waiting_list *l, int64_t min_ms, int64_t max_ms, size_t places)
{
	size_t polls = MIN(
	    MAX(places * WAITING_POLLS_PER_PLACE, (size_t)WAITING_POLLS_MIN),
	    (size_t)WAITING_POLLS_MAX);
	int64_t mean = (min_ms + max_ms) / 2;
	int64_t needed = (int64_t)(l->by_ticket.n * 1000 / polls);

	if (needed > mean && mean > 0) {
		min_ms = min_ms * needed / mean;
		max_ms = max_ms * needed / mean;
	} else if (needed > mean) {
		min_ms = needed / 2;
		max_ms = needed / 2 * 3;
	}
	return random_between(
	    (uint32_t)MIN(min_ms, max_ms), (uint32_t)MAX(min_ms, max_ms));
}
