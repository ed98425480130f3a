#ifndef TEST_CONFORMANCE_CASE_H
#define TEST_CONFORMANCE_CASE_H
/* One case of the CEL conformance suite, read from its JSON line. */

#include "base/arena.h"
#include "cel/cel.h"

/*
 * 1. slots[i] is what variable i is bound to; zero: to nothing.
 * 2. has_value or want_error, unless check_only.
 */
struct cel_case {
	const char *file, *section, *name;
	const char *expr; /* may hold NUL */
	size_t expr_n;
	const char *container;
	const char *deduced; /* type, printed; NULL: any */
	bool unchecked, check_only, want_error, has_value;
	struct cel_value value;
	struct cel_variable *variables;
	struct cel_value *slots;
	size_t variable_count;
	struct cel_declaration *declarations;
	size_t declaration_count;
};

/*
 * Read line[0..n), which is changed; all of the case lives in arena.
 * Errors: GK_E_INVALID with the member, GK_E_LIMIT, GK_E_NOMEM; file, section
 * and name are set if they could be read.
 */
enum gk_rc case_parse(char *line, size_t n, struct gk_arena *arena,
    struct cel_case *ret_case, struct gk_err *err) GK_MUST_USE;

/* The same kind and value, inside too: 1 isn't 1.0, 0.0 isn't -0.0, NaN is NaN. */
bool case_same(const struct cel_value *want, const struct cel_value *got);

#endif
