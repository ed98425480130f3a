/* Makes a journal long, quickly: appends runs like those that it has, through the journal room alone: audit_grow DATA_DIR EVENTS [STEPS]. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "journal/journal.h"

/*
 * Takes a decision, its result and the end of a run from the journal (audit_fill
 * made them) and appends others like them, with other runs, tenants, people, actions,
 * reasons and keys, until there are EVENTS.  Batches of 256.  The start after it folds
 * them all: there is no snapshot of them yet.
 */
enum {
	LANES = 128,
	BATCH = 256,
	TENANTS = 200,
	PEOPLE = 5000,
	ACTIONS = 30,
	TOLD_EVERY = 1000000,
};

struct lane {
	uint64_t run, decided;
	char run_id[32], tenant[32], actor_id[32];
};

struct grow {
	struct journal *journal;
	struct id_key id_key;
	struct event decision, result, end; /* as they were found */
	struct gk_arena arena;
	int64_t now_us;
	uint64_t goal, steps, batch, asked;
	struct lane lanes[LANES];
};

static struct grow grow = {.arena = GK_ARENA_INIT(1 << 20)};

static void
die(const char *what, const struct gk_err *err)
{
	(void)fprintf(stderr, "audit_grow: %s: %s\n", what, err->text);
	exit(EXIT_FAILURE);
}

static uint64_t
mixed(uint64_t n)
{
	n = (n ^ n >> 31) * UINT64_C(0x7fb5d329728ea185);
	n = (n ^ n >> 27) * UINT64_C(0x81dadef4bc2dd44d);
	return n ^ n >> 33;
}

static enum gk_rc
take_sample(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	(void)seq;
	(void)leaf;
	*stop = true;
	return event_decode(bytes, n, &grow.arena, ctx, err);
}

static void
sample(int kind, int decision, struct event *ret)
{
	struct journal_query query = {.kind = kind,
	    .decision = decision,
	    .layer = -1,
	    .scope = -1,
	    .newest_first = true,
	    .from_seq = UINT64_MAX,
	    .limit = 1};
	struct gk_err err = {.rc = GK_OK};
	uint64_t next;
	bool more;

	if (journal_search(journal_reader(grow.journal), &query, take_sample,
		ret, &next, &more, &err) != GK_OK ||
	    ret->timestamp_us == 0) {
		die("no event to go by; run audit_fill first", &err);
	}
}

static void
commit(void)
{
	struct gk_err err = {.rc = GK_OK};

	if (journal_commit(grow.journal, &err) != GK_OK ||
	    journal_tidy(grow.journal, &err) != GK_OK) {
		die("commit", &err);
	}
	grow.batch = 0;
}

static void
append(struct event *event, const struct lane *lane)
{
	static struct gk_buf buf = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct gk_err err = {.rc = GK_OK};
	uint64_t nonce[2];
	struct digest leaf;

	event->seq = journal_next_seq(grow.journal);
	event->timestamp_us = grow.now_us += 40;
	nonce[0] = mixed(event->seq * 2);
	nonce[1] = mixed(event->seq * 2 + 1);
	memcpy(event->nonce, nonce, sizeof(event->nonce));
	event->run_id = lane->run_id;
	event->tenant_id = lane->tenant;
	gk_buf_clear(&buf);
	if (event_encode(event, &buf, &err) != GK_OK ||
	    journal_append(grow.journal, event, buf.bytes, buf.len, NULL, 0,
		&leaf, &err) != GK_OK) {
		die("append", &err);
	}
	if (++grow.batch >= BATCH) {
		commit();
	}
}

