/* What has been charged, for people to see, and which hash keys that needs. */
#include <string.h>

#include "ledger/ledger_internal.h"

/* The next part of a key; "" behind the last one. */
static const char *
part(const struct counter *counter, size_t *at)
{
	const char *text = counter->key + *at;

	if (*at >= counter->key_n) {
		return "";
	}
	*at += strnlen(text, counter->key_n - *at) + 1;
	return text;
}

static int64_t
live(const struct counter *counter, int64_t now_us)
{
	int64_t n = 0;

	for (size_t i = counter->time_count; i > 0; i--) {
		if (counter->times_us[i - 1] + counter->within_us <= now_us) {
			break;
		}
		n++;
	}
	return n;
}

/* A key's parts: see counter.c.  The last one's 0x00 ends the key, so each is a string. */
static struct counter_view
view_of(const struct counter *counter, int64_t now_us)
{
	struct counter_view view = {.kind = counter->kind,
	    .per = counter->per,
	    .subject = "",
	    .unit = "",
	    .tenant = "",
	    .run_id = "",
	    .count =
		counter->kind == CHARGE_REPEAT || counter->kind == CHARGE_ASK
		    ? live(counter, now_us)
		    : counter->count,
	    .used_micros = counter->used_micros,
	    .window_end_us = counter->window_end_us,
	    .tat_ns = counter->tat_ns};
	size_t at = 0;

	(void)part(counter, &at); /* kind and scope */
	view.rule = part(counter, &at);
	if (counter->per == SCOPE_RUN) {
		view.tenant = part(counter, &at);
		view.run_id = part(counter, &at);
	} else {
		view.subject = part(counter, &at);
	}
	if (counter->kind == CHARGE_BUDGET) {
		view.unit = part(counter, &at);
	}
	if (counter->kind == CHARGE_ASK) {
		view.tenant = part(counter, &at);
	}
	return view;
}

bool
ledger_counters(const struct ledger *ledger, int64_t now_us, size_t max,
    void (*each)(void *ctx, const struct counter_view *view), void *ctx)
{
	const struct counter *counter = ledger->last_counter;

	for (size_t n = 0; counter != NULL && n < max; n++) {
		if (counter_counts(counter, now_us)) {
			struct counter_view view = view_of(counter, now_us);

			each(ctx, &view);
		}
		counter = counter->prev;
	}
	return counter != NULL;
}

int64_t
counter_hash_key(const struct counter *counter)
{
	const char *at = counter->key, *end = counter->key + counter->key_n;

	if (counter->kind != CHARGE_REPEAT || counter->key_n < 2) {
		return 0;
	}
	end--; /* the last part's 0x00 */
	while (end > at && end[-1] != '\0') {
		end--;
	}
	return event_key_of(end);
}

int64_t
counter_subject_key(const struct counter *counter)
{
	const char *subject;
	size_t at = 0;

	if (counter->per != SCOPE_ACTOR) {
		return 0;
	}
	(void)part(counter, &at); /* kind and scope */
	(void)part(counter, &at); /* rule */
	subject = part(counter, &at);
	return name_is_pseudonym(subject) ? event_key_of(subject) : 0;
}
