/* Runs and their steps: who owns a run, which steps it knows, when it leaves memory. */
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "ledger/ledger_internal.h"

enum {
	RUN_KEY_BYTES = 512,
	RUN_ARENA_CAP = 256 << 20,
	COLD_RUNS_MAX = 256,
};

static size_t
run_key(const char *tenant, const char *run_id, char ret[RUN_KEY_BYTES])
{
	size_t t = tenant == NULL ? 0 : strlen(tenant), r = strlen(run_id);

	if (t + r + 1 > RUN_KEY_BYTES) {
		r = RUN_KEY_BYTES - t - 1; /* ids are at most 128 bytes */
	}
	if (t > 0) {
		memcpy(ret, tenant, t);
	}
	ret[t] = '\0';
	memcpy(ret + t + 1, run_id, r);
	return t + 1 + r;
}

struct run *
run_find(const struct ledger *ledger, const char *tenant, const char *run_id)
{
	char key[RUN_KEY_BYTES];

	return gk_map_get(&ledger->runs, key, run_key(tenant, run_id, key));
}

size_t
run_live_count(const struct ledger *ledger, const char *caller)
{
	struct owner *owner =
	    gk_map_get(&ledger->owners, caller, strlen(caller));

	return owner == NULL ? 0 : owner->runs;
}

static enum gk_rc
owner_add(struct ledger *ledger, const char *caller, struct gk_err *err)
{
	size_t n = strlen(caller);
	struct owner *owner = gk_map_get(&ledger->owners, caller, n);

	if (owner == NULL) {
		owner = calloc(1, sizeof(*owner) + n + 1);
		if (owner == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "owner");
		}
		memcpy(owner->id, caller, n);
		if (gk_map_set(&ledger->owners, owner->id, n, owner, err) !=
		    GK_OK) {
			free(owner);
			return GK_E_NOMEM;
		}
	}
	owner->runs++;
	return GK_OK;
}

static void
owner_drop(struct ledger *ledger, const char *caller)
{
	struct owner *owner =
	    gk_map_get(&ledger->owners, caller, strlen(caller));

	if (owner != NULL && --owner->runs == 0) {
		(void)gk_map_remove(&ledger->owners, caller, strlen(caller));
		free(owner);
	}
}

static enum gk_rc
run_fill(struct run *run, const struct event *event, struct gk_err *err)
{
	char key[RUN_KEY_BYTES];
	char *copy;

	run->key_n = run_key(event->tenant_id, event->run_id, key);
	copy = gk_arena_strndup(&run->arena, key, run->key_n);
	if (copy == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "run");
	}
	run->key = copy;
	run->tenant = event->tenant_id == NULL ? NULL : copy;
	run->run_id = copy + strlen(copy) + 1;
	GK_TRY(ledger__dup(&run->arena, event->agent_id, &run->agent, err));
	GK_TRY(ledger__dup(&run->arena, event->caller, &run->caller, err));
	run->first_seq = event->seq;
	run->approvals_end = &run->approvals;
	run->due =
	    (struct due_node){.kind = DUE_RUN, .owner = run, .tie = event->seq};
	return GK_OK;
}

static void
cold_trim(struct ledger *ledger)
{
	struct run **at = &ledger->cold;

	if (ledger->cold_count < COLD_RUNS_MAX) {
		return;
	}
	while ((*at)->colder != NULL) {
		at = &(*at)->colder;
	}
	run_free(ledger, *at);
}

enum gk_rc
run_new(struct ledger *ledger, const struct event *event, bool cold,
    struct run **ret, struct gk_err *err)
{
	struct run *run;

