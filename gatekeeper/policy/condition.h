#ifndef GK_POLICY_CONDITION_H
#define GK_POLICY_CONDITION_H
/* Conditions: CEL over what a request says, compiled with the policy and asked by the judge. */

#include "base/arena.h"
#include "cel/cel.h"
#include "policy/policy.h"

/* What an expression may name; the values are slots. */
enum condition_slot {
	SLOT_ACTION,  /* string */
	SLOT_ARGS,    /* map(string, dyn), or by the action's schema */
	SLOT_CONTEXT, /* map(string, dyn); empty where left out */
	SLOT_ACTOR, /* {type, id, roles}; empty texts and no roles where left out */
	SLOT_CALLER, /* {id, kind, agent, attributes} */
	SLOT_TENANT, /* string; "" for none */
	SLOT_AGENT,  /* string: the caller's agent */
	SLOT_RUN,    /* string */
	SLOT_STEP,   /* string */
	SLOT_NOW,    /* timestamp: asked_at */
	SLOT_COST,   /* map(string, double): unit → amount */
	SLOT_COUNT,
};

/*
 * An environment with these variables; a file's own are added after them.  args
 * is the type of args, NULL for map(string, dyn).  Types that are made live in
 * arena, which the env keeps.  Errors: GK_E_NOMEM.
 */
enum gk_rc condition_env_new(const struct cel_type *args,
    struct gk_arena *arena, struct cel_env **ret_env,
    struct gk_err *err) GK_MUST_USE;

struct scope_of_file;
struct file_values;

struct schema;

/* All conditions of a request together may take so many times what one may. */
#define CONDITION_FUEL_ALL 10

/* The variables of one request, made when they are first asked for. */
struct condition_input {
	const struct policy_input *input;
	const struct schema *schema; /* of the action's args; NULL: none */
	struct gk_arena *arena;      /* where values live */
	struct gk_arena scratch;     /* one evaluation's */
	struct cel_limits limits;    /* of one evaluation */
	uint64_t fuel;               /* left for all of this request's */
	struct cel_value slots[SLOT_COUNT];
	struct file_values
	    *files; /* of those files whose variables were asked for */
};

/* Embedded.  Borrows input and schema, keeps arena. */
void condition_input_init(struct condition_input *vars,
    const struct policy_input *input, const struct schema *schema,
    struct gk_arena *arena);
void condition_input_done(struct condition_input *vars);

/* FAILS is zero: what was never asked opens nothing. */
enum condition_answer {
	CONDITION_FAILS,
	CONDITION_UNKNOWN, /* only of an input that is known in part */
	CONDITION_FALSE,
	CONDITION_TRUE,
};

/*
 * Evaluate a boolean program of a rule of that file.  Where it isn't true or false, *ret_fault says
 * why, in memory that lives until the next evaluation; ret_fault may be NULL.
 */
enum condition_answer condition_ask(const struct cel_program *program,
    const struct scope_of_file *where, struct condition_input *vars,
    const struct cel_trace *trace, const struct cel_fault **ret_fault);

/*
 * Evaluate a cost, int, double or decimal in a string, to micro-units, rounded
 * up.  False: it fails, or isn't an amount of 0 to 10^12 units.
 */
bool condition_cost(const struct cel_program *program,
    const struct scope_of_file *where, struct condition_input *vars,
    int64_t *ret_micros);

#endif
