#ifndef GK_CEL_UNIFY_H
#define GK_CEL_UNIFY_H
/* Types with variables: which fits which, and what the variables stand for. */

#include "cel/cel_internal.h"

/*
 * Embedded; made by the checker.  A type variable is a CEL_T_PARAM without a
 * name, whose field_count is its number.  What is asked costs steps; when they
 * are spent, nothing fits and exhausted is set.
 */
struct unify {
	struct gk_arena *arena;
	const struct cel_type **bound; /* by number; NULL: free.  Owned */
	unsigned count, room;
	uint32_t steps; /* left */
	bool exhausted, no_memory;
};

void unify_init(struct unify *unify, struct gk_arena *arena);
void unify_done(struct unify *unify);

/* A new variable; on no memory dyn. */
const struct cel_type *unify_fresh(struct unify *unify);

/* May a value of type `from` be where `to` is asked for?  Binds variables when it may. */
bool unify_fits(struct unify *unify, const struct cel_type *from,
    const struct cel_type *to);
/* All of them together, or none is bound. */
bool unify_all_fit(struct unify *unify, const struct cel_type *const *from,
    const struct cel_type *const *to, unsigned count);

/* What the elements of a literal have in common: the more general of two, else dyn; a NULL is none yet. */
const struct cel_type *unify_join(
    struct unify *unify, const struct cel_type *a, const struct cel_type *b);

/* The overload's types with fresh variables for its parameters. */
struct unify_call {
	const struct cel_type *params[CEL_PARAMS_MAX];
	const struct cel_type *result;
};
void unify_instance(struct unify *unify, const struct cel_overload *overload,
    struct unify_call *ret);

/* With variables replaced by what they stand for; last: free ones are dyn. */
const struct cel_type *unify_apply(
    struct unify *unify, const struct cel_type *type, bool last);
/* The same, only at the top: what kind it is. */
const struct cel_type *unify_top(
    const struct unify *unify, const struct cel_type *type);

#endif
