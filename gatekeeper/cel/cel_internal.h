#ifndef GK_CEL_CEL_INTERNAL_H
#define GK_CEL_CEL_INTERNAL_H
/* The expression tree, the evaluation and the library's tables, shared by the files of this room. */

#include "base/map.h"
#include "cel/cel.h"
#include "cel/regex.h"

/* ---- the tree ---- */

enum cel_op {
	OP_CONST,      /* value */
	OP_IDENT,      /* name; left of a resolved tree: undeclared */
	OP_SLOT,       /* slot: variable of the environment */
	OP_LOCAL,      /* slot: variable of a comprehension or bind */
	OP_SELECT,     /* args[0] . name */
	OP_OPT_SELECT, /* args[0] .? name */
	OP_HAS,        /* has(args[0] . name); optional: has(args[0].?name) */
	OP_INDEX,      /* args[0] [ args[1] ] */
	OP_OPT_INDEX,  /* args[0] [? args[1] ] */
	OP_LIST,       /* args; optional[i]: args[i] is of type optional */
	OP_MAP,  /* args: key, value, key, value …; optional[i]: entry i */
	OP_CALL, /* function; args, the receiver first where receiver */
	OP_AND,  /* two or more args */
	OP_OR,   /* two or more args */
	OP_NOT,
	OP_NEGATE,
	OP_COND, /* args[0] ? args[1] : args[2] */
	OP_ADD,
	OP_SUBTRACT,
	OP_MULTIPLY,
	OP_DIVIDE,
	OP_MODULO,
	OP_EQUAL,
	OP_NOT_EQUAL,
	OP_LESS,
	OP_LESS_EQUAL,
	OP_GREATER,
	OP_GREATER_EQUAL,
	OP_IN,
	/*
	 * Macros over a range: args[0] is the range, vars[0..var_count) are seen by the
	 * other args: with one, an element or key; with two, index and element, or key
	 * and value.
	 */
	OP_ALL,        /* args[1]: predicate */
	OP_EXISTS,     /* args[1]: predicate */
	OP_EXISTS_ONE, /* args[1]: predicate */
	OP_FILTER,     /* args[1]: predicate; one variable */
	OP_MAP_LIST, /* map, transformList; args[1]: transform; args[2], if any: filter, evaluated first */
	OP_TRANSFORM_MAP, /* like OP_MAP_LIST, gives a map by the same keys */
	OP_TRANSFORM_MAP_ENTRY, /* args[1] is a map of one entry */
	OP_SORT_BY,             /* args[1]: key; one variable; a list */
	OP_BIND,                /* cel.bind(vars[0], args[0], args[1]) */
	OP_OPT_MAP,             /* args[0].optMap(vars[0], args[1]) */
	OP_OPT_FLAT_MAP,        /* args[0].optFlatMap(vars[0], args[1]) */
	/* Made by the planner: */
	OP_IN_SET,  /* args[0] in set: constants */
	OP_MATCHES, /* args[0].matches(pattern) */
};

/*
 * A node of an expression.  Lives in the program's arena.
 * 1. begin <= end <= bytes of the text; a node lies inside its parent, unless a macro made it.
 * 2. depth of the tree <= CEL_DEPTH_MAX: recursion over it is safe.
 */
struct cel_node {
	enum cel_op op;
	uint32_t begin, end;
	bool receiver;     /* OP_CALL: written args[0].name(…) */
	bool leading_dot;  /* OP_IDENT: .name, from the root container */
	bool optional_has; /* OP_HAS: of a .? selection */
	uint32_t arg_count;
	struct cel_node **args;
	const bool *optional; /* OP_LIST, OP_MAP; NULL: none is */
	/* IDENT, SELECT, HAS, CALL: '\0'-terminated; a call's is "size" or "math.greatest" once resolved */
	const char *name;
	struct cel_value
	    value; /* OP_CONST; OP_SELECT, OP_HAS: the name as a string value */
	const char *vars[2]; /* of macros */
	uint32_t var_count;
	uint32_t
	    slot; /* SLOT, LOCAL; macros: the first variable's local slot, the others follow */
	const struct cel_function
	    *function; /* OP_CALL, resolved; NULL: undeclared */
	const struct cel_overload *
	    overload; /* the only one that can be meant; NULL: found while running */
	const struct cel_type *type;     /* checked; else NULL */
	const struct cel_map *set;       /* OP_IN_SET */
	const struct cel_regex *pattern; /* OP_MATCHES */
};

