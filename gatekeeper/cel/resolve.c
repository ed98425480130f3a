/*
 * What names mean.  langdef "Name Resolution": in container a.b, x.y is tried
 * as a.b.x.y, a.x.y, x.y; of a selection a.b.c the longest part that is a
 * declared name is it, the rest selects.  A macro's variable hides them all;
 * a leading dot looks at the root only.
 */

#include "cel/cel_internal.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 512

/* The macro variables that are seen, innermost first. */
struct scope {
	const char *name;
	uint32_t slot;
	const struct scope *outer;
};

static const char *const type_names[] = {"bool", "int", "uint", "double",
    "bytes", "string", "list", "map", "null_type", "type",
    "google.protobuf.Timestamp", "google.protobuf.Duration", "optional_type",
    "net.IP", "net.CIDR", "url.URL"};

static void walk(struct cel__compile *compile, struct cel_node *node,
    const struct scope *scope, uint32_t locals);

static const struct scope *
scope_find(const struct scope *scope, const char *name)
{
	while (scope != NULL && strcmp(scope->name, name) != 0) {
		scope = scope->outer;
	}
	return scope;
}

/* The identifier that a selection begins with; NULL: it begins with something else. */
static struct cel_node *
chain_root(struct cel_node *node)
{
	while (node->op == OP_SELECT) {
		node = node->args[0];
	}
	return node->op == OP_IDENT ? node : NULL;
}

/* "a.b.c" of a chain; false: too long. */
static bool
chain_name(const struct cel_node *node, char *ret_name, size_t room)
{
	size_t n = strlen(node->name), at;

	if (node->op == OP_IDENT) {
		if (n >= room) {
			return false;
		}
		memcpy(ret_name, node->name, n + 1);
		return true;
	}
	if (!chain_name(node->args[0], ret_name, room)) {
		return false;
	}
	at = strlen(ret_name);
	if (at + 1 + n >= room) {
		return false;
	}
	ret_name[at] = '.';
	memcpy(ret_name + at + 1, node->name, n + 1);
	return true;
}

/*
 * Try name in each container, longest first: found() says whether it is
 * there.  root: in none.
 */
static bool
try_containers(const char *container, const char *name, bool root,
    bool (*found)(void *ctx, const char *name), void *ctx)
{
	char whole[2 * NAME_MAX_BYTES];
	size_t n = root ? 0 : strlen(container);

	GK_ASSERT(n + strlen(name) + 2 <= sizeof whole);

	while (n > 0) {
		(void)snprintf(
		    whole, sizeof whole, "%.*s.%s", (int)n, container, name);
		if (found(ctx, whole)) {
			return true;
		}
		while (n > 0 && container[n - 1] != '.') {
			n--;
		}
		n -= n > 0;
	}
	return found(ctx, name);
}

struct meaning {
	const struct cel_env *env;
	const struct cel_slot *slot;
	const char *type;
	const struct cel_function *function;
};

static bool
means_value(void *ctx, const char *name)
{
	struct meaning *meaning = ctx;

	meaning->slot =
	    gk_map_get(&meaning->env->slot_by_name, name, strlen(name));
	if (meaning->slot != NULL) {
		return true;
	}
	for (size_t i = 0; i < GK_COUNT(type_names); i++) {
		if (strcmp(type_names[i], name) == 0) {
			meaning->type = type_names[i];
			return true;
		}
	}
	return false;
}

static bool
means_function(void *ctx, const char *name)
{
	struct meaning *meaning = ctx;

	meaning->function = cel__function(meaning->env, name);
	return meaning->function != NULL;
}

static void
become(struct cel__compile *compile, struct cel_node *node,
    const struct meaning *meaning)
{
	node->arg_count = 0;
	if (meaning->slot != NULL) {
		node->op = OP_SLOT;
		node->name = meaning->slot->variable.name;
		node->slot = meaning->slot->number;
		compile->program->uses[node->slot / 64] |= UINT64_C(1)
							   << node->slot % 64;
		return;
	}
	node->op = OP_CONST;
	node->value = (struct cel_value){.kind = CEL_TYPE,
	    .n = (uint32_t)strlen(meaning->type),
	    .as.text = meaning->type};
}

/* An identifier, or a selection that begins with one. */
static void
walk_chain(struct cel__compile *compile, struct cel_node *node,
    struct cel_node *root, const struct scope *scope)
{
	const struct scope *local =
	    root->leading_dot ? NULL : scope_find(scope, root->name);
	struct meaning meaning = {.env = compile->env};
	char name[NAME_MAX_BYTES];

