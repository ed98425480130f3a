#ifndef TEST_CONFORMANCE_VERDICT_H
#define TEST_CONFORMANCE_VERDICT_H
/* Runs one case of the suite, and says whether it went as expected. */

#include "case.h"

/* The texts live in the arena that verdict_of() was given. */
struct verdict {
	bool passed;
	const char *expected, *got; /* NULL if passed */
};

/*
 * A case is run as it says, checked or only parsed; a checked one is parsed
 * only too, and where that has a value, it must be the same one.
 */
struct verdict verdict_of(const struct cel_case *c, struct gk_arena *arena);

#endif