/* ---- functions ---- */

struct cel_eval;

/* args[0..n): never CEL_ERROR or CEL_UNKNOWN, and of the overload's kinds. */
typedef struct cel_value cel_run(
    struct cel_eval *ev, const struct cel_value *args, unsigned n);

/* A line of the library's tables. */
struct cel_builtin {
	const char *name; /* "size", "math.abs", "_+_" */
	bool method;
	const char *signature; /* "(string, int) -> string" */
	cel_run *run; /* NULL: an operator, which the evaluator knows itself */
};

#define CEL_PARAMS_MAX 4u

struct cel_overload {
	const char *name;
	bool method;
	unsigned param_count;
	const struct cel_type *params[CEL_PARAMS_MAX];
	const struct cel_type *result;
	/* Bit k: a value of enum cel_kind k may be this argument. */
	uint32_t kinds[CEL_PARAMS_MAX];
	cel_run *run;
	const struct cel_overload *next; /* of the same function */
};

/* All overloads of a name, in the order of declaration. */
struct cel_function {
	const char *name;
	const struct cel_overload *first;
};

/* The tables, one in each fn_*.c; ended by a NULL name. */
extern const struct cel_builtin cel__operators[];   /* operate.c */
extern const struct cel_builtin cel__conversions[]; /* convert.c */
extern const struct cel_builtin
    cel__core[]; /* fn_core.c: size contains startsWith endsWith matches */
extern const struct cel_builtin cel__times[];   /* fn_time.c: getFullYear … */
extern const struct cel_builtin cel__strings[]; /* fn_string.c */
extern const struct cel_builtin cel__format[];  /* fn_format.c */
extern const struct cel_builtin cel__math[];    /* fn_math.c */
extern const struct cel_builtin cel__lists[];   /* fn_list.c */
extern const struct cel_builtin cel__sets[];    /* fn_set.c */
extern const struct cel_builtin cel__encoders[];  /* fn_encode.c */
extern const struct cel_builtin cel__optionals[]; /* fn_optional.c */
extern const struct cel_builtin cel__network[];   /* fn_net.c */
extern const struct cel_builtin cel__urls[];      /* fn_url.c */
extern const struct cel_builtin cel__paths[];     /* fn_path.c */
extern const struct cel_builtin cel__shell[];     /* fn_shell.c */

struct cel_slot {
	struct cel_variable variable;
	uint32_t number;
};

struct cel_env {
	struct gk_arena arena;
	const char *container;
	struct cel_slot **slots; /* by number; owned, the slots the arena's */
	size_t slot_count, slot_room;
	struct gk_map slot_by_name;
	struct gk_map functions; /* → struct cel_function */
};

/* env.c */
const struct cel_function *cel__function(
    const struct cel_env *env, const char *name);
/* The names that a name may mean in a container, longest first: see resolve.c. */

struct cel_program {
	struct gk_arena arena;
	const struct cel_env *env;
	const char *text; /* copied */
	size_t n;
	struct cel_node *root;
	uint32_t local_count; /* the most locals that are alive at once */
	uint32_t node_count;
	const struct cel_type *type;
	struct cel_regex **patterns; /* owned */
	size_t pattern_count;
	size_t slot_count; /* of its environment, when it was compiled */
	uint64_t *uses;    /* bit i: slot i */
};

/* ---- from text to program: each pass reads and changes program->root ---- */

struct cel__compile {
	struct cel_program *program;
	const struct cel_env *env;
	struct cel_report *report;
	bool no_memory;
};

/* Tell a problem of bytes [begin, end); hint may be NULL.  cel.c */
void cel__problem(struct cel__compile *compile, uint32_t begin, uint32_t end,
    const char *hint, const char *fmt, ...) GK_PRINTF(5, 6);
void cel__warn(struct cel__compile *compile, uint32_t begin, uint32_t end,
    const char *hint, const char *fmt, ...) GK_PRINTF(5, 6);
/*
 * A zeroed node over [begin, end) with room for arg_count args; NULL past
 * CEL_NODES_MAX (told) or when memory ran out (noted).
 */
