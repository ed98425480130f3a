#ifndef GK_CEL_CEL_H
#define GK_CEL_CEL_H
/* The Common Expression Language (cel-spec langdef): text → checked program → value.  The cel room's door. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Pure: no clock, no log, no state.  The disk is looked at for one thing, the
 * time zones of /usr/share/zoneinfo, once for each zone that somebody names.
 * Everything is immutable once made and may be shared by threads, except an
 * arena and an activation, which belong to one evaluation at a time.
 */

/* ---- values ---- */

/* ERROR is zero: what was never set is no value. */
enum cel_kind {
	CEL_ERROR,
	CEL_UNKNOWN, /* would be known, had the record kept it */
	CEL_NULL,
	CEL_BOOL,
	CEL_INT,
	CEL_UINT,
	CEL_DOUBLE,
	CEL_STRING,
	CEL_BYTES,
	CEL_TIMESTAMP,
	CEL_DURATION,
	CEL_LIST,
	CEL_MAP,
	CEL_TYPE,
	CEL_OPTIONAL,
	CEL_IP,
	CEL_CIDR,
	CEL_URL,
	CEL_KIND_COUNT,
};

enum cel_fault_code {
	CEL_F_NO_OVERLOAD, /* no such function or operator for these types */
	CEL_F_UNDECLARED,  /* no such variable or function */
	CEL_F_NO_KEY,      /* no such key, or selection from what has none */
	CEL_F_INDEX,       /* outside a list or a text */
	CEL_F_RANGE,       /* overflow, or outside a type's range */
	CEL_F_DIVIDE,      /* by zero */
	CEL_F_ARGUMENT, /* right type, wrong value: a malformed time, pattern … */
	CEL_F_COST,     /* fuel, memory or depth spent; nothing absorbs it */
};

/* Why there is no value.  begin and end: bytes of the expression at fault. */
struct cel_fault {
	enum cel_fault_code code;
	uint32_t begin, end;
	const char *text;
};

struct cel_map;
struct cel_ip;
struct cel_url;

/* 16 bytes, copied freely; what it points to lives in an arena, a program or the host. */
struct cel_value {
	uint32_t kind; /* enum cel_kind */
	/*
	 * STRING, BYTES: length in bytes.  LIST: elements.  TIMESTAMP, DURATION:
	 * nanoseconds, 0..999999999, added to seconds (-0.5 s is -1 and
	 * 500000000).
	 */
	uint32_t n;
	union {
		bool boolean;
		int64_t i;
		uint64_t u;
		double d;
		/* STRING: UTF-8.  TYPE: its name.  UNKNOWN: of what, or NULL.  TYPE and UNKNOWN end in '\0'. */
		const char *text;
		int64_t seconds; /* TIMESTAMP: since 1970 */
		const struct cel_value *items;
		const struct cel_map *map;
		const struct cel_value *inner; /* OPTIONAL; NULL: none */
		const struct cel_ip *ip;       /* IP, CIDR */
		const struct cel_url *url;
		const struct cel_fault *fault;
	} as;
};

struct cel_entry {
	struct cel_value key, value;
};

/* In the order in which entries came. */
struct cel_map {
	const struct cel_entry *entries;
	uint32_t count;
	uint32_t room;         /* of slots, a power of two; 0: few entries */
	const uint32_t *slots; /* entry number + 1; 0: free */
	/* There are more entries, unknown ones: a key that isn't found is UNKNOWN. */
	bool partial;
};

struct cel_value cel_null(void);
struct cel_value cel_bool(bool b);
struct cel_value cel_int(int64_t i);
struct cel_value cel_uint(uint64_t u);
struct cel_value cel_double(double d);
struct cel_value cel_string(const char *text, size_t n); /* borrows */
struct cel_value cel_text(const char *text); /* '\0'-terminated; borrows */
struct cel_value cel_bytes(const void *bytes, size_t n); /* borrows */
struct cel_value cel_list(
    const struct cel_value *items, size_t n);   /* borrows */
struct cel_value cel_unknown(const char *what); /* borrows; NULL: no name */
/* seconds since 1970 and nanoseconds 0..999999999, within the years 0001 to 9999 */
struct cel_value cel_timestamp(int64_t seconds, uint32_t nanos);
struct cel_value cel_duration(int64_t seconds, uint32_t nanos);

