#ifndef GK_LEDGER_ROW_H
#define GK_LEDGER_ROW_H
/* The shapes of a snapshot's rows: structs and their tables. */

#include "codec/record.h"
#include "ledger/ledger_internal.h"

enum { ROW_BYTES_MAX = 4 << 20, ROW_KEY_BYTES = 2100 };

struct ledger_row {
	int64_t next_seq, last_us, boot_us, last_kind;
	const char *policy;
	bool clock_jumped;
	struct key_life *keys;
	size_t key_count;
};

struct run_row {
	const char *tenant, *run_id, *agent, *caller;
	int64_t first_seq, last_us;
};

struct step_row {
	const char *tenant, *run_id, *step_id, *result_digest;
	int64_t seq, decision, hash_key;
	uint8_t binding[16];
	int64_t valid_until_us, result_by_us;
	int64_t approval_seq, result_seq, violation_seq;
	bool has_approval, granted, open, unreported, conflicted, has_violation;
	struct event charges; /* only its charges are used */
};

struct vote_row {
	struct vote vote; /* without its bound */
	struct grant_bound *bound;
};

struct approval_row {
	const char *tenant, *run_id, *step_id, *caller;
	const char *asker_person, *actor_person;
	const char *action, *action_key, *actor_type, *actor_id;
	uint8_t binding[16];
	const char *resolved_by;
	int64_t seq, status, asked_at_us, expires_at_us, grant_valid_us;
	int64_t grant_until_us, resolved_at_us;
	struct approval_terms terms; /* only its rules and bounds are used */
	struct grant_bound *bound;   /* NULL: not bounded */
	uint8_t frame[16];
	int64_t used;
	int64_t escalated; /* bits */
	struct vote_row *votes;
	size_t vote_count;
};

struct time_row {
	int64_t us;
};

struct counter_row {
	const char *tenant, *run_id; /* of scope run */
	int64_t kind, per, tat_ns, count, used_micros, reached, window_end_us,
	    within_us;
	struct time_row *times;
	size_t time_count;
};

struct switch_row {
	const char *id, *subject, *action, *caller;
	int64_t seq, scope, expires_us, thrown_at_us;
};

struct hold_row {
	const char *id, *subject, *tenant, *caller;
	int64_t seq, scope, held_at_us;
};

extern const struct record_type row_hold_type;
extern const struct record_type row_ledger_type;
extern const struct record_type row_run_type;
extern const struct record_type row_step_type;
extern const struct record_type row_approval_type;
extern const struct record_type row_counter_type;
extern const struct record_type row_switch_type;

/* Where rows go. */
struct row_sink {
	enum gk_rc (*row)(void *ctx, const char *key, const char *json,
	    size_t n, struct gk_err *err);
	void *ctx;
	struct gk_buf buf;
	struct gk_arena arena; /* of one row */
};

/* rows.c: each appends the rows of one piece of the state to the sink. */
enum gk_rc row_put_ledger(const struct ledger *ledger, struct row_sink *sink,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc row_put_identities(const struct ledger *ledger,
    struct row_sink *sink, struct gk_err *err) GK_MUST_USE;
/* A run with its steps and approvals. */
enum gk_rc row_put_run(const struct run *run, struct row_sink *sink,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc row_put_counter(const struct counter *from, int64_t now_us,
    struct row_sink *sink, struct gk_err *err) GK_MUST_USE;
enum gk_rc row_put_hold(const struct hold *from, struct row_sink *sink,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc row_put_switch(const struct kill_switch *from, struct row_sink *sink,
    struct gk_err *err) GK_MUST_USE;

#endif
