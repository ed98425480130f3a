/*
 * Limits and budgets: what a request would charge, and what an event did charge.
 *
 * A counter's key is its kind, rule, scope and subject (and, for repeats, the
 * action key; for budgets, unit and window; for asks, the tenant), joined by 0x00.  A subject of
 * scope run is qualified by tenant and run id.  Rates are GCRA (ITU-T I.371)
 * in integer nanoseconds: tat is the theoretical arrival time; a request
 * conforms when max(now, tat) + interval - now <= burst * interval.
 */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "ledger/ledger_internal.h"

enum { BUDGET_NEARLY = 80, BUDGET_FULL = 100 }; /* per cent; told once each */
enum { KEY_BYTES = 1024 };

struct key {
	char bytes[KEY_BYTES];
	size_t n;
};

static void
key_add(struct key *key, const char *bytes, size_t n)
{
	if (n + 1 > KEY_BYTES - key->n) {
		n = KEY_BYTES - key->n - 1; /* names are capped well below */
	}
	memcpy(key->bytes + key->n, bytes, n);
	key->n += n;
	key->bytes[key->n++] = '\0';
}

static void
key_add_text(struct key *key, const char *text)
{
	key_add(key, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

/* The key of the counter that a charge speaks of. */
static void
key_of(const struct charge *charge, const char *tenant, const char *run_id,
    const char *action_key, struct key *ret)
{
	char kind[2] = {(char)('0' + charge->kind), (char)('0' + charge->per)};
	char window[GK_TIME_TEXT_BYTES];

	ret->n = 0;
	key_add(ret, kind, 2);
	key_add_text(ret, charge->rule);
	if (charge->per == SCOPE_RUN) {
		key_add_text(ret, tenant);
		key_add_text(ret, run_id);
	} else {
		key_add_text(ret, charge->key);
	}
	if (charge->kind == CHARGE_REPEAT) {
		key_add_text(ret, action_key);
	}
	if (charge->kind == CHARGE_ASK) {
		key_add_text(ret, tenant);
	}
	if (charge->kind == CHARGE_BUDGET) {
		gk_time_print(charge->window_us, window);
		key_add_text(ret, charge->unit);
		key_add_text(ret, window);
	}
}

static const struct counter *
counter_find(const struct ledger *ledger, const struct key *key)
{
	return gk_map_get(&ledger->counters, key->bytes, key->n);
}

/* Beyond the year 2262 time stands still. */
static int64_t
ns_of(int64_t us)
{
	return us > INT64_MAX / 1000 ? INT64_MAX : us * 1000;
}

bool
counter_counts(const struct counter *counter, int64_t now_us)
{
	switch (counter->kind) {
	case CHARGE_RATE:
		return counter->tat_ns > ns_of(now_us);
	case CHARGE_REPEAT:
	case CHARGE_ASK:
		return counter->time_count > 0 &&
		       counter->times_us[counter->time_count - 1] +
			       counter->within_us >
			   now_us;
	case CHARGE_BUDGET:
		return counter->window_end_us == 0 ||
		       counter->window_end_us > now_us;
	default:
		return true;
	}
}

static int64_t
mul_capped(int64_t a, int64_t b)
{
	int64_t r;

	return __builtin_mul_overflow(a, b, &r) ? INT64_MAX / 4 : r;
}

static int64_t
add_capped(int64_t a, int64_t b)
{
	int64_t r;

	return __builtin_add_overflow(a, b, &r) ? INT64_MAX : r;
}

struct counted { /* of one subject, under whatever names */
	int64_t tat_ns, count, used_micros, reached;
};

/* The names of whom a limit or budget counts, the one that is charged first. */
static size_t
subjects_of(const char *subject, int per, const struct decision_ask *ask,
    const char *ret_names[ALIASES_MAX])
{
	if (per == SCOPE_ACTOR && ask->request->actor != NULL) {
		return alias_all(ask, ret_names);
	}
	ret_names[0] = subject;
	return 1;
}

/* Each charge of a rate or a count carries on from all names, so the greatest is the last; a budget's amounts add up. */
static void
count_all(const struct ledger *ledger, const struct run *run,
    const struct charge *charge, const char *const *names, size_t n,
    struct counted *ret)
{
	struct charge one = *charge;
	struct key key;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		const struct counter *counter;

		one.key = names[i];
		key_of(&one, run == NULL ? NULL : run->tenant,
		    run == NULL ? NULL : run->run_id, NULL, &key);
		counter = counter_find(ledger, &key);
		if (counter == NULL) {
			continue;
		}
		if (counter->tat_ns > ret->tat_ns) {
			ret->tat_ns = counter->tat_ns;
		}
		if (counter->count > ret->count) {
			ret->count = counter->count;
		}
		if (counter->reached > ret->reached) {
			ret->reached = counter->reached;
		}
		ret->used_micros =
		    add_capped(ret->used_micros, counter->used_micros);
	}
}

static void
check_rate(const struct counted *counted, const struct limit_finding *limit,
    int64_t now_us, struct limit_verdict *ret)
{
	int64_t now_ns = ns_of(now_us);
	int64_t tat = counted->tat_ns;
	int64_t span = mul_capped(limit->interval_ns, limit->burst);

	if (tat < now_ns) {
		tat = now_ns;
	}
	tat = add_capped(tat, limit->interval_ns);
	ret->charge.tat_ns = tat;
	if (tat - now_ns > span) {
		ret->refused = true;
		ret->retry_after_ms = (tat - now_ns - span - 1) / 1000000 + 1;
	}
}

/* Free again when the max-th youngest has aged out: *live counts on from counter to counter. */
static void
check_repeat(const struct counter *counter, const struct limit_finding *limit,
    int64_t now_us, int64_t *live, struct limit_verdict *ret)
{
	if (counter == NULL || ret->refused) {
		return;
	}
	for (size_t i = counter->time_count; i > 0; i--) {
		int64_t end = counter->times_us[i - 1] + limit->within_us;

		if (end <= now_us) {
			return;
		}
		if (++*live == limit->max) {
			ret->refused = true;
			ret->retry_after_ms = (end - now_us + 999) / 1000;
			return;
		}
	}
}

/*
 * The same action has another key under each hash key, and so another counter.
 * What was counted under an older key is older: the newest key comes first.
 */
static void
check_repeats(const struct ledger *ledger, const struct run *run,
    const struct limit_finding *limit, const struct decision_ask *ask,
    int64_t now_us, struct limit_verdict *ret)
{
	const struct ask_hashes newest = alias_newest(ask);
	struct charge charge = ret->charge;
	int64_t live = 0;
	struct key key;

	if (limit->max <= 0) {
		ret->refused = true;
		return;
	}
	for (size_t i = 0; i <= ask->older_count; i++) {
		const struct ask_hashes *under =
		    i == 0 ? &newest : &ask->older[i - 1];
		const char *names[2] = {charge.key, NULL};
		size_t n = limit->per == SCOPE_ACTOR
			       ? alias_under(ask, under, names)
			       : 0;

		for (size_t k = 0; k < n || k == 0; k++) {
			charge.key = names[k];
			key_of(&charge, run == NULL ? NULL : run->tenant,
			    run == NULL ? NULL : run->run_id, under->action_key,
			    &key);
			check_repeat(counter_find(ledger, &key), limit, now_us,
			    &live, ret);
		}
	}
}

void
counter_check_limit(const struct ledger *ledger, const struct run *run,
    const struct limit_finding *limit, const struct decision_ask *ask,
    int64_t now_us, struct limit_verdict *ret)
{
	struct counted counted = {.tat_ns = 0};
	bool is_known = run != NULL || limit->per != SCOPE_RUN;
	const char *names[ALIASES_MAX];
	size_t n = subjects_of(limit->subject, (int)limit->per, ask, names);

	memset(ret, 0, sizeof(*ret));
	ret->charge.rule = limit->rule;
	ret->charge.key = names[0];
	ret->charge.per = (int)limit->per;
	ret->charge.kind = limit->kind == LIMIT_RATE  ? CHARGE_RATE
			   : limit->kind == LIMIT_MAX ? CHARGE_COUNT
						      : CHARGE_REPEAT;
	if (is_known && limit->kind != LIMIT_SAME_ACTION) {
		count_all(ledger, run, &ret->charge, names, n, &counted);
	}
	switch (limit->kind) {
	case LIMIT_RATE:
		check_rate(&counted, limit, now_us, ret);
		break;
	case LIMIT_MAX:
		ret->charge.count = counted.count + 1;
		ret->refused = ret->charge.count > limit->max;
		break;
	case LIMIT_SAME_ACTION:
		ret->charge.within_ms = limit->within_us / 1000;
		if (is_known) {
			check_repeats(ledger, run, limit, ask, now_us, ret);
		}
		break;
	}
}

/* Start and end of the window that now falls in, in UTC. */
static void
window_of(enum budget_window every, int64_t now_us, int64_t *ret_start,
    int64_t *ret_end)
{
	char text[GK_TIME_TEXT_BYTES];
	int64_t unit = every == WINDOW_HOUR ? GK_US_PER_HOUR : GK_US_PER_DAY;

	*ret_start = 0;
	*ret_end = 0;
	if (every == WINDOW_RUN) {
		return;
	}
	*ret_start = now_us - now_us % unit;
	*ret_end = *ret_start + unit;
	if (every != WINDOW_MONTH) {
		return;
	}
	gk_time_print(now_us, text);
	memcpy(text + 8, "01T00:00:00.000000Z", 20);
	if (gk_time_parse(text, ret_start, NULL) != GK_OK) {
		return;
	}
	/* the first of the next month is 28 to 31 days later */
	gk_time_print(*ret_start + 31 * GK_US_PER_DAY, text);
	memcpy(text + 8, "01T00:00:00.000000Z", 20);
	if (gk_time_parse(text, ret_end, NULL) != GK_OK) {
		*ret_end = *ret_start + 31 * GK_US_PER_DAY;
	}
}

/* Per cent of the amount that is used with this cost, where that is to be told: at 80 and at 100, once each. */
static int64_t
reached(
    const struct counted *counted, int64_t cost_micros, int64_t amount_micros)
{
	int64_t told = counted->reached;
	__int128 percent;

	if (amount_micros <= 0) {
		return 0;
	}
	percent = (__int128)add_capped(counted->used_micros, cost_micros) *
		  BUDGET_FULL / amount_micros;
	if ((percent >= BUDGET_FULL && told < BUDGET_FULL) ||
	    (percent >= BUDGET_NEARLY && told < BUDGET_NEARLY)) {
		return percent < BUDGET_FULL ? (int64_t)percent : BUDGET_FULL;
	}
	return 0;
}

void
counter_check_budget(const struct ledger *ledger, const struct run *run,
    const struct budget_finding *budget, const struct decision_ask *ask,
    int64_t now_us, struct limit_verdict *ret)
{
	struct counted counted = {.tat_ns = 0};
	struct charge *charge = &ret->charge;
	const char *names[ALIASES_MAX];
	size_t n = subjects_of(budget->subject, (int)budget->per, ask, names);

	memset(ret, 0, sizeof(*ret));
	charge->kind = CHARGE_BUDGET;
	charge->rule = budget->rule;
	charge->key = names[0];
	charge->per = (int)budget->per;
	charge->unit = budget->unit;
	charge->micros = budget->cost_micros;
	charge->reserved = true;
	charge->refund = budget->refund_reported;
	window_of(
	    budget->every, now_us, &charge->window_us, &charge->window_end_us);
	if (run != NULL || budget->per != SCOPE_RUN) {
		count_all(ledger, run, charge, names, n, &counted);
	}
	if (budget->cost_micros < 0 ||
	    add_capped(counted.used_micros, budget->cost_micros) >
		budget->amount_micros) {
		ret->refused = true;
		if (charge->window_end_us != 0 && budget->cost_micros >= 0) {
			ret->retry_after_ms =
			    (charge->window_end_us - now_us + 999) / 1000;
		}
		return;
	}
	charge->reached =
	    reached(&counted, budget->cost_micros, budget->amount_micros);
}

bool
counter_check_asks(const struct ledger *ledger, const char *agent,
    const char *tenant, int64_t now_us, struct limit_verdict *ret)
{
	const struct limit_finding limit = {
	    .max = ledger->limits.asks_per_hour, .within_us = GK_US_PER_HOUR};
	int64_t live = 0;
	struct key key;

	memset(ret, 0, sizeof(*ret));
	if (limit.max <= 0) {
		return false;
	}
	ret->charge = (struct charge){.kind = CHARGE_ASK,
	    .rule = "approval_flood",
	    .key = agent,
	    .per = SCOPE_AGENT,
	    .within_ms = limit.within_us / 1000};
	key_of(&ret->charge, tenant, NULL, NULL, &key);
	check_repeat(counter_find(ledger, &key), &limit, now_us, &live, ret);
	return true;
}

static enum gk_rc
counter_new(struct ledger *ledger, struct run *run, const struct charge *charge,
    const struct key *key, uint64_t seq, struct counter **ret,
    struct gk_err *err)
{
	struct counter *counter = calloc(1, sizeof(*counter));
	char *text = malloc(key->n + 1);

	if (counter == NULL || text == NULL) {
		free(counter);
		free(text);
		return GK_FAIL(err, GK_E_NOMEM, "counter");
	}
	memcpy(text, key->bytes, key->n);
	counter->key = text;
	counter->key_n = key->n;
	counter->kind = charge->kind;
	counter->per = charge->per;
	counter->due = (struct due_node){
	    .kind = DUE_COUNTER, .owner = counter, .tie = seq};
	if (charge->per == SCOPE_RUN) {
		counter->run = run;
		counter->next_in_run = run->counters;
		run->counters = counter;
	}
	counter->snapshot = snapshot_number(ledger);
	counter->prev = ledger->last_counter;
	*(counter->prev == NULL ? &ledger->first_counter
				: &counter->prev->next) = counter;
	ledger->last_counter = counter;
	*ret = counter;
	return gk_map_set(
	    &ledger->counters, counter->key, counter->key_n, counter, err);
}

void
counter_free(struct ledger *ledger, struct counter *counter)
{
	due_drop(&ledger->fading, &counter->due);
	snapshot_forget_counter(ledger, counter);
	*(counter->prev == NULL ? &ledger->first_counter
				: &counter->prev->next) = counter->next;
	*(counter->next == NULL ? &ledger->last_counter
				: &counter->next->prev) = counter->prev;
	if (counter->run != NULL) {
		struct counter **at = &counter->run->counters;

		while (*at != counter) {
			at = &(*at)->next_in_run;
		}
		*at = counter->next_in_run;
	}
	(void)gk_map_remove(&ledger->counters, counter->key, counter->key_n);
	free(counter->key);
	free(counter->times_us);
	free(counter);
}

/* One more time of a repeat; those that have aged out leave. */
static enum gk_rc
repeat_add(struct counter *counter, int64_t within_us, int64_t now_us,
    struct gk_err *err)
{
	size_t old = 0;

	counter->within_us = within_us;
	while (old < counter->time_count &&
	       counter->times_us[old] + within_us <= now_us) {
		old++;
	}
	counter->time_count -= old;
	if (old > 0) {
		memmove(counter->times_us, counter->times_us + old,
		    counter->time_count * sizeof(int64_t));
	}
	if (counter->time_count == counter->time_room) {
		size_t room =
		    counter->time_room == 0 ? 4 : counter->time_room * 2;
		int64_t *times =
		    realloc(counter->times_us, room * sizeof(int64_t));

		if (times == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "counter");
		}
		counter->times_us = times;
		counter->time_room = room;
	}
	counter->times_us[counter->time_count++] = now_us;
	return GK_OK;
}

