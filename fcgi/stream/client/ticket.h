/*
 * ticket.h - the number by which the gateway knows a client that waits for a
 * place again. An EventSource brings back nothing but its position, so the
 * ticket is the end of the position's text: "12345__1y2p0ij32e8e7".
 */
#ifndef PGFEED_TICKET_H
#define PGFEED_TICKET_H

#include <stddef.h>
#include <stdint.h>

/* The mark, up to 13 digits and the NUL. */
#define TICKET_TEXT_MAX 16

/* Writes what stands behind the position of a client with that ticket. */
void ticket_print(uint64_t ticket, char text[TICKET_TEXT_MAX]);

/*
 * Returns the ticket in the text of a position, or 0. *n becomes the length of
 * the position without it.
 */
uint64_t ticket_parse(const char *position, size_t *n);

#endif
