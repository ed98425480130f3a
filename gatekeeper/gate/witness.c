/*
 * Witnesses from the log's side: when they are asked, what is kept, what follows when they contradict.
 *
 * A thread of its own asks, round by round, each witness to cosign the newest head: at
 * the start, after so many events or so much time, and once more at the end, behind the
 * close event.  The commit thread never waits for them; it writes down what they said
 * when it comes by (gate__witness_flush).
 *
 * A start asks before it writes anything: a journal that was put back, or another one
 * with the same key, is refused there.  Later the process ends: what it would record
 * from here on could never be witnessed.  An operator who accepts the break (`recover`)
 * parts with the witnesses that know better; these are asked on, and can only fail.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gate/witness_internal.h"

/* Kept beside the log while a break was accepted and not every witness has answered since. */
#define WORD_BREAK "break accepted"

enum { LOOK_MS = 200, RETRY_MAX_S = 30, WORD_BYTES = 64 };

static int64_t
boot_us(const struct gate *gate)
{
	return gate->clock.boot_us(gate->clock.ctx);
}

static uint64_t
committed(const struct gate *gate)
{
	return atomic_load_explicit(&gate->metrics.seq, memory_order_relaxed);
}

/* Where it is written that an operator parted with a witness. */
static void
parted_key(const struct gate_witness *witness, char ret[WORD_BYTES])
{
	struct digest digest;
	char hex[DIGEST_HEX];
	const struct digest_part part = {witness->vkey, strlen(witness->vkey)};

	digest_sha256(&part, 1, &digest);
	(void)digest_hex(digest.bytes, DIGEST_BYTES, hex);
	(void)snprintf(ret, WORD_BYTES, "parted %.32s", hex);
}

/* ---- open and close ---- */

static enum gk_rc
witness_init(struct gate *gate, struct gate_witness *witness,
    const struct trust_witness *trust, struct gk_err *err)
{
	struct journal_reader *reader = journal_reader(gate->journal);
	GK_AUTO(gk_buf_done) struct gk_buf word = GK_BUF_INIT(WORD_BYTES);
	size_t n = strlen(trust->url);
	char key[WORD_BYTES];
	int64_t time_s = 0;
	bool found;

	witness->trust = trust;
	while (n > 0 && trust->url[n - 1] == '/') {
		n--;
	}
	if (asprintf(&witness->url, "%.*s/add-checkpoint", (int)n, trust->url) <
	    0) {
		witness->url = NULL;
		return GK_FAIL(err, GK_E_NOMEM, "a witness");
	}
	(void)cosign_vkey_print(&trust->vkey, witness->vkey);
	GK_TRY(journal_last_cosignature(
	    reader, witness->vkey, &found, &witness->size, &time_s, err));
	metrics_set(&witness->cosigned_size, witness->size);
	metrics_set(&witness->cosigned_s, (uint64_t)time_s);
	parted_key(witness, key);
	return journal_load_word(reader, key, &word, &witness->parted, err);
}

static enum gk_rc
list_fill(struct gate *gate, struct gate_witnesses *all, struct gk_err *err)
{
	size_t known = trust_witness_count(all->trust);

	all->list = calloc(known + 1, sizeof(*all->list));
	if (all->list == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "witnesses");
	}
	for (size_t i = 0; i < known; i++) {
		const struct trust_witness *trust =
		    trust_witness_at(all->trust, i);

		if (trust->url == NULL) {
			continue; /* known by its key, asked by others */
		}
		all->list[all->count].index = (unsigned)i;
		GK_TRY(
		    witness_init(gate, &all->list[all->count++], trust, err));
	}
	return all->count > 0 ? GK_OK
			      : GK_FAIL(err, GK_E_INVALID,
				    "%.128s names no witness with a URL",
				    gate->options.witness.policy);
}

enum gk_rc
gate__witness_open(struct gate *gate, struct gk_err *err)
{
	const struct gate_witness_options *options = &gate->options.witness;
	struct gate_witnesses *all;
	pthread_condattr_t monotonic;

	if (options->policy == NULL || options->post == NULL) {
		return GK_OK;
	}
	all = gate->witnesses = calloc(1, sizeof(*all));
	if (all == NULL || pthread_condattr_init(&monotonic) != 0) {
		return GK_FAIL(err, GK_E_NOMEM, "witnesses");
	}
	all->gate = gate;
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&all->lock, NULL);
	(void)pthread_cond_init(&all->wake, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	GK_TRY(trust_load(options->policy, &all->trust, err));
	return list_fill(gate, all, err);
}