/* When does it cease to count?  0: not by time. */
static int64_t
counter_end(const struct counter *counter)
{
	switch (counter->kind) {
	case CHARGE_RATE:
		return counter->tat_ns / 1000 + 1;
	case CHARGE_REPEAT:
	case CHARGE_ASK:
		return counter->times_us[counter->time_count - 1] +
		       counter->within_us;
	case CHARGE_BUDGET:
		return counter->window_end_us;
	default:
		return 0;
	}
}

enum gk_rc
counter_apply(struct ledger *ledger, struct run *run,
    const struct charge *charge, const struct event *event, struct gk_err *err)
{
	struct counter *counter;
	struct key key;
	int64_t end;

	if (charge->per == SCOPE_RUN && run == NULL) {
		return LEDGER_CORRUPT(err, event, "a charge on no run");
	}
	if (charge->kind == CHARGE_BUDGET && charge->window_end_us != 0 &&
	    charge->window_end_us <= event->timestamp_us) {
		return GK_OK; /* its window is over; nothing counts it any more */
	}
	key_of(
	    charge, event->tenant_id, event->run_id, event->action_key, &key);
	counter = gk_map_get(&ledger->counters, key.bytes, key.n);
	if (counter == NULL) {
		GK_TRY(counter_new(
		    ledger, run, charge, &key, event->seq, &counter, err));
	}
	GK_TRY(snapshot_save_counter(ledger, counter, err));
	switch (charge->kind) {
	case CHARGE_RATE:
		counter->tat_ns = charge->tat_ns;
		break;
	case CHARGE_COUNT:
		counter->count = charge->count;
		break;
	case CHARGE_REPEAT:
	case CHARGE_ASK:
		GK_TRY(repeat_add(counter, charge->within_ms * 1000,
		    event->timestamp_us, err));
		break;
	case CHARGE_BUDGET:
		counter->used_micros =
		    add_capped(counter->used_micros, charge->micros);
		counter->window_end_us = charge->window_end_us;
		if (charge->reached > counter->reached) {
			counter->reached = charge->reached;
		}
		break;
	default:
		return LEDGER_CORRUPT(err, event, "an unknown kind of charge");
	}
	end = counter_end(counter);
	return end == 0 ? GK_OK
			: due_set(&ledger->fading, &counter->due, end, err);
}

