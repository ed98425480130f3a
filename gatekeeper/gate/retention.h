#ifndef GK_GATE_RETENTION_H
#define GK_GATE_RETENTION_H
/* Letting go: redactions, holds, and retention between the janitor and the commit thread. */

#include "gate/gate_internal.h"

/* Openings go earlier than bodies: by a kind or a tenant. */
struct gate_opening_rule {
	const char *text;   /* as configured */
	int kind;           /* enum event_kind; EVENT_NONE: any */
	const char *tenant; /* NULL: any */
	int64_t age_us;
};

/* Parse "kind=decision 30d" or "tenant=t_42 30d"; strings in arena.  GK_E_INVALID, GK_E_NOMEM; *ret is untouched then. */
enum gk_rc gate__opening_rule_parse(const char *text, struct gk_arena *arena,
    struct gate_opening_rule *ret, struct gk_err *err) GK_MUST_USE;

/* A row of the base, on its way from the janitor to the store. */
struct base_row {
	struct base_row *next;
	size_t n;
	const char *json; /* behind key's '\0' */
	char key[];
};

enum proposal_what {
	PROPOSE_NOTHING = 0,
	PROPOSE_FORGET,
	PROPOSE_OPENINGS,
	PROPOSE_BODIES
};

/* One thing to let go.  The janitor fills it, the commit thread takes it. */
struct proposal {
	enum proposal_what what;
	int64_t until_us; /* FORGET */
	size_t rule;      /* OPENINGS: which */
	uint64_t minimum; /* OPENINGS, BODIES */
	int64_t count;
	struct digest root; /* BODIES */
	struct ledger_snapshot base;
	struct base_row *rows; /* owned */
};

#define RETENTION_RULES_MAX 64

struct gate_retention {
	pthread_mutex_t lock;
	struct proposal offered; /* under lock */

	/* by the commit thread for the janitor */
	atomic_bool paused, busy;
	_Atomic uint64_t oldest_open;
	atomic_bool again; /* a hold was released: look at everything again */

	/* the janitor's own */
	struct journal_reader *reader;
	struct gate_opening_rule rules[RETENTION_RULES_MAX];
	size_t rule_count;
	uint64_t
	    rule_done[RETENTION_RULES_MAX]; /* openings before it are gone */
	int64_t looked_us;
	int64_t forget_us;   /* openings with a time up to it are gone */
	struct ledger *fold; /* NULL: none is on its way */
	uint64_t fold_from, fold_to, fold_next;
	struct gk_arena fold_arena;

	/* the commit thread's own */
	struct proposal taken;
	bool drop_bodies, drop_held, drop_forget, drop_openings, drop_bases;
	uint64_t held_from;
	int64_t forget_from, openings_from;
	int64_t forget_to;
	uint64_t openings_to;
	int openings_kind;
	const char *openings_tenant;
};

void gate__proposal_done(struct proposal *proposal);

/* base.c: load the base into the fresh ledger; *ret_minimum 0: there is none, it stays empty. */
enum gk_rc gate__base_load(struct journal_reader *reader, struct ledger *ledger,
    uint64_t *ret_minimum, struct gk_err *err) GK_MUST_USE;

/* retention.c; all but _init and _done for the commit thread and for start-up */
enum gk_rc gate__retention_init(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
void gate__retention_done(struct gate *gate);
enum gk_rc gate__retention_open(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
/* In the batch, or in one of its own at a tick: some more of what is on its way. */
enum gk_rc gate__retention_go_on(
    struct gate *gate, bool tick, struct gk_err *err) GK_MUST_USE;
/* slow: once a second. */
void gate__retention_tick(struct gate *gate, bool slow);
void gate__retention_again(struct gate *gate); /* a hold was released */

/* retention_look.c: for the janitor.  True: come back soon. */
bool gate__retention_look(struct gate *gate);

/* ---- erase.c ---- */
/* Between batches: what committed redactions name goes, from the WAL too; who waits for it is told. */
enum gk_rc gate__erase(struct gate *gate, struct gk_err *err) GK_MUST_USE;

/* erase.c */
STAGE_BEGIN(redact_begin);
STAGE_READ(redact_read);
STAGE_COMMIT(redact_commit);
STAGE_BEGIN(redact_finish);
/* holds.c */
STAGE_BEGIN(hold_begin);
STAGE_COMMIT(hold_commit);
STAGE_BEGIN(release_begin);
STAGE_COMMIT(release_commit);
STAGE_BEGIN(hold_finish);
STAGE_BEGIN(holds_begin);
STAGE_COMMIT(holds_commit);
STAGE_BEGIN(holds_finish);

#endif