struct cel_node *cel__node(struct cel__compile *compile, enum cel_op op,
    uint32_t begin, uint32_t end, uint32_t arg_count);

/* parse.c: sets program->root; NULL root: told. */
void cel__parse(struct cel__compile *compile);
/*
 * macro.c: what the parser has just read as a call: node is OP_CALL with its
 * name and args.  Gives the node that it means: itself when it is no macro, NULL
 * when it is a wrong one (told).
 */
struct cel_node *cel__macro(
    struct cel__compile *compile, struct cel_node *node);
/*
 * literal.c: text[0..n) is one literal token with its quotes, prefix and
 * suffix.  Gives its value in the program's memory; NULL: fine, else what is
 * wrong with it, and where inside the token.
 */
const char *cel__literal(const char *text, size_t n, struct gk_arena *arena,
    struct cel_value *ret_value, size_t *ret_at);
/* resolve.c: names become slots, locals, type constants and functions. */
void cel__resolve(struct cel__compile *compile);
/* check.c: sets type on every node, and the overload where only one can be meant. */
void cel__check(struct cel__compile *compile, const struct cel_type *expect);
/* plan.c: folds constants, builds sets and patterns. */
void cel__plan(struct cel__compile *compile);

/* ---- types: type.c ---- */

/* Makes a type; params are copied, name is kept.  NULL: no memory. */
const struct cel_type *cel__type_made(enum cel_type_kind kind, const char *name,
    const struct cel_type *const *params, unsigned count,
    struct gk_arena *arena);
/* The kinds of value that a type can have, a bit each. */
uint32_t cel__type_kinds(const struct cel_type *type);
bool cel__type_same(const struct cel_type *a, const struct cel_type *b);
/* "(T, list(T)) -> bool" */
enum gk_rc cel__signature(const char *text, struct gk_arena *arena,
    struct cel_overload *ret_overload, struct gk_err *err) GK_MUST_USE;

/* ---- addresses ---- */

struct cel_ip {
	uint8_t family;    /* 4, 6 */
	uint8_t bytes[16]; /* 4: the first four; the rest 0 */
	uint8_t prefix;    /* CIDR: bits; IP: 0 */
};
#define CEL_IP_TEXT 48 /* the longest is an IPv6 address with "/128" */
/* Canonical text (RFC 5952); cidr: with "/prefix".  fn_net.c */
size_t cel__ip_print(const struct cel_ip *ip, bool cidr, char ret[CEL_IP_TEXT]);
/* What ip() takes: an IPv4 or IPv6 address in its one spelling.  fn_net.c */
bool cel__ip_check(const char *text, size_t n);
/* fn_url.c */
bool cel__url_same(const struct cel_url *a, const struct cel_url *b);
const char *cel__url_text(const struct cel_url *url, size_t *ret_n);

/* ---- evaluation ---- */

struct cel_eval {
	const struct cel_program *program;
	const struct cel_activation *activation;
	struct gk_arena *arena;
	uint64_t fuel; /* left */
	size_t bytes;  /* left */
	struct cel_value *locals;
	const struct cel_fault *spent; /* set once; then every value is this */
	const struct cel_trace *trace;
	const struct cel_node
	    *at; /* what is being evaluated, for faults' places */
};

/* false: spent; the caller returns cel__spent(ev). */
bool cel__charge(struct cel_eval *ev, uint64_t fuel) GK_MUST_USE;
/* Zeroed, aligned, charged (also as fuel, a unit for 64 bytes); NULL: spent. */
void *cel__alloc(struct cel_eval *ev, size_t n) GK_MUST_USE;
struct cel_value cel__spent(struct cel_eval *ev);
struct cel_value cel__fault(struct cel_eval *ev, enum cel_fault_code code,
    const char *fmt, ...) GK_PRINTF(3, 4);
/* "no such overload": name and the kinds of args. */
struct cel_value cel__no_overload(struct cel_eval *ev, const char *name,
    const struct cel_value *args, unsigned n);
struct cel_value cel__eval_node(
    struct cel_eval *ev, const struct cel_node *node);
