/*
 * ticket.c - the ticket of a waiting client, in the text of its position.
 */
#include <string.h>

#include "stream/client/ticket.h"

static const char mark[] = "__"; /* in no position: see cursor.h */
static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

void
ticket_print(uint64_t ticket, char text[TICKET_TEXT_MAX])
{
	char reversed[TICKET_TEXT_MAX];
	size_t n = 0;

	for (; ticket > 0; ticket /= 36)
		reversed[n++] = digits[ticket % 36];
	if (n > 0) {
		memcpy(text, mark, 2);
		text += 2;
	}
	while (n > 0)
		*text++ = reversed[--n];
	*text = '\0';
}

uint64_t
ticket_parse(const char *position, size_t *n)
{
	const char *at = strstr(position, mark), *digit;
	uint64_t ticket = 0;

	*n = at != NULL ? (size_t)(at - position) : strlen(position);
	if (at == NULL)
		return 0;
	for (at += 2; *at != '\0'; at++) {
		digit = strchr(digits, *at);
		if (digit == NULL || ticket > (UINT64_MAX - 35) / 36)
			return 0;
		ticket = ticket * 36 + (uint64_t)(digit - digits);
	}
	return ticket;
}
