/* Conditions: what a request says, as CEL values, and the answer of an expression about it. */
#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "base/time.h"
#include "model/decimal.h"
#include "policy/condition.h"
#include "policy/policy_internal.h"
#include "policy/schema.h"

/* ---- the variables' types ---- */

static const struct cel_type *
object_type(const char *name, const struct cel_field *fields, unsigned count,
    struct gk_arena *arena)
{
	struct cel_type *type = gk_arena_alloc(arena, sizeof(*type));
	struct cel_field *copy = gk_arena_calloc(arena, count, sizeof(*copy));

	if (type == NULL || copy == NULL) {
		return NULL;
	}
	memcpy(copy, fields, count * sizeof(*copy));
	*type = (struct cel_type){.kind = CEL_T_OBJECT,
	    .name = name,
	    .fields = copy,
	    .field_count = count};
	return type;
}

static const struct cel_type *
actor_object(struct gk_arena *arena)
{
	const struct cel_type *string = cel_type_of(CEL_T_STRING);
	const struct cel_field fields[] = {
	    {"type", string, true},
	    {"id", string, true},
	    {"roles", cel_type_list(string, arena), true},
	};

	return fields[2].type == NULL
		   ? NULL
		   : object_type("actor", fields, GK_COUNT(fields), arena);
}

static const struct cel_type *
caller_object(struct gk_arena *arena)
{
	const struct cel_type *string = cel_type_of(CEL_T_STRING);
	const struct cel_field fields[] = {
	    {"id", string, true},
	    {"kind", string, true},
	    {"agent", string, true},
	    {"attributes", cel_type_map(string, string, arena), true},
	};

	return fields[3].type == NULL
		   ? NULL
		   : object_type("caller", fields, GK_COUNT(fields), arena);
}

enum gk_rc
condition_env_new(const struct cel_type *args, struct gk_arena *arena,
    struct cel_env **ret_env, struct gk_err *err)
{
	const struct cel_type *string = cel_type_of(CEL_T_STRING);
	const struct cel_type *object =
	    cel_type_map(string, cel_type_of(CEL_T_DYN), arena);
	struct cel_variable variables[SLOT_COUNT] = {
	    [SLOT_ACTION] = {"action", string},
	    [SLOT_ARGS] = {"args", args == NULL ? object : args},
	    [SLOT_CONTEXT] = {"context", object},
	    [SLOT_ACTOR] = {"actor", actor_object(arena)},
	    [SLOT_CALLER] = {"caller", caller_object(arena)},
	    [SLOT_TENANT] = {"tenant_id", string},
	    [SLOT_AGENT] = {"agent_id", string},
	    [SLOT_RUN] = {"run_id", string},
	    [SLOT_STEP] = {"step_id", string},
	    [SLOT_NOW] = {"now", cel_type_of(CEL_T_TIMESTAMP)},
	    [SLOT_COST] = {"cost",
		cel_type_map(string, cel_type_of(CEL_T_DOUBLE), arena)},
	};

	for (int slot = 0; slot < SLOT_COUNT; slot++) {
		if (variables[slot].type == NULL) {
			return GK_FAIL(
			    err, GK_E_NOMEM, "no memory for conditions");
		}
	}
	return cel_env_new("", variables, SLOT_COUNT, NULL, 0, ret_env, err);
}

/* ---- their values ---- */

void
condition_input_init(struct condition_input *vars,
    const struct policy_input *input, const struct schema *schema,
    struct gk_arena *arena)
{
	memset(vars, 0, sizeof(*vars));
	vars->input = input;
	vars->schema = schema;
	vars->arena = arena;
	vars->limits = cel_limits_default;
	if (input->condition_fuel != 0) {
		vars->limits.fuel = input->condition_fuel;
	}
	if (input->condition_bytes != 0) {
		vars->limits.bytes = input->condition_bytes;
	}
	vars->fuel = vars->limits.fuel * CONDITION_FUEL_ALL;
	/* what an evaluation is charged for, and the room lost between pieces */
	vars->scratch.cap = vars->limits.bytes * 2 + 65536;
}

void
condition_input_done(struct condition_input *vars)
{
	gk_arena_done(&vars->scratch);
}

static struct cel_value
text_value(const char *text)
{
	return cel_text(text == NULL ? "" : text);
}

static bool
map_value(struct condition_input *vars, struct cel_entry *entries, size_t n,
    struct cel_value *ret_value)
{
	return cel_map_make(entries, n, false, vars->arena, ret_value, NULL) ==
	       GK_OK;
}

static bool
texts_value(struct condition_input *vars, const char **texts, size_t n,
    struct cel_value *ret_value)
{
	struct cel_value *items =
	    gk_arena_calloc(vars->arena, n + 1, sizeof(*items));

	if (items == NULL) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		items[i] = cel_text(texts[i]);
	}
	*ret_value = cel_list(items, n);
	return true;
}