/* What matching a text of n bytes against a compiled pattern costs. */
uint64_t cel__match_cost(size_t n); /* eval.c */
/* comprehend.c: OP_ALL … OP_OPT_FLAT_MAP */
struct cel_value cel__comprehend(
    struct cel_eval *ev, const struct cel_node *node);
/* operate.c: OP_NEGATE, OP_ADD … OP_GREATER_EQUAL, OP_IN; args are no faults and known. */
struct cel_value cel__operate(
    struct cel_eval *ev, enum cel_op op, const struct cel_value *args);
/* access.c: select, index and has, with their optional forms */
struct cel_value cel__access(struct cel_eval *ev, enum cel_op op,
    bool optional_has, const struct cel_value *from,
    const struct cel_value *key);
/* Where everything of a list or map is wanted: NULL, or the UNKNOWN that a partial map is.  access.c */
bool cel__whole(const struct cel_value *value);

/*
 * Equality of any two values (langdef "Equality"): CEL_BOOL; UNKNOWN when what
 * is unknown could change it; a fault only when spent.  Charges for what it
 * compares.  equal.c
 */
struct cel_value cel__equal(
    struct cel_eval *ev, const struct cel_value *a, const struct cel_value *b);
/*
 * Order of two values: CEL_INT -1, 0, 1; or 2 where a NaN has no order; a fault
 * (no overload, spent).  Numbers of different types compare as numbers, exactly.
 * op is named in the fault.
 */
/*
 * The values of pairs[0..n) as a list, sorted by their keys; those of equal keys
 * stay in order.  Changes pairs.  A fault where keys differ in type or have no
 * order.  fn_list.c
 */
struct cel_value cel__sort(
    struct cel_eval *ev, struct cel_entry *pairs, uint32_t n);
struct cel_value cel__order(struct cel_eval *ev, const char *op,
    const struct cel_value *a, const struct cel_value *b);
/* Are these numbers (int, uint, double) the same whole number, exactly?  For keys and indexes. */
bool cel__same_number(const struct cel_value *a, const struct cel_value *b);

/* A map of entries that were made with cel__alloc(): duplicates are faults.  map.c */
struct cel_value cel__map(
    struct cel_eval *ev, struct cel_entry *entries, size_t n);

/* An optional; inner is copied.  NULL: none.  fn_optional.c */
struct cel_value cel__optional(
    struct cel_eval *ev, const struct cel_value *inner);
bool cel__is_zero(const struct cel_value *value); /* ofNonZeroValue */

/* text.c: UTF-8 */
size_t cel__text_count(const char *text, size_t n); /* code points */
/* Byte offset of code point i (<= count). */
size_t cel__text_offset(const char *text, size_t n, size_t i);
/* Decode one; gives its bytes (1..4), 0 when text[0..n) doesn't begin with one. */
unsigned cel__text_decode(const char *text, size_t n, uint32_t *ret_point);
unsigned cel__text_encode(uint32_t point, char ret_bytes[4]);
bool cel__text_valid(const char *text, size_t n);
/* Copy into the evaluation's memory. */
struct cel_value cel__copy(struct cel_eval *ev, const char *text, size_t n);

/* timestamp.c: text and arithmetic of times; false: malformed or out of range */
bool cel__time_parse(const char *text, size_t n, struct cel_value *ret_time);
bool cel__duration_parse(const char *text, size_t n, struct cel_value *ret);
#define CEL_TIME_TEXT 40
size_t cel__time_print(const struct cel_value *time, char ret[CEL_TIME_TEXT]);
size_t cel__duration_print(
    const struct cel_value *duration, char ret[CEL_TIME_TEXT]);
bool cel__time_ok(int64_t seconds);     /* years 0001 to 9999 */
bool cel__duration_ok(int64_t seconds); /* ±292 years */
/* Year, month 1.., day 1.. of days since 1970. */
void cel__date(
    int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);
/* a + b or a - b of seconds and nanoseconds, normalised; false: overflow. */
bool cel__time_add(const struct cel_value *a, const struct cel_value *b,
    bool subtract, struct cel_value *ret);
/* "1.5", "NaN", "+Inf", "1e+21": the shortest text that reads back (as Go's 'g' or 'f' with -1) */
#define CEL_DOUBLE_TEXT 40
size_t cel__double_print(double d, char ret[CEL_DOUBLE_TEXT]);

#endif
