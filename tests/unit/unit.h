/*
 * unit.h - what every cmocka test includes, in the order cmocka wants.
 */
#ifndef PGFEED_UNIT_H
#define PGFEED_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#endif
