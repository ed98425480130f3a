#ifndef GK_CEL_CHECK_H
#define GK_CEL_CHECK_H
/* The checker's state, and what its files share. */

#include "cel/cel_internal.h"
#include "cel/unify.h"
#include "cel/words.h"

struct checker {
	struct cel__compile *compile;
	struct gk_arena *arena; /* of the program: types stay */
	struct unify unify;
	const struct cel_type **locals; /* by slot */
};

/* check.c: a node's type; CEL_T_ERROR where that was told. */
const struct cel_type *check_node(
    struct checker *checker, struct cel_node *node);

/* check_type.c */
const struct cel_type *check_plain(enum cel_type_kind kind);
const struct cel_type *check_made(
    struct checker *checker, const struct cel_type *type);
const struct cel_type *check_list_of(
    struct checker *checker, const struct cel_type *element);
const struct cel_type *check_map_of(struct checker *checker,
    const struct cel_type *key, const struct cel_type *value);
const struct cel_type *check_optional_of(
    struct checker *checker, const struct cel_type *type);
/* What is inside an optional; NULL: it isn't one. */
const struct cel_type *check_inside(
    const struct checker *checker, const struct cel_type *type);
bool check_failed(const struct cel_type *type);
void check_want_bool(struct checker *checker, const struct cel_node *node,
    const struct cel_type *type, const char *what);

/* check_macro.c */
const struct cel_type *check_macro_loop(
    struct checker *checker, struct cel_node *node);
const struct cel_type *check_macro_optional(
    struct checker *checker, struct cel_node *node);
const struct cel_type *check_macro_bind(
    struct checker *checker, struct cel_node *node);

#endif
