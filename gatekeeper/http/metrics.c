/* The http room's metrics in the Prometheus text format: counts of all loops, summed. */
#include <inttypes.h>

#include "http/http_internal.h"

/* One counter over all loops; offset is its place in struct http_counts. */
static uint64_t
metrics_sum(const struct http *http, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < http->loop_count; i++) {
		const char *counts = (const char *)&http->loops[i].counts;
		const void *count = counts + offset;

		sum += atomic_load_explicit(
		    (const atomic_uint_fast64_t *)count, memory_order_relaxed);
	}
	return sum;
}

static enum gk_rc
metrics_head(const char *name, const char *type, const char *help,
    struct gk_buf *buf, struct gk_err *err)
{
	return gk_buf_printf(
	    buf, err, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static enum gk_rc
metrics_value(const char *name, const char *type, const char *help,
    uint64_t value, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(metrics_head(name, type, help, buf, err));
	return gk_buf_printf(buf, err, "%s %" PRIu64 "\n", name, value);
}

/* One route's answers by hundreds of the status; route ROUTE_COUNT: none. */
static enum gk_rc
metrics_route(const struct http *http, size_t route, struct gk_buf *buf,
    struct gk_err *err)
{
	const struct route *known =
	    route < ROUTE_COUNT ? &routes_table[route] : NULL;
	const char *method =
	    known == NULL ? "" : routes_method_words[known->method];
	const char *path = known == NULL ? "none" : known->path;

	for (size_t status = 2; status < HTTP_STATUS_CLASSES; status++) {
		size_t at = offsetof(struct http_counts, answers) +
			    (route * HTTP_STATUS_CLASSES + status) *
				sizeof(atomic_uint_fast64_t);

		GK_TRY(gk_buf_printf(buf, err,
		    "gatekeeper_http_requests_total{route=\"%s%s%s\","
		    "status=\"%zuxx\"} %" PRIu64 "\n",
		    method, known == NULL ? "" : " ", path, status,
		    metrics_sum(http, at)));
	}
	return GK_OK;
}

static enum gk_rc
metrics_routes(const struct http *http, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(metrics_head("gatekeeper_http_requests_total", "counter",
	    "Answers by route and class of status.", buf, err));
	for (size_t route = 0; route <= ROUTE_COUNT; route++) {
		GK_TRY(metrics_route(http, route, buf, err));
	}
	return GK_OK;
}

static enum gk_rc
metrics_counters(
    const struct http *http, struct gk_buf *buf, struct gk_err *err)
{
	static const struct {
		size_t offset;
		const char *name, *type, *help;
	} counters[] = {
#define METRIC(member, type_, name_, help_) \
	{offsetof(struct http_counts, member), (name_), #type_, (help_)},
#include "http/metrics.def"
#undef METRIC
	};

	for (size_t i = 0; i < GK_COUNT(counters); i++) {
		GK_TRY(metrics_value(counters[i].name, counters[i].type,
		    counters[i].help, metrics_sum(http, counters[i].offset),
		    buf, err));
	}
	return GK_OK;
}

enum gk_rc
http_metrics(const struct http *http, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(metrics_routes(http, buf, err));
	GK_TRY(metrics_counters(http, buf, err));
	GK_TRY(metrics_value("gatekeeper_http_connections", "gauge",
	    "Open connections, without the admin socket's.",
	    atomic_load(&http->connections), buf, err));
	GK_TRY(metrics_value("gatekeeper_http_requests_in_flight", "gauge",
	    "Calls begun and not answered.", atomic_load(&http->in_flight), buf,
	    err));
	return metrics_value("gatekeeper_http_streams", "gauge",
	    "Open NDJSON streams.", atomic_load(&http->streams), buf, err);
}