	if (cold) {
		cold_trim(ledger);
	}
	run = calloc(1, sizeof(*run));
	if (run == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "run");
	}
	run->arena.cap = RUN_ARENA_CAP;
	if (run_fill(run, event, err) != GK_OK ||
	    gk_map_set(&ledger->runs, run->key, run->key_n, run, err) !=
		GK_OK) {
		gk_arena_done(&run->arena);
		free(run);
		return GK_E_NOMEM;
	}
	*ret = run;
	run->cold = cold;
	run->ended = cold;
	if (cold) {
		run->colder = ledger->cold;
		ledger->cold = run;
		ledger->cold_count++;
		return GK_OK;
	}
	run->snapshot = snapshot_number(ledger);
	run->prev = ledger->last_run;
	*(run->prev == NULL ? &ledger->first_run : &run->prev->next) = run;
	ledger->last_run = run;
	return owner_add(ledger, run->caller, err);
}

static void
cold_drop(struct ledger *ledger, const struct run *run)
{
	struct run **at = &ledger->cold;

	while (*at != run) {
		at = &(*at)->colder;
	}
	*at = run->colder;
	ledger->cold_count--;
}

void
run_free(struct ledger *ledger, struct run *run)
{
	struct step *step;
	size_t at = 0;

	while (run->counters != NULL) {
		counter_free(ledger, run->counters);
	}
	for (struct approval *a = run->approvals; a != NULL; a = a->next) {
		approval_free(ledger, a);
	}
	while ((step = gk_map_next(&run->steps, &at)) != NULL) {
		due_drop(&ledger->results, &step->due);
		if (!run->cold) {
			ledger->step_count--;
			ledger->open_results -= step->open;
		}
	}
	gk_map_done(&run->steps);
	due_drop(&ledger->due, &run->due);
	(void)gk_map_remove(&ledger->runs, run->key, run->key_n);
	if (run->cold) {
		cold_drop(ledger, run);
	} else {
		snapshot_forget_run(ledger, run);
		*(run->prev == NULL ? &ledger->first_run : &run->prev->next) =
		    run->next;
		*(run->next == NULL ? &ledger->last_run : &run->next->prev) =
		    run->prev;
		owner_drop(ledger, run->caller);
	}
	gk_arena_done(&run->arena);
	free(run);
}

enum gk_rc
run_touch(struct ledger *ledger, struct run *run, const struct event *event,
    struct gk_err *err)
{
	run->last_us = event->timestamp_us;
	if (run->cold) {
		return GK_OK;
	}
	if (run->open_results > 0 || run->open_approvals > 0) {
		due_drop(&ledger->due, &run->due);
		return GK_OK;
	}
	return due_set(&ledger->due, &run->due,
	    run->last_us + ledger->limits.run_idle_us, err);
}

enum gk_rc
run_apply_end(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	struct run *run;

	run = run_find(ledger, event->tenant_id, event->run_id);
	if (run == NULL || run->cold) {
		return LEDGER_CORRUPT(err, event, "the end of an unknown run");
	}
	if (run->open_results > 0 || run->open_approvals > 0) {
		return LEDGER_CORRUPT(
		    err, event, "the end of a run with open work");
	}
	GK_TRY(snapshot_save_run(ledger, run, err));
	for (struct counter *c = run->counters; c != NULL; c = c->next_in_run) {
		GK_TRY(snapshot_save_counter(ledger, c, err));
	}
	run_free(ledger, run);
	return GK_OK;
}

struct step *
step_find(const struct run *run, const char *step_id)
{
	return gk_map_get(&run->steps, step_id, strlen(step_id));
}

static struct digest_part
text_part(const char *text)
{
	return (struct digest_part){
	    text == NULL ? "" : text, text == NULL ? 1 : strlen(text) + 1};
}

/* SHA-256 over the texts with their 0x00, cut: what must be equal in a retry. */
void
step_binding(const struct event *event, uint8_t ret[16])
{
	struct digest_part parts[4 + REQUEST_ROLES_MAX];
	struct digest hash;
	size_t n = 0;

	parts[n++] = text_part(event->action_key);
	parts[n++] = text_part(event->context_hash);
	parts[n++] =
	    text_part(event->actor == NULL ? NULL : event->actor->type);
	parts[n++] = text_part(event->actor == NULL ? NULL : event->actor->id);
	for (size_t i = 0;
	     event->actor != NULL && i < event->actor->role_count &&
	     i < REQUEST_ROLES_MAX;
	     i++) {
		parts[n++] = text_part(event->actor->roles[i]);
	}
	digest_sha256(parts, n, &hash);
	memcpy(ret, hash.bytes, 16);
}