enum gk_rc
counter_load(struct ledger *ledger, struct counter *from, struct gk_err *err)
{
	struct charge charge = {.kind = from->kind, .per = from->per};
	struct counter *made;
	struct key key;
	int64_t end;
	enum gk_rc rc;

	key.n = from->key_n <= sizeof(key.bytes) ? from->key_n : 0;
	memcpy(key.bytes, from->key, key.n);
	rc = counter_new(ledger, from->run, &charge, &key,
	    ledger->next_seq + ledger->counters.count, &made, err);
	if (rc != GK_OK) {
		free(from->times_us);
		return rc;
	}
	made->tat_ns = from->tat_ns;
	made->count = from->count;
	made->used_micros = from->used_micros;
	made->reached = from->reached;
	made->window_end_us = from->window_end_us;
	made->within_us = from->within_us;
	made->times_us = from->times_us;
	made->time_count = from->time_count;
	made->time_room = from->time_room;
	end = counter_end(made);
	return end == 0 ? GK_OK
			: due_set(&ledger->fading, &made->due, end, err);
}

enum gk_rc
counter_fade(struct ledger *ledger, int64_t now_us, struct gk_err *err)
{
	struct due_node *node;

	while ((node = due_first(&ledger->fading)) != NULL &&
	       node->when_us <= now_us) {
		GK_TRY(snapshot_save_counter(ledger, node->owner, err));
		counter_free(ledger, node->owner);
	}
	return GK_OK;
}
