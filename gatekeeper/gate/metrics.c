/* Counters, gauges and histograms, and their Prometheus text. */
#include "gate/gate_internal.h"

void
metrics_count(_Atomic uint64_t *counter, uint64_t n)
{
	(void)atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void
metrics_set(_Atomic uint64_t *gauge, uint64_t value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed);
}

void
metrics_observe(struct gate_histogram *histogram, int64_t value, int64_t first)
{
	int64_t bound = first;
	size_t i = 0;

	for (; i + 1 < METRICS_BUCKETS && value > bound; i++) {
		bound *= 2;
	}
	metrics_count(&histogram->buckets[i], 1);
	metrics_count(&histogram->count, 1);
	metrics_count(&histogram->sum, value < 0 ? 0 : (uint64_t)value);
}

static uint64_t
get(const _Atomic uint64_t *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

static enum gk_rc
head(struct gk_buf *buf, const char *name, const char *type, const char *help,
    struct gk_err *err)
{
	return gk_buf_printf(
	    buf, err, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static enum gk_rc
number(struct gk_buf *buf, const char *name, const char *type, const char *help,
    uint64_t value, struct gk_err *err)
{
	GK_TRY(head(buf, name, type, help, err));
	return gk_buf_printf(
	    buf, err, "%s %llu\n", name, (unsigned long long)value);
}

/* Bounds and sum are divided by unit: 1 for plain numbers, 10^6 for microseconds as seconds. */
static enum gk_rc
histogram(struct gk_buf *buf, const char *name, const char *help,
    const struct gate_histogram *histogram, int64_t first, double unit,
    struct gk_err *err)
{
	uint64_t total = 0;
	int64_t bound = first;

	GK_TRY(head(buf, name, "histogram", help, err));
	for (size_t i = 0; i + 1 < METRICS_BUCKETS; i++, bound *= 2) {
		total += get(&histogram->buckets[i]);
		GK_TRY(gk_buf_printf(buf, err, "%s_bucket{le=\"%.6g\"} %llu\n",
		    name, (double)bound / unit, (unsigned long long)total));
	}
	total += get(&histogram->buckets[METRICS_BUCKETS - 1]);
	GK_TRY(gk_buf_printf(buf, err,
	    "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name,
	    (unsigned long long)total, name,
	    (double)get(&histogram->sum) / unit, name,
	    (unsigned long long)total));
	return GK_OK;
}

static enum gk_rc
decisions(
    const struct gate_metrics *metrics, struct gk_buf *buf, struct gk_err *err)
{
	static const char name[] = "gatekeeper_decisions_total";

	GK_TRY(head(buf, name, "counter",
	    "Decisions recorded, by what was said and which layer said it.",
	    err));
	for (int d = 0; d < DECISION_COUNT; d++) {
		for (int l = LAYER_NONE + 1; l < LAYER_COUNT; l++) {
			uint64_t n = get(&metrics->decisions[d][l]);

			if (n > 0) {
				GK_TRY(gk_buf_printf(buf, err,
				    "%s{decision=\"%s\",layer=\"%s\"} %llu\n",
				    name, decision_words[d], layer_words[l],
				    (unsigned long long)n));
			}
		}
	}
	return GK_OK;
}

static enum gk_rc
shadow(
    const struct gate_metrics *metrics, struct gk_buf *buf, struct gk_err *err)
{
	static const char name[] = "gatekeeper_shadow_total";

	GK_TRY(head(buf, name, "counter",
	    "What rules in mode shadow would have said, by layer.", err));
	for (int s = 0; s < SHADOW_COUNT; s++) {
		for (int l = LAYER_NONE + 1; l < LAYER_COUNT; l++) {
			uint64_t n = get(&metrics->shadow[s][l]);

			if (n > 0) {
				GK_TRY(gk_buf_printf(buf, err,
				    "%s{layer=\"%s\",would=\"%s\"} %llu\n",
				    name, layer_words[l], shadow_words[s],
				    (unsigned long long)n));
			}
		}
	}
	return GK_OK;
}

static enum gk_rc
queue(struct gate *gate, struct gk_buf *buf, struct gk_err *err)
{
	static const char *const lanes[LANE_COUNT] = {
	    [LANE_NORMAL] = "normal",
	    [LANE_CONTROL] = "control",
	    [LANE_READ] = "read",
	};
	size_t counts[LANE_COUNT];

	pthread_mutex_lock(&gate->queue.lock);
	for (int i = 0; i < LANE_COUNT; i++) {
		counts[i] = gate->queue.lanes[i].count;
	}
	pthread_mutex_unlock(&gate->queue.lock);
	GK_TRY(head(buf, "gatekeeper_queue_calls", "gauge",
	    "Calls that wait for the commit thread or a reader, by lane.",
	    err));
	for (int i = 0; i < LANE_COUNT; i++) {
		GK_TRY(gk_buf_printf(buf, err,
		    "gatekeeper_queue_calls{lane=\"%s\"} %zu\n", lanes[i],
		    counts[i]));
	}
	return GK_OK;
}

enum gk_rc
gate_metrics(struct gate *gate, struct gk_buf *buf, struct gk_err *err)
{
	const struct gate_metrics *metrics = &gate->metrics;

	gate__index_metrics(gate);
	metrics_set(&gate->metrics.streams, atomic_load(&gate->herald.streams));
#define GATE_COUNTER(member, name, help) \
	GK_TRY(number(buf, name, "counter", help, get(&metrics->member), err));
#define GATE_GAUGE(member, name, help) \
	GK_TRY(number(buf, name, "gauge", help, get(&metrics->member), err));
#include "gate/metrics.def"
#undef GATE_COUNTER
#undef GATE_GAUGE
	GK_TRY(decisions(metrics, buf, err));
	GK_TRY(shadow(metrics, buf, err));
	GK_TRY(queue(gate, buf, err));
	GK_TRY(gate__witness_metrics(gate, buf, err));
	GK_TRY(histogram(buf, "gatekeeper_commit_duration_seconds",
	    "How long one COMMIT took.", &metrics->commit_us, METRICS_FIRST_US,
	    1e6, err));
	return histogram(buf, "gatekeeper_batch_calls",
	    "Calls that shared one COMMIT.", &metrics->batch, 1, 1, err);
}