/*
 * A map of entries[0..n), which are kept, not copied; keys are bool, int, uint or
 * string.  Memory is arena's.
 * Errors: GK_E_INVALID for a key that comes twice (1 == 1u == 1.0) or can't be
 * one; GK_E_NOMEM, GK_E_LIMIT.
 */
enum gk_rc cel_map_make(const struct cel_entry *entries, size_t n, bool partial,
    struct gk_arena *arena, struct cel_value *ret_map,
    struct gk_err *err) GK_MUST_USE;

/* The entry of a key, NULL when there is none.  A double key finds an int that equals it. */
const struct cel_entry *cel_map_find(
    const struct cel_map *map, const struct cel_value *key);

const char *cel_kind_name(enum cel_kind kind); /* "int", "map" … */

/*
 * Append a value as a CEL literal that reads back to it where there is one
 * ("timestamp('…')", "b'\001'"), at most about max bytes: then "…".
 */
enum gk_rc cel_print(const struct cel_value *value, size_t max,
    struct gk_buf *ret_text, struct gk_err *err) GK_MUST_USE;

/* ---- types ---- */

enum cel_type_kind {
	CEL_T_ERROR, /* of what didn't check: it fits everywhere */
	CEL_T_DYN,
	CEL_T_NULL,
	CEL_T_BOOL,
	CEL_T_INT,
	CEL_T_UINT,
	CEL_T_DOUBLE,
	CEL_T_STRING,
	CEL_T_BYTES,
	CEL_T_TIMESTAMP,
	CEL_T_DURATION,
	CEL_T_LIST,    /* params: element */
	CEL_T_MAP,     /* params: key, value */
	CEL_T_TYPE,    /* params: of what; none: any */
	CEL_T_WRAPPER, /* params: one primitive; null too */
	CEL_T_OPAQUE, /* by name: optional_type(T), net.IP, net.CIDR, url.URL … */
	CEL_T_PARAM,  /* T in an overload */
	CEL_T_OBJECT, /* a map(string, dyn) whose keys are known: fields */
};

struct cel_type;

struct cel_field {
	const char *name;
	const struct cel_type *type;
	bool required; /* else it may be absent */
};

struct cel_type {
	enum cel_type_kind kind;
	const char *name; /* OPAQUE, PARAM, OBJECT; else NULL */
	const struct cel_type *const *params;
	unsigned param_count;
	const struct cel_field *fields; /* OBJECT */
	unsigned field_count;
	bool open; /* OBJECT: other keys may be there, dyn */
};

/* Those without parameters: shared, static. */
const struct cel_type *cel_type_of(enum cel_type_kind kind);
const struct cel_type *cel_type_list(
    const struct cel_type *element, struct gk_arena *arena);
const struct cel_type *cel_type_map(const struct cel_type *key,
    const struct cel_type *value, struct gk_arena *arena);

/*
 * Read "map(string, list(int))", "optional_type(T)", "wrapper(int)",
 * "timestamp", "net.IP", "null_type" …; one capital letter is a parameter;
 * at most 16 levels.  Gives a type in arena.
 * Errors: GK_E_INVALID with the byte offset, GK_E_LIMIT, GK_E_NOMEM.
 */
enum gk_rc cel_type_parse(const char *text, struct gk_arena *arena,
    const struct cel_type **ret_type, struct gk_err *err) GK_MUST_USE;
/* Append it in the same words. */
enum gk_rc cel_type_print(const struct cel_type *type, struct gk_buf *ret_text,
    struct gk_err *err) GK_MUST_USE;

/* ---- environments ---- */

struct cel_variable {
	const char *name; /* may have dots */
	const struct cel_type *type;
};

/* A function that checks, but can't be run: its answer is a fault. */
struct cel_declaration {
	const char *name;
	bool method;           /* its first parameter is the receiver */
	const char *signature; /* "(string, list(T)) -> T" */
};

struct cel_env;

/*
 * What names mean: the standard library with all extensions, variables (number i
 * is slot i), and a container ("" or "a.b", at most 255 bytes) for their resolution.  Copies
 * variables and declarations' names; keeps the types.
 * Errors: GK_E_INVALID (a signature), GK_E_NOMEM.
 */