	if (local != NULL) {
		root->op = OP_LOCAL;
		root->slot = local->slot;
		return;
	}
	for (;; node = node->args[0]) {
		if (chain_name(node, name, sizeof name) &&
		    try_containers(compile->env->container, name,
			root->leading_dot, means_value, &meaning)) {
			become(compile, node, &meaning);
			return;
		}
		if (node == root) {
			return;
		}
	}
}

/* a.b.f(x) where a.b.f is a function and not the method f of a.b. */
static bool
is_namespaced(struct cel__compile *compile, struct cel_node *node,
    const struct scope *scope)
{
	struct cel_node *root =
	    node->receiver ? chain_root(node->args[0]) : NULL;
	struct meaning meaning = {.env = compile->env};
	char name[NAME_MAX_BYTES];
	size_t n;

	if (root == NULL ||
	    (!root->leading_dot && scope_find(scope, root->name) != NULL) ||
	    !chain_name(node->args[0], name, sizeof name)) {
		return false;
	}
	n = strlen(name);
	if (n + 1 + strlen(node->name) >= sizeof name) {
		return false;
	}
	name[n] = '.';
	memcpy(name + n + 1, node->name, strlen(node->name) + 1);
	if (!try_containers(compile->env->container, name, root->leading_dot,
		means_function, &meaning)) {
		return false;
	}
	node->function = meaning.function;
	node->name = meaning.function->name;
	node->receiver = false;
	node->args++;
	node->arg_count--;
	return true;
}

/* math.greatest(a, b, c …) is math.greatest([a, b, c …]). */
static void
gather(struct cel__compile *compile, struct cel_node *node)
{
	struct cel_node *list;

	if (node->function == NULL || node->arg_count < 3 ||
	    (strcmp(node->name, "math.greatest") != 0 &&
		strcmp(node->name, "math.least") != 0)) {
		return;
	}
	list = cel__node(compile, OP_LIST, node->args[0]->begin,
	    node->args[node->arg_count - 1]->end, node->arg_count);
	if (list != NULL) {
		memcpy(list->args, node->args,
		    node->arg_count * sizeof(*node->args));
		node->args[0] = list;
		node->arg_count = 1;
	}
}

static void
walk_call(struct cel__compile *compile, struct cel_node *node,
    const struct scope *scope, uint32_t locals)
{
	struct meaning meaning = {.env = compile->env};

	if (!is_namespaced(compile, node, scope)) {
		if (node->receiver) {
			(void)means_function(&meaning, node->name);
		} else if (strlen(node->name) < NAME_MAX_BYTES) {
			(void)try_containers(compile->env->container,
			    node->name, node->leading_dot, means_function,
			    &meaning);
		}
		node->function = meaning.function;
	}
	gather(compile, node);
	for (uint32_t i = 0; i < node->arg_count; i++) {
		walk(compile, node->args[i], scope, locals);
	}
}

/* The range doesn't see the variables, the rest does. */
static void
walk_macro(struct cel__compile *compile, struct cel_node *node,
    const struct scope *scope, uint32_t locals)
{
	struct scope first = {node->vars[0], locals, scope};
	struct scope second = {node->vars[1], locals + 1, &first};
	uint32_t inside = locals + node->var_count;

	node->slot = locals;
	if (inside > compile->program->local_count) {
		compile->program->local_count = inside;
	}
	walk(compile, node->args[0], scope, locals);
	for (uint32_t i = 1; i < node->arg_count; i++) {
		walk(compile, node->args[i],
		    node->var_count == 2 ? &second : &first, inside);
	}
}

static void
walk(struct cel__compile *compile, struct cel_node *node,
    const struct scope *scope, uint32_t locals)
{
	struct cel_node *root = chain_root(node);

	if (root != NULL) {
		walk_chain(compile, node, root, scope);
		return;
	}
	if (node->var_count > 0) {
		walk_macro(compile, node, scope, locals);
		return;
	}
	if (node->op == OP_CALL) {
		walk_call(compile, node, scope, locals);
		return;
	}
	for (uint32_t i = 0; i < node->arg_count; i++) {
		walk(compile, node->args[i], scope, locals);
	}
}

void
cel__resolve(struct cel__compile *compile)
{
	walk(compile, compile->program->root, NULL, 0);
}
