/* The types that the checker makes and asks of. */

#include "cel/check.h"

#include <string.h>

const struct cel_type *
check_plain(enum cel_type_kind kind)
{
	return cel_type_of(kind);
}

const struct cel_type *
check_made(struct checker *checker, const struct cel_type *type)
{
	if (type == NULL) {
		checker->compile->no_memory = true;
		return check_plain(CEL_T_DYN);
	}
	return type;
}

const struct cel_type *
check_list_of(struct checker *checker, const struct cel_type *element)
{
	return check_made(checker, cel_type_list(element, checker->arena));
}

const struct cel_type *
check_map_of(struct checker *checker, const struct cel_type *key,
    const struct cel_type *value)
{
	return check_made(checker, cel_type_map(key, value, checker->arena));
}

const struct cel_type *
check_optional_of(struct checker *checker, const struct cel_type *type)
{
	return check_made(checker, cel__type_made(CEL_T_OPAQUE, "optional_type",
				       &type, 1, checker->arena));
}

/* What is inside an optional; NULL: it isn't one. */
const struct cel_type *
check_inside(const struct checker *checker, const struct cel_type *type)
{
	type = unify_top(&checker->unify, type);
	return type->kind == CEL_T_OPAQUE && type->param_count == 1 &&
		       strcmp(type->name, "optional_type") == 0
		   ? type->params[0]
		   : NULL;
}

bool
check_failed(const struct cel_type *type)
{
	return type->kind == CEL_T_ERROR;
}

void
check_want_bool(struct checker *checker, const struct cel_node *node,
    const struct cel_type *type, const char *what)
{
	if (!check_failed(type) &&
	    !unify_fits(&checker->unify, type, check_plain(CEL_T_BOOL))) {
		cel__problem(checker->compile, node->begin, node->end, NULL,
		    "%s must be bool, this is %s", what,
		    words_of(&checker->unify, type).text);
	}
}