static bool
actor_value(struct condition_input *vars, struct cel_value *ret_value)
{
	static const struct actor nobody = {"", "", NULL, 0};
	const struct actor *actor = vars->input->request->actor;
	bool hidden = vars->input->actor_hidden && actor != NULL;
	struct cel_entry *entries =
	    gk_arena_calloc(vars->arena, 3, sizeof(*entries));

	if (actor == NULL) {
		actor = &nobody;
	}
	if (entries == NULL || !texts_value(vars, actor->roles,
				   actor->role_count, &entries[1].value)) {
		return false;
	}
	entries[0] =
	    (struct cel_entry){cel_text("type"), text_value(actor->type)};
	entries[1].key = cel_text("roles");
	entries[2] = (struct cel_entry){cel_text("id"), text_value(actor->id)};
	return cel_map_make(entries, hidden ? 2 : 3, hidden, vars->arena,
		   ret_value, NULL) == GK_OK;
}

static bool
caller_value(struct condition_input *vars, struct cel_value *ret_value)
{
	const struct identity *caller = vars->input->caller;
	size_t count = caller->attribute_count;
	struct cel_entry *entries =
	    gk_arena_calloc(vars->arena, 4 + count, sizeof(*entries));

	if (entries == NULL) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		entries[4 + i].key = cel_text(caller->attributes[i].name);
		entries[4 + i].value = cel_text(caller->attributes[i].value);
	}
	entries[0] = (struct cel_entry){cel_text("id"), text_value(caller->id)};
	entries[1] = (struct cel_entry){
	    cel_text("kind"), text_value(identity_kind_words[caller->kind])};
	entries[2] = (struct cel_entry){
	    cel_text("agent"), text_value(identity_agent(caller))};
	entries[3].key = cel_text("attributes");
	return map_value(vars, entries + 4, count, &entries[3].value) &&
	       map_value(vars, entries, 4, ret_value);
}

static bool
cost_value(struct condition_input *vars, struct cel_value *ret_value)
{
	const struct decision_request *request = vars->input->request;
	struct cel_entry *entries = gk_arena_calloc(
	    vars->arena, request->cost_count + 1, sizeof(*entries));

	if (entries == NULL) {
		return false;
	}
	for (size_t i = 0; i < request->cost_count; i++) {
		entries[i].key = cel_text(request->cost[i].unit);
		entries[i].value = cel_double(
		    (double)request->cost[i].micros / (double)DECIMAL_MICROS);
	}
	return cel_map_make(entries, request->cost_count,
		   vars->input->cost_in_part, vars->arena, ret_value,
		   NULL) == GK_OK;
}

static bool
json_variable(struct condition_input *vars, const struct schema *schema,
    const struct json_value *value, bool partial, struct cel_value *ret_value)
{
	struct cel_map *map;

	if (value == NULL) {
		return cel_map_make(NULL, 0, partial, vars->arena, ret_value,
			   NULL) == GK_OK;
	}
	if (!schema_bind(schema, value, vars->arena, ret_value)) {
		return false;
	}
	if (partial && ret_value->kind == CEL_MAP) {
		map = gk_arena_alloc(vars->arena, sizeof(*map));
		if (map == NULL) {
			return false;
		}
		*map = *ret_value->as.map;
		map->partial = true;
		ret_value->as.map = map;
	}
	return true;
}

static struct cel_value
now_value(const struct condition_input *vars)
{
	int64_t us = vars->input->asked_at_us;
	int64_t seconds = us / GK_US_PER_S, rest = us % GK_US_PER_S;

	if (rest < 0) {
		seconds--;
		rest += GK_US_PER_S;
	}
	return cel_timestamp(seconds, (uint32_t)rest * 1000);
}

static bool
request_value(struct condition_input *vars, enum condition_slot slot,
    struct cel_value *ret_value)
{
	const struct policy_input *input = vars->input;
	const struct decision_request *request = input->request;

	switch (slot) {
	case SLOT_ACTION:
		*ret_value = text_value(request->action);
		return true;
	case SLOT_ARGS:
		return json_variable(vars, vars->schema, request->args,
		    input->args_in_part, ret_value);
	case SLOT_CONTEXT:
		return json_variable(vars, NULL, request->context,
		    input->context_in_part, ret_value);
	case SLOT_ACTOR:
		return actor_value(vars, ret_value);
	case SLOT_CALLER:
		return caller_value(vars, ret_value);
	case SLOT_TENANT:
		*ret_value = text_value(input->tenant);
		return true;
	case SLOT_AGENT:
		*ret_value = text_value(identity_agent(input->caller));
		return true;
	case SLOT_RUN:
		*ret_value = text_value(request->run_id);
		return true;
	case SLOT_STEP:
		*ret_value = text_value(request->step_id);
		return true;
	case SLOT_NOW:
		*ret_value = now_value(vars);
		return true;
	case SLOT_COST:
		return cost_value(vars, ret_value);
	case SLOT_COUNT:
		break;
	}
	return false;
}

/* ---- a file's own variables ---- */

struct file_values {
	struct file_values *next;
	struct condition_input *vars;
	const struct scope_of_file *where;
	struct cel_value slots[]; /* SLOT_COUNT, then the file's */
};

