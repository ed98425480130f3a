#ifndef GK_POLICY_POLICY_INTERNAL_H
#define GK_POLICY_POLICY_INTERNAL_H
/* A compiled folder of rules, and how it is read, shared by the files of this room. */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "cel/cel.h"
#include "codec/yaml.h"
#include "policy/policy.h"

enum section {
	SECTION_STOP,
	SECTION_ALLOW,
	SECTION_LIMITS,
	SECTION_BUDGETS,
	SECTION_APPROVALS,
	SECTION_COUNT,
};
extern const char *const section_words[SECTION_COUNT];

struct texts {
	const char **items;
	size_t count;
};

#define FILE_VARIABLES_MAX 128

/* A name for an expression, seen by the conditions of its file and by the variables after it. */
struct variable {
	const char *name;
	const struct json_value *value; /* its text, while the file is read */
	struct cel_program *program;    /* owned by the policy */
};

/* Whom a file's rules apply to, its variables, and what it says of results. */
struct scope_of_file {
	const char *file;
	const struct cel_env *
	    *schema_envs; /* by action schema; made when needed */
	struct variable *variables;
	size_t variable_count;
	struct cel_env
	    *env; /* with the variables; the policy's where there are none */
	struct texts tenants; /* globs; none: all */
	struct texts agents;
	int64_t result_within_us; /* 0: not said */
	int64_t allow_valid_us;
};

struct rule {
	enum section section;
	const char *id, *reason;
	bool shadow;
	struct texts actions; /* names and globs; none: every action */
	struct texts roles;   /* any of them; none: no matter */
	const struct scope_of_file *where;
	struct yaml_place at;
	/* limits, budgets */
	enum scope per;
	struct limit_finding
	    limit; /* rule, reason, kind and numbers; subject by request */
	struct budget_finding budget; /* cost_micros -1: from the request */
	struct approval_finding approval;
	struct cel_program *when; /* owned by the policy; NULL: always */
	struct cel_program
	    *cost; /* of a budget; owned; NULL: constant or from the request */
};

struct schema;

/* What an action's arguments must look like: schema/actions/<action>.schema.json */
struct action_schema {
	const char *action, *file;
	const struct schema *schema;
	const struct cel_type *type; /* of args */
	struct cel_env *env; /* in which args is of the schema's type; owned */
};

/* Rules whose names or globs have a text in common by which they are found. */
struct index_key {
	const char *text; /* ASCII, in the policy's arena */
	size_t n;
	const unsigned *rules; /* by number, ascending */
	size_t count;
	const struct index_key *above; /* the next shorter key it begins with */
};

/* A tree of texts, read only once made: what all below a node share is its label. */
struct trie_node {
	uint64_t next[2];  /* bit c: a child's label begins with character c */
	const char *label; /* what this node adds to those above it */
	unsigned label_n;
	unsigned child;              /* number of the first child */
	const struct index_key *key; /* the longest that ends here or above */
};

struct trie {
	struct trie_node *nodes; /* nodes[0] is the root; NULL: no texts */
	unsigned count;
};

/*
 * By what the action is: exact names; globs by the text before their first '*'
 * or after their last, whichever is longer; the rest are looked at always.
 */
struct rule_index {
	struct gk_map exact; /* → struct index_key */
	struct trie beginnings, ends;
	const struct index_key *always; /* NULL: none */
};

struct policy_text {
	const char *name; /* inside the folder */
	const char *bytes;
	size_t n;
};

struct policy {
	atomic_size_t pins;
	struct gk_arena arena;
	struct cel_env *env;   /* in which args is a map; owned */
	struct cel_env **envs; /* of files with variables; owned */
	size_t env_count, env_room;
	struct action_schema *schemas;
	size_t schema_count;
	struct gk_map schema_by_action; /* → struct action_schema */
	struct rule *rules;
	size_t rule_count, rule_room;
	struct scope_of_file **files;
	size_t file_count;
	struct rule_index index;
	struct gk_buf bundle;
	char digest[POLICY_DIGEST_BYTES];
};

/* One file being read.  Problems are collected; reading goes on. */
struct reader {
	struct policy *policy;
	struct policy_report *report;
	const struct policy_text *text;
	const struct yaml_doc *doc;
	struct gk_map *ids; /* rule ids seen in the folder → struct rule */
	struct scope_of_file *scope; /* of the file */
	bool no_memory;
};

/* report.c */
struct problem_place {
	const char *file;
	struct yaml_place at;
	const char *bytes; /* of the file, for the line; NULL: none */
	size_t n;
};
void report_add(struct policy_report *report, bool warning,
    const struct problem_place *place, const char *hint, const char *fmt, ...)
    GK_PRINTF(5, 6);
/* At a value, or at a member's key. */
struct problem_place reader_at(
    const struct reader *reader, const struct json_value *value);
struct problem_place reader_at_key(
    const struct reader *reader, const struct json_value *member);
/* "did you mean 'x'?" of the nearest word, in the report's memory; NULL: none is near. */
const char *report_nearest(struct policy_report *report, const char *word,
    const char *const *words, size_t count);

/* field.c: each reads one member, says what is wrong with it, and gives the default then. */
/* Is it a mapping?  Keys that it shouldn't have are told, and no reason to stop reading. */
bool field_known(struct reader *reader, const struct json_value *object,
    const char *const *keys, size_t count);