enum gk_rc cel_env_new(const char *container,
    const struct cel_variable *variables, size_t variable_count,
    const struct cel_declaration *declarations, size_t declaration_count,
    struct cel_env **ret_env, struct gk_err *err) GK_MUST_USE;
/*
 * One more variable, in the next slot, for what is compiled from now on; programs
 * that are there don't know it.  Its name is copied, its type kept.  Not while
 * another thread compiles or adds.  Errors: GK_E_NOMEM; nothing has changed.
 */
enum gk_rc cel_env_add(struct cel_env *env, const struct cel_variable *variable,
    struct gk_err *err) GK_MUST_USE;
void cel_env_free(struct cel_env *env);
void cel_env_freep(struct cel_env **env);

/* ---- programs ---- */

#define CEL_TEXT_MAX     16384u /* bytes of an expression */
#define CEL_DEPTH_MAX    96u    /* levels of an expression */
#define CEL_NODES_MAX    8192u  /* nodes, after macros */
#define CEL_PROBLEMS_MAX 16u
#define CEL_PATTERN_MAX  4096u /* bytes of a regular expression */

/* One thing that is wrong with an expression: bytes [begin, end) of it. */
struct cel_problem {
	bool warning;
	uint32_t begin, end;
	const char *text;
	const char *hint; /* NULL: none */
};

/* Embedded; a zeroed struct is empty.  Problems live in its arena. */
struct cel_report {
	struct gk_arena arena;
	struct cel_problem problems[CEL_PROBLEMS_MAX];
	size_t count;
	size_t errors;
};

void cel_report_done(struct cel_report *report);

struct cel_program;

/*
 * Parse, resolve, check (unless unchecked), fold.  expect: the type it must
 * have, NULL for any; dyn fits every expectation.  The program keeps env.
 * report is empty before; a program may come with warnings.
 * Errors: GK_E_INVALID (see report), GK_E_NOMEM.
 */
struct cel_options {
	bool unchecked;
	const struct cel_type *expect;
};
enum gk_rc cel_compile(const struct cel_env *env, const char *text, size_t n,
    const struct cel_options *options, struct cel_program **ret_program,
    struct cel_report *report, struct gk_err *err) GK_MUST_USE;
void cel_program_free(struct cel_program *program);
void cel_program_freep(struct cel_program **program);

/* As it was compiled, '\0'-terminated; ret_n may be NULL. */
const char *cel_program_text(const struct cel_program *program, size_t *ret_n);
const struct cel_type *cel_program_type(const struct cel_program *program);
/* Its value where no variable can change it, else NULL. */
const struct cel_value *cel_program_constant(const struct cel_program *program);
bool cel_program_uses(const struct cel_program *program, unsigned slot);

/* ---- evaluation ---- */

/*
 * What an evaluation may cost.  One unit of fuel is about 10–40 ns of work: a
 * node, an element, 16 bytes of text.  Both are charged before work is done.
 */
struct cel_limits {
	uint64_t fuel;
	size_t bytes; /* of memory */
};
extern const struct cel_limits cel_limits_default; /* 100 000, 1 MiB */

/*
 * The variables.  slots[i] is the value of variable i; one that is still
 * CEL_ERROR with fault NULL is asked of bind() when it is first needed, and kept
 * there.  Where bind is NULL or says false, the variable has no value: a fault.
 */
struct cel_activation {
	struct cel_value *slots;
	bool (*bind)(void *ctx, unsigned slot, struct cel_value *ret_value);
	void *ctx;
};

/* Called for each expression that was evaluated, inner ones first; for explain. */
struct cel_trace {
	void (*seen)(void *ctx, uint32_t begin, uint32_t end,
	    const struct cel_value *value);
	void *ctx;
};

struct cel_cost {
	uint64_t fuel;
	size_t bytes;
};

/*
 * Evaluate.  The answer may be CEL_ERROR or CEL_UNKNOWN; memory comes from
 * arena, where the answer lives.  trace and ret_cost may be NULL.  Never fails
 * otherwise: out of memory is CEL_F_COST.
 */
struct cel_value cel_eval(const struct cel_program *program,
    const struct cel_activation *activation, struct gk_arena *arena,
    const struct cel_limits *limits, const struct cel_trace *trace,
    struct cel_cost *ret_cost);

#endif
