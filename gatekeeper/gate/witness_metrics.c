/* The witnesses in numbers: how far each has cosigned, when, and how often it did not. */
#include <stddef.h>

#include "gate/witness_internal.h"

/* A name may hold any bytes but blanks; a label's quotes end it. */
static enum gk_rc
print_label(struct gk_buf *buf, const char *name, struct gk_err *err)
{
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\') {
			GK_TRY(gk_buf_putc(buf, '\\', err));
		}
		GK_TRY(gk_buf_putc(buf, *name, err));
	}
	return GK_OK;
}

static enum gk_rc
print_metric(const struct gate_witnesses *all, const char *name,
    const char *type, const char *help, size_t offset, struct gk_buf *buf,
    struct gk_err *err)
{
	GK_TRY(gk_buf_printf(
	    buf, err, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type));
	for (size_t i = 0; i < all->count; i++) {
		const char *at = (const char *)&all->list[i] + offset;
		const void *number = at;

		GK_TRY(gk_buf_printf(buf, err, "%s{witness=\"", name));
		GK_TRY(print_label(buf, all->list[i].trust->name, err));
		GK_TRY(gk_buf_printf(buf, err, "\"} %llu\n",
		    (unsigned long long)atomic_load_explicit(
			(const _Atomic uint64_t *)number,
			memory_order_relaxed)));
	}
	return GK_OK;
}

enum gk_rc
gate__witness_metrics(
    const struct gate *gate, struct gk_buf *buf, struct gk_err *err)
{
	const struct gate_witnesses *all = gate->witnesses;

	if (all == NULL) {
		return GK_OK;
	}
	GK_TRY(gk_buf_printf(buf, err,
	    "# HELP gatekeeper_witnessed_events Events under the last head "
	    "that a quorum of witnesses cosigned since the start.\n"
	    "# TYPE gatekeeper_witnessed_events gauge\n"
	    "gatekeeper_witnessed_events %llu\n",
	    (unsigned long long)atomic_load_explicit(
		&all->size, memory_order_relaxed)));
	GK_TRY(print_metric(all, "gatekeeper_witness_events", "gauge",
	    "Events under the last head that the witness cosigned.",
	    offsetof(struct gate_witness, cosigned_size), buf, err));
	GK_TRY(print_metric(all, "gatekeeper_witness_cosigned_seconds", "gauge",
	    "When it did, by its own clock, in seconds since 1970.",
	    offsetof(struct gate_witness, cosigned_s), buf, err));
	return print_metric(all, "gatekeeper_witness_failures_total", "counter",
	    "Times the witness was asked and didn't cosign.",
	    offsetof(struct gate_witness, failures), buf, err);
}