void
gate__witness_close(struct gate *gate)
{
	struct gate_witnesses *all = GK_TAKE(gate->witnesses);

	if (all == NULL) {
		return;
	}
	while (all->pending != NULL) {
		struct gate_cosigned *next = all->pending->next;

		endorse_free(all->pending);
		all->pending = next;
	}
	for (size_t i = 0; i < all->count; i++) {
		free(all->list[i].url);
	}
	journal_reader_close(all->reader);
	free(all->list);
	trust_free(all->trust);
	(void)pthread_mutex_destroy(&all->lock);
	(void)pthread_cond_destroy(&all->wake);
	free(all);
}

/* ---- a round ---- */

static void
keep(struct gate_witnesses *all, struct gate_witness *witness,
    struct gate_cosigned *cosigned)
{
	cosigned->witness = (unsigned)(witness - all->list);
	witness->done = cosigned->size;
	metrics_set(&witness->cosigned_size, cosigned->size);
	metrics_set(&witness->cosigned_s, (uint64_t)cosigned->time_s);
	pthread_mutex_lock(&all->lock);
	cosigned->next = all->pending;
	all->pending = cosigned;
	pthread_mutex_unlock(&all->lock);
}

/* It didn't cosign: told once, until it does. */
static void
miss(struct gate *gate, struct gate_witness *witness, const struct gk_err *why)
{
	metrics_count(&witness->failures, 1);
	if (!witness->down) {
		witness->down = true;
		gate__alert(gate, "witness_failed", "%s: %s",
		    witness->trust->name, why->text);
	}
}

/* Everybody stops here who hasn't been told by an operator to go on. */
static bool
contradicts(const struct gate_witness *witness, enum endorse word)
{
	return (word == ENDORSE_ROLLBACK || word == ENDORSE_FORK) &&
	       !witness->parted;
}

/* What a round came to. */
struct round {
	uint64_t cosigned; /* a bit for each of the policy's witnesses */
	const struct gate_witness *contradicting; /* NULL: none */
	struct gk_err why;                        /* of the contradiction */
};

static enum gk_rc
ask_one(struct gate *gate, struct journal_reader *reader,
    struct gate_witness *witness, const struct endorse_head *head,
    struct round *round, struct gk_err *err)
{
	struct gate_cosigned *cosigned;
	struct gk_err why = {.rc = GK_OK};
	enum endorse word;

	if (witness->done == head->size) { /* this round is for the others */
		round->cosigned |= UINT64_C(1) << witness->index;
		return GK_OK;
	}
	GK_TRY(
	    endorse(gate, reader, witness, head, &word, &cosigned, &why, err));
	if (word == ENDORSE_COSIGNED) {
		if (witness->down) {
			witness->down = false;
			gate__alert(gate, "witness_again", "%s cosigns",
			    witness->trust->name);
		}
		round->cosigned |= UINT64_C(1) << witness->index;
		keep(gate->witnesses, witness, cosigned);
		return GK_OK;
	}
	miss(gate, witness, &why);
	gate->witnesses->missed |= !witness->parted;
	if (contradicts(witness, word) && round->contradicting == NULL) {
		round->contradicting = witness;
		round->why = why;
	}
	return GK_OK;
}

/* Ask all for the newest head; skip_down: not those that failed before. */
static enum gk_rc
ask_all(struct gate *gate, struct journal_reader *reader, bool skip_down,
    struct round *ret, struct gk_err *err)
{
	struct gate_witnesses *all = gate->witnesses;
	struct endorse_head head = {.note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX)};
	int64_t began = boot_us(gate);
	bool found;
	enum gk_rc rc;

	*ret = (struct round){.cosigned = 0};
	all->missed = false;
	rc = journal_read_checkpoint(
	    reader, UINT64_MAX, &head.size, &head.note, &found, err);
	for (size_t i = 0; rc == GK_OK && found && i < all->count; i++) {
		if (!skip_down || !all->list[i].down) {
			rc = ask_one(
			    gate, reader, &all->list[i], &head, ret, err);
		}
	}
	gk_buf_done(&head.note);
	if (rc != GK_OK || !found) {
		return rc;
	}
	all->asked_size = head.size;
	all->asked_us = began;
	if (ret->cosigned != 0 && trust_quorum(all->trust, ret->cosigned)) {
		metrics_set(&all->size, head.size);
		all->behind_us = 0;
	}
	return GK_OK;
}

/* ---- at the start ---- */

/* They know better, and an operator has just said to go on: no more of that from them. */
static enum gk_rc
part_with(struct gate *gate, struct gate_witness *witness, struct gk_err *err)
{
	char key[WORD_BYTES];

	witness->parted = true;
	parted_key(witness, key);
	gate->batch_open = true;
	return journal_store_word(gate->journal, key, "1", err);
}