static enum gk_rc
charge_copy(struct gk_arena *arena, const struct charge *from,
    struct charge *ret, struct gk_err *err)
{
	*ret = *from;
	GK_TRY(ledger__dup(arena, from->rule, &ret->rule, err));
	GK_TRY(ledger__dup(arena, from->key, &ret->key, err));
	return ledger__dup(arena, from->unit, &ret->unit, err);
}

/* What an allow reserved stays known as long as its step. */
static enum gk_rc
step_reserve(struct step *step, const struct event *event, struct gk_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < event->charge_count; i++) {
		n += event->charges[i].reserved;
	}
	step->reservations =
	    gk_arena_calloc(&step->run->arena, n, sizeof(*step->reservations));
	if (step->reservations == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "reservations");
	}
	for (size_t i = 0; i < event->charge_count; i++) {
		if (event->charges[i].reserved) {
			GK_TRY(
			    charge_copy(&step->run->arena, &event->charges[i],
				&step->reservations[step->reservation_count++],
				err));
		}
	}
	return GK_OK;
}

/* An allow: its result is due. */
static enum gk_rc
step_open(struct ledger *ledger, struct step *step, const struct event *event,
    struct gk_err *err)
{
	struct run *run = step->run;

	step->open = true;
	run->open_results++;
	if (run->cold) {
		return GK_OK;
	}
	ledger->open_results++;
	return due_set(&ledger->results, &step->due, event->result_by_us, err);
}

static enum gk_rc
step_new(struct run *run, const struct event *event, struct step **ret,
    struct gk_err *err)
{
	struct step *step = gk_arena_alloc(&run->arena, sizeof(*step));

	if (step == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "step");
	}
	step->run = run;
	step->seq = event->seq;
	step->decision = event->decision;
	step->key = event_key_of(event->action_key);
	run->keys |= UINT64_C(1) << (step->key % 64);
	step->valid_until_us = event->valid_until_us;
	step->result_by_us = event->result_by_us;
	step->due = (struct due_node){
	    .kind = DUE_RESULT, .owner = step, .tie = event->seq};
	step_binding(event, step->binding);
	GK_TRY(ledger__dup(&run->arena, event->step_id, &step->step_id, err));
	*ret = step;
	return gk_map_set(
	    &run->steps, step->step_id, strlen(step->step_id), step, err);
}

enum gk_rc
step_apply(struct ledger *ledger, struct run *run, const struct event *event,
    struct gk_err *err)
{
	struct step *step = step_find(run, event->step_id);

	if (event->original != 0) {
		/* a retry that was stopped: the step stays as it was */
		return step != NULL ? GK_OK
				    : LEDGER_CORRUPT(err, event,
					  "a retry of an unknown step");
	}
	if (step != NULL) {
		return LEDGER_CORRUPT(err, event, "a step decided twice");
	}
	GK_TRY(step_new(run, event, &step, err));
	if (event->approval_id != NULL) {
		if (!id_seq(
			ID_APPROVAL, event->approval_id, &step->approval_seq) ||
		    step->approval_seq > event->seq) {
			return LEDGER_CORRUPT(err, event,
			    "an approval that nobody can have asked for yet");
		}
		step->has_approval = true;
		step->granted = event->decision == DECISION_ALLOW;
	}
	if (!run->cold) {
		ledger->step_count++;
	}
	if (event->decision != DECISION_ALLOW) {
		return GK_OK;
	}
	GK_TRY(step_reserve(step, event, err));
	return step_open(ledger, step, event, err);
}

enum gk_rc
step_load(struct ledger *ledger, struct run *run, const struct event *event,
    bool open, struct step **ret, struct gk_err *err)
{
	GK_TRY(step_new(run, event, ret, err));
	ledger->step_count++;
	GK_TRY(step_reserve(*ret, event, err));
	return open ? step_open(ledger, *ret, event, err) : GK_OK;
}