/* What step `step` of a lane asks for, into the events' static texts. */
static void
ask(struct lane *lane, uint64_t step, bool answered)
{
	static char step_id[24], action[32], key[32], hash[64], reason[32],
	    rule[32], id[ID_TEXT_BYTES];
	static struct actor actor = {.type = "user"};
	uint64_t h = mixed(lane->run * 1000 + step), a = h / 400 % ACTIONS;
	struct event event = answered ? grow.result : grow.decision;

	(void)snprintf(step_id, sizeof(step_id), "%" PRIu64, step);
	(void)snprintf(action, sizeof(action), "tool.a%" PRIu64, a);
	(void)snprintf(reason, sizeof(reason), "allowed_%" PRIu64, h % 50);
	(void)snprintf(rule, sizeof(rule), "allow-%" PRIu64, a);
	(void)snprintf(key, sizeof(key), "ak1_%016" PRIx64 "000000", h);
	(void)snprintf(hash, sizeof(hash),
	    "h1_%016" PRIx64 "%016" PRIx64 "00000000000", h, h);
	if (!answered) {
		lane->decided = journal_next_seq(grow.journal);
	}
	id_print(&grow.id_key, ID_DECISION, lane->decided, id);
	actor.id = lane->actor_id;
	event.step_id = step_id;
	event.action = action;
	event.action_key = key;
	event.args_hash = hash;
	event.actor = event.actor == NULL ? NULL : &actor;
	event.reason = reason;
	event.rule = rule;
	event.decision_id = id;
	event.charges = NULL;
	event.charge_count = 0;
	if (answered) {
		event.of_seq = lane->decided;
	} else {
		event.asked_at_us = grow.now_us;
		event.result_by_us = grow.now_us + 15 * GK_US_PER_MIN;
		event.valid_until_us = grow.now_us + 5 * GK_US_PER_MIN;
	}
	append(&event, lane);
}

/* LANES runs from their first step to their end. */
static void
play_round(uint64_t round)
{
	for (uint64_t i = 0; i < LANES; i++) {
		struct lane *lane = &grow.lanes[i];

		lane->run = (round + 1) * (1 << 20) + i;
		(void)snprintf(lane->run_id, sizeof(lane->run_id),
		    "grow_%016" PRIx64, mixed(lane->run));
		(void)snprintf(lane->tenant, sizeof(lane->tenant), "t_%" PRIu64,
		    mixed(lane->run) % TENANTS);
		(void)snprintf(lane->actor_id, sizeof(lane->actor_id),
		    "u_%" PRIu64, mixed(lane->run) % PEOPLE);
	}
	for (uint64_t step = 0; step < grow.steps; step++) {
		for (int answered = 0; answered < 2; answered++) {
			for (uint64_t i = 0; i < LANES; i++) {
				ask(&grow.lanes[i], step, answered == 1);
			}
		}
	}
	for (uint64_t i = 0; i < LANES; i++) {
		struct event event = grow.end;

		append(&event, &grow.lanes[i]);
	}
}

static uint64_t
number(int argc, char **argv, int at, uint64_t otherwise)
{
	uint64_t n = 0;

	return at < argc && sscanf(argv[at], "%" SCNu64, &n) == 1 && n > 0
		   ? n
		   : otherwise;
}

static void
report(uint64_t events, int64_t begun)
{
	struct journal_counters counters;
	int64_t took = gk_clock_system.boot_us(NULL) - begun;

	journal_counters(grow.journal, &counters);
	(void)printf("%" PRIu64 " events appended, %.0f events/s, %.0f bytes "
		     "of WAL an event\n",
	    events, (double)events * 1e6 / (double)took,
	    (double)counters.wal_bytes / (double)events);
	(void)fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct journal_options options = {.data_dir = argv[1]};
	struct journal_found found;
	struct gk_err err = {.rc = GK_OK};
	int64_t begun = gk_clock_system.boot_us(NULL);
	uint64_t told = TOLD_EVERY, before;

	if (argc < 3) {
		(void)fprintf(stderr,
		    "usage: %s DATA_DIR EVENTS [STEPS]\nDATA_DIR: of "
		    "audit_fill\n",
		    argv[0]);
		return 64;
	}
	grow.goal = number(argc, argv, 2, 1000000);
	grow.steps = number(argc, argv, 3, 12);
	if (digest_init(&err) != GK_OK ||
	    journal_open(&options, &grow.journal, &found, &err) != GK_OK) {
		die("opening the journal", &err);
	}
	journal_id_key(grow.journal, &grow.id_key);
	sample(EVENT_DECISION, DECISION_ALLOW, &grow.decision);
	sample(EVENT_RESULT, DECISION_ALLOW, &grow.result);
	sample(EVENT_RUN, -1, &grow.end);
	grow.decision.approval_id = grow.result.approval_id = NULL;
	grow.now_us = journal_last_us(grow.journal);
	before = journal_next_seq(grow.journal);
	for (uint64_t round = before;
	     journal_next_seq(grow.journal) < grow.goal; round++) {
		play_round(round);
		if (journal_next_seq(grow.journal) - before >= told) {
			report(told, begun);
			told += TOLD_EVERY;
		}
	}
	commit();
	report(journal_next_seq(grow.journal) - before, begun);
	journal_close(grow.journal);
	gk_arena_done(&grow.arena);
	return EXIT_SUCCESS;
}
