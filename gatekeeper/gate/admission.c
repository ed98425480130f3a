/* Who calls too often, who failed to sign in, who reads: counted in memory, recorded in few events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/gate_internal.h"

enum {
	BUCKETS_MAX = 65536,
	ACCESSES_MAX = 4096,
	ACCESS_KEY_MAX = 512,
	HASHES_PER_HOUR = 60,
};

#define ACCESS_EVERY_US (10 * GK_US_PER_MIN)

enum gk_rc
gate__admission_init(struct gate_admission *admission, struct gk_err *err)
{
	return pthread_mutex_init(&admission->lock, NULL) == 0
		   ? GK_OK
		   : GK_FAIL(err, GK_E_NOMEM, "a lock");
}

static void
free_values(struct gk_map *map)
{
	void *value;

	for (size_t at = 0; (value = gk_map_next(map, &at)) != NULL;) {
		free(value);
	}
	gk_map_done(map);
	memset(map, 0, sizeof(*map));
}

void
gate__admission_done(struct gate_admission *admission)
{
	free_values(&admission->buckets);
	(void)pthread_mutex_destroy(&admission->lock);
}

/* Under lock; NULL when memory ran out. */
static struct gate_bucket *
bucket_of(struct gate_admission *admission, const char *id)
{
	size_t n = strlen(id);
	struct gate_bucket *bucket = gk_map_get(&admission->buckets, id, n);

	if (bucket != NULL) {
		return bucket;
	}
	if (admission->buckets.count >= BUCKETS_MAX) {
		free_values(&admission->buckets);
	}
	bucket = calloc(1, sizeof(*bucket) + n + 1);
	if (bucket == NULL) {
		return NULL;
	}
	memcpy(bucket->id, id, n);
	if (gk_map_set(&admission->buckets, bucket->id, n, bucket, NULL) !=
	    GK_OK) {
		free(bucket);
		return NULL;
	}
	return bucket;
}

/* GCRA: may one more come now?  *tat_us is the theoretical arrival time. */
static bool
conforms(int64_t *tat_us, int64_t now_us, int64_t interval_us, int64_t burst,
    int64_t *ret_retry_ms)
{
	int64_t tat = *tat_us > now_us ? *tat_us : now_us;
	int64_t early = tat - now_us - interval_us * (burst - 1);

	if (early > 0) {
		*ret_retry_ms = early / GK_US_PER_MS + 1;
		return false;
	}
	*tat_us = tat + interval_us;
	return true;
}

bool
gate__admit(struct gate *gate, const char *identity, int64_t *ret_retry_ms)
{
	struct gate_admission *admission = &gate->admission;
	int64_t now = gate__now(gate), rate = gate->options.admission_per_s;
	struct gate_bucket *bucket;
	bool yes = false;

	if (rate <= 0) {
		return true;
	}
	*ret_retry_ms = 1;
	pthread_mutex_lock(&admission->lock);
	bucket = bucket_of(admission, identity);
	if (bucket != NULL) {
		yes = conforms(&bucket->tat_us, now, GK_US_PER_S / rate,
		    gate->options.admission_burst, ret_retry_ms);
		if (!yes && bucket->refused++ == 0) {
			bucket->since_us = now;
		}
	}
	pthread_mutex_unlock(&admission->lock);
	*ret_retry_ms = yes ? 0 : *ret_retry_ms;
	return yes;
}

bool
gate__admit_hash(struct gate *gate, int64_t *ret_retry_ms)
{
	bool yes;

	pthread_mutex_lock(&gate->admission.lock);
	yes = conforms(&gate->admission.hash_tat_us, gate__now(gate),
	    GK_US_PER_HOUR / HASHES_PER_HOUR, HASHES_PER_HOUR, ret_retry_ms);
	pthread_mutex_unlock(&gate->admission.lock);
	return yes;
}

void
gate_sign_in_failed(struct gate *gate)
{
	struct gate_admission *admission = &gate->admission;

	metrics_count(&gate->metrics.sign_ins_failed, 1);
	pthread_mutex_lock(&admission->lock);
	if (admission->sign_ins++ == 0) {
		admission->sign_ins_since_us = gate__now(gate);
	}
	pthread_mutex_unlock(&admission->lock);
}

/* ---- gap events ---- */

static enum gk_rc
record_gap(struct gate *gate, const char *what, const char *identity,
    int64_t since_us, int64_t count, struct gk_err *err)
{
	struct event_gap gap = {.what = what,
	    .identity = identity,
	    .since_us = since_us,
	    .count = count};
	struct event event = {
	    .kind = EVENT_GAP, .caller = "gatekeeper", .gap = &gap};

	return gate__record_event(gate, &event, NULL, 0, NULL, err);
}