/* The request's values are made once for all files. */
static bool
bind_request(
    struct condition_input *vars, unsigned slot, struct cel_value *ret_value)
{
	struct cel_value *value = &vars->slots[slot];

	if (value->kind == CEL_ERROR && value->as.fault == NULL &&
	    !request_value(vars, (enum condition_slot)slot, value)) {
		return false;
	}
	*ret_value = *value;
	return true;
}

/* Evaluate within what is left for this request. */
static struct cel_value
spend(const struct cel_program *program,
    const struct cel_activation *activation, struct condition_input *vars,
    struct gk_arena *arena, const struct cel_trace *trace)
{
	struct cel_limits limits = vars->limits;
	struct cel_value value;
	struct cel_cost cost;

	if (limits.fuel > vars->fuel) {
		limits.fuel = vars->fuel;
	}
	value = cel_eval(program, activation, arena, &limits, trace, &cost);
	/* variables that it asked for have spent theirs meanwhile */
	vars->fuel -= cost.fuel < vars->fuel ? cost.fuel : vars->fuel;
	return value;
}

/* A variable is evaluated when it is first asked for; what fails stays failed. */
static bool
bind_slot(void *ctx, unsigned slot, struct cel_value *ret_value)
{
	struct file_values *file = ctx;
	const struct cel_activation activation = {file->slots, bind_slot, file};

	if (slot < SLOT_COUNT) {
		return bind_request(file->vars, slot, ret_value);
	}
	*ret_value = spend(file->where->variables[slot - SLOT_COUNT].program,
	    &activation, file->vars, file->vars->arena, NULL);
	return true;
}

static struct file_values *
file_values(struct condition_input *vars, const struct scope_of_file *where)
{
	struct file_values *file = vars->files;

	while (file != NULL && file->where != where) {
		file = file->next;
	}
	if (file != NULL) {
		return file;
	}
	file = gk_arena_alloc(
	    vars->arena, sizeof(*file) + (SLOT_COUNT + where->variable_count) *
					     sizeof(file->slots[0]));
	if (file != NULL) {
		file->vars = vars;
		file->where = where;
		file->next = vars->files;
		vars->files = file;
	}
	return file;
}

/* ---- asking ---- */

static struct cel_value
evaluate(const struct cel_program *program, const struct scope_of_file *where,
    struct condition_input *vars, const struct cel_trace *trace)
{
	static const struct cel_fault no_memory = {
	    CEL_F_COST, 0, 0, "memory ran out"};
	struct file_values *file = file_values(vars, where);
	struct cel_activation activation = {NULL, bind_slot, file};

	if (file == NULL) {
		return (struct cel_value){.as.fault = &no_memory};
	}
	activation.slots = file->slots;
	if (vars->scratch.used > 0) {
		gk_arena_clear(&vars->scratch);
	}
	return spend(program, &activation, vars, &vars->scratch, trace);
}

enum condition_answer
condition_ask(const struct cel_program *program,
    const struct scope_of_file *where, struct condition_input *vars,
    const struct cel_trace *trace, const struct cel_fault **ret_fault)
{
	static const struct cel_fault not_bool = {
	    CEL_F_NO_OVERLOAD, 0, 0, "a condition must be true or false"};
	struct cel_value value = evaluate(program, where, vars, trace);

	if (value.kind == CEL_BOOL) {
		return value.as.boolean ? CONDITION_TRUE : CONDITION_FALSE;
	}
	if (value.kind == CEL_UNKNOWN) {
		return CONDITION_UNKNOWN;
	}
	if (ret_fault != NULL) {
		*ret_fault =
		    value.kind == CEL_ERROR ? value.as.fault : &not_bool;
	}
	return CONDITION_FAILS;
}

bool
condition_cost(const struct cel_program *program,
    const struct scope_of_file *where, struct condition_input *vars,
    int64_t *ret_micros)
{
	struct cel_value value = evaluate(program, where, vars, NULL);
	char text[DECIMAL_TEXT_BYTES];
	double micros;

	switch (value.kind) {
	case CEL_INT:
		if (value.as.i < 0 ||
		    value.as.i > DECIMAL_MAX_MICROS / DECIMAL_MICROS) {
			return false;
		}
		*ret_micros = value.as.i * DECIMAL_MICROS;
		return true;
	case CEL_DOUBLE:
		/* a product such as 0.1 * 3.0 is meant to be 0.3, not a millionth more */
		micros = ceil(value.as.d * (double)DECIMAL_MICROS - 1e-6);
		if (!(micros >= 0 && value.as.d >= 0 &&
			micros <= (double)DECIMAL_MAX_MICROS)) {
			return false;
		}
		*ret_micros = (int64_t)micros;
		return true;
	case CEL_STRING:
		if (value.n >= sizeof(text)) {
			return false;
		}
		memcpy(text, value.as.text, value.n);
		text[value.n] = '\0';
		return strlen(text) == value.n &&
		       decimal_parse(text, ret_micros, NULL) == GK_OK;
	default:
		return false;
	}
}