static enum gk_rc
part_with_all(struct gate *gate, struct round *round, struct gk_err *err)
{
	struct gate_witnesses *all = gate->witnesses;

	while (round->contradicting != NULL) {
		size_t i = (size_t)(round->contradicting - all->list);

		gate__alert(gate, "witness_parted",
		    "%s knows another history, and an operator accepted this "
		    "one",
		    all->list[i].trust->name);
		GK_TRY(part_with(gate, &all->list[i], err));
		GK_TRY(ask_all(
		    gate, journal_reader(gate->journal), false, round, err));
	}
	return GK_OK;
}

/* Has an operator accepted a break that the witnesses weren't yet told of? */
static enum gk_rc
load_break(struct gate *gate, const struct journal_found *found, bool *ret,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf word = GK_BUF_INIT(WORD_BYTES);

	if (found->accepted) {
		*ret = gate->batch_open = true;
		return journal_store_word(gate->journal, WORD_BREAK, "1", err);
	}
	return journal_load_word(
	    journal_reader(gate->journal), WORD_BREAK, &word, ret, err);
}

/* Once each of them has answered, the next contradiction is a new one. */
static enum gk_rc
drop_break(struct gate *gate, struct gk_err *err)
{
	const struct gate_witnesses *all = gate->witnesses;

	for (size_t i = 0; i < all->count; i++) {
		if (all->list[i].down && !all->list[i].parted) {
			return GK_OK;
		}
	}
	gate->batch_open = true;
	return journal_store_word(gate->journal, WORD_BREAK, NULL, err);
}

enum gk_rc
gate__witness_start(
    struct gate *gate, const struct journal_found *found, struct gk_err *err)
{
	struct round round;
	bool accepted;

	GK_TRY(load_break(gate, found, &accepted, err));
	if (gate->witnesses == NULL || found->size == 0) {
		return GK_OK;
	}
	GK_TRY(
	    ask_all(gate, journal_reader(gate->journal), false, &round, err));
	if (accepted) {
		GK_TRY(part_with_all(gate, &round, err));
		return drop_break(gate, err);
	}
	if (round.contradicting == NULL) {
		return GK_OK;
	}
	return GK_FAIL(err, GK_E_CORRUPT,
	    "witness %.40s: %.120s; put the newer journal back, or run "
	    "`gatekeeper recover --accept %llu`",
	    round.contradicting->trust->name, round.why.text,
	    (unsigned long long)found->size);
}

/* ---- the commit thread ---- */

/* The beginning of a time without a quorum is an event, and its end with how many seconds it was. */
enum gk_rc
gate__witness_tell(struct gate *gate, struct gk_err *err)
{
	struct gate_witnesses *all = gate->witnesses;
	bool late = all != NULL && atomic_load(&all->late);
	int64_t now = gate__now(gate);
	struct event_gap gap = {.what = "witness", .since_us = now};
	struct event event = {
	    .kind = EVENT_GAP, .caller = "gatekeeper", .gap = &gap};

	if (all == NULL || late == all->told_late) {
		return GK_OK;
	}
	if (!late) {
		gap.since_us = all->late_since_us;
		gap.count = (now - all->late_since_us) / GK_US_PER_S;
	}
	all->told_late = late;
	all->late_since_us = now;
	return gate__record_event(gate, &event, NULL, 0, NULL, err);
}

enum gk_rc
gate__witness_flush(struct gate *gate, struct gk_err *err)
{
	struct gate_witnesses *all = gate->witnesses;
	struct gate_cosigned *list;
	enum gk_rc rc = GK_OK;

	if (all == NULL) {
		return GK_OK;
	}
	pthread_mutex_lock(&all->lock);
	list = GK_TAKE(all->pending);
	pthread_mutex_unlock(&all->lock);
	while (list != NULL) {
		struct gate_cosigned *next = list->next;
		const struct journal_cosignature row = {.size = list->size,
		    .witness = all->list[list->witness].vkey,
		    .time_s = list->time_s,
		    .line = list->line.bytes,
		    .line_n = list->line.len,
		    .note = list->note.bytes,
		    .note_n = list->note.len};

		if (rc == GK_OK) {
			gate->batch_open = true;
			rc = journal_keep_cosignature(gate->journal, &row, err);
		}
		endorse_free(list);
		list = next;
	}
	return rc;
}

/* ---- the thread ---- */