static bool
is_due(int64_t count, int64_t since_us, int64_t now_us, bool all)
{
	return count > 0 && (all || now_us - since_us >= GK_US_PER_MIN);
}

/* Take one bucket's count that is due; false: none is.  Names are copied out of the lock. */
static bool
take_refused(struct gate *gate, bool all, struct gate_bucket *ret,
    char ret_id[static 160])
{
	struct gate_admission *admission = &gate->admission;
	int64_t now = gate__now(gate);
	struct gate_bucket *bucket;
	bool found = false;

	pthread_mutex_lock(&admission->lock);
	for (size_t at = 0; !found && (bucket = gk_map_next(&admission->buckets,
					   &at)) != NULL;) {
		if (is_due(bucket->refused, bucket->since_us, now, all)) {
			ret->refused = bucket->refused;
			ret->since_us = bucket->since_us;
			(void)snprintf(ret_id, 160, "%s", bucket->id);
			bucket->refused = 0;
			found = true;
		}
	}
	pthread_mutex_unlock(&admission->lock);
	return found;
}

enum gk_rc
gate__gaps_flush(struct gate *gate, bool all, struct gk_err *err)
{
	struct gate_admission *admission = &gate->admission;
	struct gate_bucket taken;
	char id[160];
	int64_t count = 0, since;

	while (take_refused(gate, all, &taken, id)) {
		GK_TRY(record_gap(
		    gate, "admission", id, taken.since_us, taken.refused, err));
	}
	pthread_mutex_lock(&admission->lock);
	since = admission->sign_ins_since_us;
	if (is_due(admission->sign_ins, since, gate__now(gate), all)) {
		count = admission->sign_ins;
		admission->sign_ins = 0;
	}
	pthread_mutex_unlock(&admission->lock);
	return count == 0
		   ? GK_OK
		   : record_gap(gate, "sign_in", NULL, since, count, err);
}

/* ---- access events ---- */

struct access {
	int64_t at_us;
	char key[];
};

/* The names of what was asked, not the values: one shape of a query. */
static size_t
shape_of(
    const struct gate_call *call, const char *what, char ret[ACCESS_KEY_MAX])
{
	int n = snprintf(ret, ACCESS_KEY_MAX, "%s %s", call->caller->id, what);

	for (size_t i = 0; i < call->param_count && n < ACCESS_KEY_MAX; i++) {
		if (strcmp(call->params[i].name, "cursor") != 0) {
			n += snprintf(ret + n, (size_t)(ACCESS_KEY_MAX - n),
			    " %s", call->params[i].name);
		}
	}
	return n < ACCESS_KEY_MAX ? (size_t)n : ACCESS_KEY_MAX - 1;
}

/* Was the same recorded within ten minutes?  Notes it else. */
static bool
is_fresh(struct gate *gate, const char *key, size_t n)
{
	struct access *access = gk_map_get(&gate->accesses, key, n);
	int64_t now = gate__now(gate);

	if (access != NULL) {
		bool fresh = now - access->at_us < ACCESS_EVERY_US;

		access->at_us = fresh ? access->at_us : now;
		return fresh;
	}
	if (gate->accesses.count >= ACCESSES_MAX) {
		free_values(&gate->accesses);
	}
	access = calloc(1, sizeof(*access) + n + 1);
	if (access == NULL) {
		return false;
	}
	access->at_us = now;
	memcpy(access->key, key, n);
	if (gk_map_set(&gate->accesses, access->key, n, access, NULL) !=
	    GK_OK) {
		free(access);
	}
	return false;
}

enum gk_rc
gate__note_access(struct gate *gate, const struct gate_call *call,
    const char *what, bool always, struct gk_err *err)
{
	GK_AUTO(gate__keys_wipe) struct gate_hash_keys keys = {.count = 0};
	char key[ACCESS_KEY_MAX], hash[GATE_HASH_BYTES];
	size_t n = shape_of(call, what, key);
	struct event_access access = {.what = what, .query_hash = hash};
	struct event event = {.kind = EVENT_ACCESS,
	    .caller = call->caller->id,
	    .access = &access};

	if (!always && is_fresh(gate, key, n)) {
		return GK_OK;
	}
	gate__keys_copy(gate, &keys);
	hash_text(&keys.keys[0], "gatekeeper/query/v1", key, n, hash);
	return gate__record_event(gate, &event, NULL, 0, NULL, err);
}

void
gate__accesses_done(struct gate *gate)
{
	free_values(&gate->accesses);
}
