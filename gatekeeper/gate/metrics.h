#ifndef GK_GATE_METRICS_H
#define GK_GATE_METRICS_H
/* Numbers about the gate that any thread may count up and any thread may read. */

#include <stdatomic.h>
#include <stdint.h>

#include "model/names.h"

/* Upper bounds in microseconds: 250, 500 … doubling; the last is infinite. */
#define METRICS_BUCKETS  14
#define METRICS_FIRST_US INT64_C(250)

struct gate_histogram {
	_Atomic uint64_t buckets[METRICS_BUCKETS];
	_Atomic uint64_t sum;
	_Atomic uint64_t count;
};

struct gate_metrics {
#define GATE_COUNTER(member, name, help) _Atomic uint64_t member;
#define GATE_GAUGE(member, name, help)   _Atomic uint64_t member;
#include "gate/metrics.def"
#undef GATE_COUNTER
#undef GATE_GAUGE
	_Atomic uint64_t decisions[DECISION_COUNT][LAYER_COUNT];
	_Atomic uint64_t shadow[SHADOW_COUNT][LAYER_COUNT];
	struct gate_histogram commit_us;
	struct gate_histogram batch; /* calls; bounds 1, 2, 4 … */
};

void metrics_count(_Atomic uint64_t *counter, uint64_t n);
void metrics_set(_Atomic uint64_t *gauge, uint64_t value);
void metrics_observe(
    struct gate_histogram *histogram, int64_t value, int64_t first);

#endif