const char *field_str(struct reader *reader, const struct json_value *object,
    const char *key, bool (*check)(const char *), const char *expected,
    const char *otherwise);
struct texts field_strs(struct reader *reader, const struct json_value *object,
    const char *key, bool (*check)(const char *), const char *expected,
    size_t max);
int64_t field_int(struct reader *reader, const struct json_value *object,
    const char *key, int64_t lo, int64_t hi, int64_t otherwise);
int64_t field_duration(struct reader *reader, const struct json_value *object,
    const char *key, int64_t hi_us, int64_t otherwise);
/* A decimal in a string, or a whole number; -1 when it is left out.  hint: of a string that is neither. */
int64_t field_amount(struct reader *reader, const struct json_value *object,
    const char *key, const char *hint);
/* One of words[0..count); words may have NULLs. */
int field_word(struct reader *reader, const struct json_value *object,
    const char *key, const char *const *words, int count, int otherwise);
bool field_required(
    struct reader *reader, const struct json_value *object, const char *key);
void field_wrong(struct reader *reader, const struct json_value *value,
    const char *hint, const char *fmt, ...) GK_PRINTF(4, 5);

/* parse.c: one file's rules go into reader->policy */
void parse_file(struct reader *reader);
/* The keys that a file ("") may have, and its "applies_to" and "results". */
const char *const *parse_keys(const char *part, size_t *ret_count);
/* section.c: what is particular to limits, budgets and approvals */
void section_limit(
    struct reader *reader, const struct json_value *object, struct rule *rule);
void section_budget(
    struct reader *reader, const struct json_value *object, struct rule *rule);
void section_approval(
    struct reader *reader, const struct json_value *object, struct rule *rule);
const char *const *section_keys(enum section section, size_t *ret_count);
/* Of "approvers", "escalate", "bounded" in an approval rule. */
const char *const *section_part_keys(const char *part, size_t *ret_count);

/*
 * expression.c: the CEL at object[key], of that type; NULL: left out, or wrong
 * (told).  rule's actions and file are known: schemas and variables are looked at.
 */
struct cel_program *expression_parse(struct reader *reader,
    const struct json_value *object, const char *key,
    const struct cel_type *expect, const struct rule *rule);
/* "variables" of a file; sets scope's variables and env. */
void expression_variables(struct reader *reader, const struct json_value *root,
    struct scope_of_file *scope);

/*
 * actions.c: the schemas among the texts, before any rule is read; what is
 * wrong with them is told.  Errors: GK_E_NOMEM.
 */
bool actions_is_schema(const char *name); /* schema/actions/….schema.json */
enum gk_rc actions_load(struct policy *policy, const struct policy_text *texts,
    size_t count, struct policy_report *report, struct gk_err *err) GK_MUST_USE;
void actions_done(struct policy *policy);
/* NULL: none. */
const struct action_schema *actions_find(
    const struct policy *policy, const char *action);

/* advice.c: warnings about rules that parse but probably aren't meant so */
void advice_give(const struct policy *policy, const struct policy_text *texts,
    size_t count, struct policy_report *report);

/* trie.c: keys are sorted, each once, none empty; the trie keeps them and sets above */
enum gk_rc trie_build(struct trie *trie, struct index_key *keys, size_t count,
    struct gk_arena *arena, struct gk_err *err) GK_MUST_USE;
/* The longest key that text[0..n) begins with, the others by above; NULL: none. */
const struct index_key *trie_find(
    const struct trie *trie, const char *text, size_t n);

/* index.c */
enum gk_rc index_build(struct policy *policy, struct gk_err *err) GK_MUST_USE;
void index_done(struct rule_index *index);
/* Numbers of all rules whose actions match, ascending, each once. */
enum gk_rc index_find(const struct policy *policy, const char *action,
    struct gk_arena *arena, unsigned **ret_rules, size_t *ret_count,
    struct gk_err *err) GK_MUST_USE;
bool rule_names_action(const struct rule *rule, const char *action);

/* judge.c */
bool rule_applies(const struct rule *rule, const struct policy_input *input);
/* Does the caller claim only what its identity may assert? */
bool actor_is_permitted(const struct policy_input *input);

#define ACTIONS_FOLDER   "schema/actions/"
#define BUNDLE_BYTES_MAX (64 << 20)
/* in a bundle a character takes at most two bytes */
#define FOLDER_BYTES_MAX (BUNDLE_BYTES_MAX / 2 - (1 << 20))

/* folder.c: embedded; a zeroed struct is empty */
struct folder {
	struct gk_arena arena;
	struct policy_text *texts; /* by name */
	size_t count;
};
void folder_done(struct folder *folder);
/* *.yaml but *.test.yaml, and schema/actions/ *.schema.json. */
enum gk_rc folder_read(const char *path, struct folder *folder,
    struct policy_report *report, struct gk_err *err) GK_MUST_USE;

/* load.c: texts are sorted by name; gives a policy or a report with errors */
enum gk_rc load_texts(const struct policy_text *texts, size_t count,
    struct policy **ret_policy, struct policy_report *report,
    struct gk_err *err) GK_MUST_USE;

#endif
