/* Keeps the keys of the issuer that people sign in by: from a file, or fetched by a thread of its own. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "http/http.h"
#include "main/main_internal.h"
#include "out/out.h"

#define KEYS_BYTES_MAX ((size_t)256 << 10)
#define FETCH_MS       10000
#define WANTED_EVERY_S \
	60 /* a stranger's tokens don't make us fetch more often */
#define RETRY_S         30 /* after a failed fetch */
#define FETCH_STATUS_OK 200

struct sign_in {
	const struct config *config;
	struct http *http;
	struct out *out; /* NULL: the keys are in a file */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool wanted, ends; /* under lock */
	bool running;
	pthread_t thread;
};

/* From a thread of http: one look at a flag, and no waiting. */
static void
want(void *ctx)
{
	struct sign_in *sign_in = ctx;

	(void)pthread_mutex_lock(&sign_in->lock);
	sign_in->wanted = true;
	(void)pthread_cond_signal(&sign_in->wake);
	(void)pthread_mutex_unlock(&sign_in->lock);
}

enum gk_rc
sign_in_new(const struct config *config, struct http_sign_in *ret_options,
    struct sign_in **ret, struct gk_err *err)
{
	const struct out_options out = {.ca_file = config->sign_in_ca_file,
	    .connect_ms = FETCH_MS,
	    .total_ms = FETCH_MS};
	struct sign_in *sign_in;
	pthread_condattr_t monotonic;

	if (config->sign_in_issuer == NULL || !config->console) {
		return GK_OK;
	}
	sign_in = calloc(1, sizeof(*sign_in));
	if (sign_in == NULL || pthread_condattr_init(&monotonic) != 0) {
		free(sign_in);
		return GK_FAIL(err, GK_E_NOMEM, "no memory for sign_in");
	}
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&sign_in->lock, NULL);
	(void)pthread_cond_init(&sign_in->wake, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	sign_in->config = config;
	*ret = sign_in;
	*ret_options = (struct http_sign_in){.issuer = config->sign_in_issuer,
	    .audience = config->sign_in_audience,
	    .claim = config->sign_in_claim,
	    .header = config->sign_in_header,
	    .algorithms = config->sign_in_algorithms.items,
	    .algorithm_count = config->sign_in_algorithms.count,
	    .keys_wanted = want,
	    .keys_ctx = sign_in};
	return config->sign_in_jwks_url == NULL
		   ? GK_OK
		   : out_open(&out, &sign_in->out, err);
}

static enum gk_rc
read_keys(struct sign_in *sign_in, struct gk_err *err)
{
	const char *path = sign_in->config->sign_in_jwks_file;
	GK_AUTO(gk_buf_done) struct gk_buf keys = {.cap = KEYS_BYTES_MAX};
	enum gk_rc rc = cli_read_file(path, &keys, err);

	if (rc == GK_OK) {
		rc = http_set_keys(
		    sign_in->http, gk_buf_text(&keys), keys.len, err);
	}
	if (rc != GK_OK) {
		gk_err_where(err, "%s", path);
	}
	return rc;
}

static enum gk_rc
fetch_keys(struct sign_in *sign_in, struct gk_err *err)
{
	static const struct out_header accept = {
	    "Accept", "application/jwk-set+json, application/json"};
	const struct out_request request = {
	    .url = sign_in->config->sign_in_jwks_url,
	    .headers = &accept,
	    .header_count = 1};
	GK_AUTO(gk_buf_done) struct gk_buf keys = {.cap = KEYS_BYTES_MAX};
	struct out_answer answer;

	GK_TRY(out_send(sign_in->out, &request, &answer, &keys, err));
	if (answer.status != FETCH_STATUS_OK) {
		return GK_FAIL(err, GK_E_IO, "answered HTTP %d", answer.status);
	}
	return http_set_keys(sign_in->http, gk_buf_text(&keys), keys.len, err);
}

/* Until somebody wants keys and `least` seconds are over, or `most` are; false: the end. */
static bool
rest(struct sign_in *sign_in, int64_t least, int64_t most)
{
	struct timespec now, until;
	bool ends;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	until = now;
	(void)pthread_mutex_lock(&sign_in->lock);
	while (!sign_in->ends) {
		until.tv_sec = now.tv_sec + (sign_in->wanted ? least : most);
		if (pthread_cond_timedwait(
			&sign_in->wake, &sign_in->lock, &until) != 0) {
			break; /* time is up */
		}
	}
	sign_in->wanted = false;
	ends = sign_in->ends;
	(void)pthread_mutex_unlock(&sign_in->lock);
	return !ends;
}

static void *
keep(void *ctx)
{
	struct sign_in *sign_in = ctx;
	const int64_t refresh =
	    sign_in->config->sign_in_refresh_us / GK_US_PER_S;
	bool known = false;
	int64_t most;

	do {
		struct gk_err err = {0};
		enum gk_rc rc = fetch_keys(sign_in, &err);

		if (rc != GK_OK && err.rc != GK_E_BUSY) {
			gk_log(GK_LOG_WARN, "sign_in_keys",
			    "sign_in.jwks_url: %s%s", err.text,
			    known ? "; the old keys go on" : "");
		} else if (rc == GK_OK && !known) {
			known = true;
			gk_log(GK_LOG_INFO, "sign_in_keys", "fetched from %s",
			    sign_in->config->sign_in_jwks_url);
		}
		most = rc == GK_OK || refresh < RETRY_S ? refresh : RETRY_S;
	} while (
	    rest(sign_in, most < WANTED_EVERY_S ? most : WANTED_EVERY_S, most));
	return NULL;
}

enum gk_rc
sign_in_start(struct sign_in *sign_in, struct http *http, struct gk_err *err)
{
	if (sign_in == NULL) {
		return GK_OK;
	}
	sign_in->http = http;
	if (sign_in->out == NULL) {
		return read_keys(sign_in, err);
	}
	if (pthread_create(&sign_in->thread, NULL, keep, sign_in) != 0) {
		return GK_FAIL(
		    err, GK_E_NOMEM, "no thread for sign_in.jwks_url");
	}
	sign_in->running = true;
	return GK_OK;
}

void
sign_in_reload(struct sign_in *sign_in)
{
	struct gk_err err = {0};

	if (sign_in == NULL) {
		return;
	}
	if (sign_in->out != NULL) {
		want(sign_in);
	} else if (read_keys(sign_in, &err) != GK_OK) {
		gk_log(GK_LOG_ERROR, "sign_in_keys",
		    "%s: %s; the old keys go on", err.where, err.text);
	} else {
		gk_log(GK_LOG_INFO, "sign_in_keys", "read %s",
		    sign_in->config->sign_in_jwks_file);
	}
}

void
sign_in_stop(struct sign_in *sign_in)
{
	if (sign_in == NULL || !sign_in->running) {
		return;
	}
	(void)pthread_mutex_lock(&sign_in->lock);
	sign_in->ends = true;
	(void)pthread_cond_signal(&sign_in->wake);
	(void)pthread_mutex_unlock(&sign_in->lock);
	out_stop(sign_in->out);
	(void)pthread_join(sign_in->thread, NULL);
	sign_in->running = false;
}

void
sign_in_free(struct sign_in *sign_in)
{
	if (sign_in == NULL) {
		return;
	}
	out_close(sign_in->out);
	(void)pthread_cond_destroy(&sign_in->wake);
	(void)pthread_mutex_destroy(&sign_in->lock);
	free(sign_in);
}