static bool
is_due(const struct gate *gate, const struct gate_witnesses *all, int64_t now)
{
	const struct gate_witness_options *options = &gate->options.witness;
	int64_t since = now - all->asked_us;
	int64_t retry = RETRY_MAX_S * GK_US_PER_S;
	uint64_t size = committed(gate);

	if (all->asked_us == 0) {
		return true;
	}
	if (options->every_us < retry) {
		retry = options->every_us;
	}
	return (all->missed && since >= retry) ||
	       (size > all->asked_size &&
		   (since >= options->every_us ||
		       size - all->asked_size >= options->every_events));
}

/* What isn't witnessed for too long stops new allows, where that is the rule. */
static void
watch_lag(struct gate *gate, struct gate_witnesses *all, int64_t now)
{
	const struct gate_witness_options *options = &gate->options.witness;
	uint64_t witnessed =
	    atomic_load_explicit(&all->size, memory_order_relaxed);
	bool late;

	if (committed(gate) <= witnessed) {
		all->behind_us = 0;
	} else if (all->behind_us == 0) {
		all->behind_us = now;
	}
	late = all->behind_us != 0 &&
	       now - all->behind_us > options->every_us + options->grace_us;
	atomic_store(&all->late, late);
	late = late && options->stop;
	if (late != atomic_load(&gate->unwitnessed)) {
		atomic_store(&gate->unwitnessed, late);
		gate__alert(gate, late ? "unwitnessed" : "witnessed_again",
		    late ? "no quorum of witnesses for too long: new allows "
			   "are stopped"
			 : "a quorum of witnesses has cosigned: decisions go "
			   "on");
	}
}

/* The end, for what is recorded from here on would never be witnessed. */
static void
contradicted(struct gate *gate, const struct round *round)
{
	gate__alert(gate, "witness_contradiction", "%s: %s",
	    round->contradicting->trust->name, round->why.text);
	atomic_store(&gate->contradicted, true);
	atomic_store(&gate->failed, true);
	gate__queue_tick(gate);
}

static bool
rest(struct gate_witnesses *all)
{
	struct timespec until;
	bool ends;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_mutex_lock(&all->lock);
	while (!all->ends && pthread_cond_timedwait(
				 &all->wake, &all->lock, &until) != ETIMEDOUT) {
	}
	ends = all->ends;
	pthread_mutex_unlock(&all->lock);
	return !ends;
}

static void *
witness_main(void *arg)
{
	struct gate_witnesses *all = arg;
	struct gate *gate = all->gate;

	do {
		int64_t now = boot_us(gate);
		struct gk_err err = {.rc = GK_OK};
		struct round round = {.contradicting = NULL};

		if (is_due(gate, all, now) &&
		    ask_all(gate, all->reader, false, &round, &err) != GK_OK) {
			all->asked_us = now; /* of our own: tried again later */
			all->missed = true;
			gate__alert(gate, "witness_failed", "%s", err.text);
		}
		if (round.contradicting != NULL) {
			contradicted(gate, &round);
			return NULL;
		}
		watch_lag(gate, all, boot_us(gate));
	} while (rest(all));
	return NULL;
}

enum gk_rc
gate__witness_run(struct gate *gate, struct gk_err *err)
{
	struct gate_witnesses *all = gate->witnesses;

	if (all == NULL) {
		return GK_OK;
	}
	GK_TRY(journal_reader_open(gate->options.data_dir, &all->reader, err));
	all->asked_us = 0; /* the start has recorded something since */
	all->started =
	    pthread_create(&all->thread, NULL, witness_main, all) == 0;
	return all->started ? GK_OK
			    : GK_FAIL(err, GK_E_NOMEM, "a witness thread");
}

void
gate__witness_end(struct gate *gate)
{
	struct gate_witnesses *all = gate->witnesses;

	if (all == NULL || !all->started) {
		return;
	}
	pthread_mutex_lock(&all->lock);
	all->ends = true;
	(void)pthread_cond_signal(&all->wake);
	pthread_mutex_unlock(&all->lock);
	(void)pthread_join(all->thread, NULL);
	all->started = false;
}

/* Behind the close event: nothing of a clean end stays unwitnessed. */
enum gk_rc
gate__witness_last(struct gate *gate, struct gk_err *err)
{
	struct gate_witnesses *all = gate->witnesses;
	struct round round;

	if (all == NULL || all->reader == NULL) {
		return GK_OK;
	}
	GK_TRY(ask_all(gate, all->reader, true, &round, err));
	if (round.contradicting != NULL) {
		contradicted(gate, &round);
	}
	GK_TRY(gate__witness_flush(gate, err));
	return gate__commit_batch(gate, err);
}

/* ---- what others may know ---- */

bool
gate_contradicted(const struct gate *gate)
{
	return atomic_load(&gate->contradicted);
}
