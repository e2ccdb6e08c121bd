/*
 * hasty_doorbell.c - a gateway that falls asleep without waiting.
 *
 * The linker puts this function in the place of doorbell_add() (--wrap), so the
 * gateway knows of no writer that holds the lock on the sequence and falls
 * asleep while transactions are open that did not ring. check.sh runs the
 * oracle with this gateway, and the oracle must report events that are late.
 */
#include "feed/doorbell.h"

void __wrap_doorbell_add(struct doorbell *, const char *);

void
__wrap_doorbell_add(struct doorbell *d, const char *name)
{
}
