/* Outgoing HTTP by libcurl, with everything switched off that a gate must not do. */
#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "out/address.h"
#include "out/out_internal.h"

#define CONNECT_MS       5000
#define TOTAL_MS         30000
#define ANSWER_HEAD_MAX  ((size_t)64 << 10)
#define URL_BYTES_MAX    8192
#define HEADER_BYTES_MAX 8192

static char *
copy(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

enum gk_rc
out_open(
    const struct out_options *options, struct out **ret_out, struct gk_err *err)
{
	GK_AUTO(out_closep) struct out *out = NULL;

	GK_TRY(out__curl_load(err));
	out = calloc(1, sizeof(*out));
	if (out == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "out of memory");
	}
	out->options = *options;
	out->ca_file = copy(options->ca_file);
	out->unix_path = copy(options->unix_path);
	out->curl = curl_easy_init();
	if (out->curl == NULL ||
	    (options->ca_file != NULL && out->ca_file == NULL) ||
	    (options->unix_path != NULL && out->unix_path == NULL)) {
		return GK_FAIL(err, GK_E_NOMEM, "out of memory");
	}
	*ret_out = GK_TAKE(out);
	return GK_OK;
}

void
out_close(struct out *out)
{
	if (out == NULL) {
		return;
	}
	curl_easy_cleanup(out->curl);
	free(out->ca_file);
	free(out->unix_path);
	free(out);
}

void
out_closep(struct out **out)
{
	out_close(*out);
}

void
out_stop(struct out *out)
{
	atomic_store(&out->stopped, true);
}

/* The socket for one address: refused where it isn't one that may be connected to. */
static curl_socket_t
open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct out *out = ctx;

	(void)purpose;
	if (out->options.public_only && !address_is_public(&address->addr)) {
		out->inner_address = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct out *out = ctx;

	out->body_rc =
	    gk_buf_add(out->body, bytes, size * count, out->body_err);
	return out->body_rc == GK_OK ? size * count : 0;
}

static size_t /* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
count_head(char *bytes, size_t size, size_t count, void *ctx)
{
	struct out *out = ctx;

	(void)bytes;
	out->head_n += size * count;
	out->too_long = out->head_n > ANSWER_HEAD_MAX;
	return out->too_long ? 0 : size * count;
}

static int
go_on(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
    curl_off_t up)
{
	const struct out *out = ctx;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	return atomic_load(&out->stopped) ? 1 : 0;
}

void
out__rules(struct out *out, const char *protocols)
{
	CURL *curl = out->curl;
	const struct out_options *options = &out->options;
	unsigned connect = options->connect_ms;
	unsigned total = options->total_ms;

	curl_easy_reset(curl); /* keeps connections */
	SET(curl, CURLOPT_PROTOCOLS_STR, protocols);
	SET(curl, CURLOPT_FOLLOWLOCATION, 0L);
	SET(curl, CURLOPT_PROXY, "");
	SET(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(curl, CURLOPT_NOSIGNAL, 1L);
	SET(curl, CURLOPT_PATH_AS_IS, 1L);
	SET(curl, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(connect != 0 ? connect : CONNECT_MS));
	SET(curl, CURLOPT_TIMEOUT_MS, (long)(total != 0 ? total : TOTAL_MS));
	SET(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(curl, CURLOPT_OPENSOCKETDATA, out);
	SET(curl, CURLOPT_WRITEFUNCTION, take_body);
	SET(curl, CURLOPT_WRITEDATA, out);
	SET(curl, CURLOPT_HEADERFUNCTION, count_head);
	SET(curl, CURLOPT_HEADERDATA, out);
	SET(curl, CURLOPT_XFERINFOFUNCTION, go_on);
	SET(curl, CURLOPT_XFERINFODATA, out);
	SET(curl, CURLOPT_NOPROGRESS, 0L);
}

static bool
is_line(const char *text)
{
	return text[strcspn(text, "\r\n")] == '\0' &&
	       strlen(text) <= HEADER_BYTES_MAX;
}

/* RFC 9110, token: what a method or a header's name is made of. */
static bool
is_token(const char *text)
{
	static const char marks[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return text[0] != '\0' && text[strspn(text, marks)] == '\0' &&
	       strlen(text) <= 128;
}

static bool
is_web_url(const char *url)
{
	return (strncasecmp(url, "http://", 7) == 0 ||
		   strncasecmp(url, "https://", 8) == 0) &&
	       strlen(url) <= URL_BYTES_MAX &&
	       url[strcspn(url, " \t\r\n")] == '\0';
}

static enum gk_rc
check_request(const struct out_request *request, struct gk_err *err)
{
	if (!is_web_url(request->url)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "%.128s: expected http:// or https:// and no spaces",
		    request->url);
	}
	if (request->method != NULL && !is_token(request->method)) {
		return GK_FAIL(err, GK_E_INVALID, "that is no HTTP method");
	}
	if (request->token != NULL && !is_line(request->token)) {
		return GK_FAIL(err, GK_E_INVALID, "a token is one line");
	}
	if (request->header_count > OUT_HEADERS_MAX) {
		return GK_FAIL(err, GK_E_INVALID,
		    "%zu headers; at most %d are sent", request->header_count,
		    OUT_HEADERS_MAX);
	}
	for (size_t i = 0; i < request->header_count; i++) {
		if (!is_token(request->headers[i].name) ||
		    !is_line(request->headers[i].value)) {
			return GK_FAIL(
			    err, GK_E_INVALID, "header %zu isn't one line", i);
		}
	}
	return GK_OK;
}

void
out__slist_freep(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static enum gk_rc
add_header(struct curl_slist **list, const char *name, const char *before,
    const char *value, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf line = GK_BUF_INIT(16u << 10);
	struct curl_slist *longer;

	/* "Name;" is how libcurl is told of an empty one. */
	if (value[0] == '\0' && before[0] == '\0') {
		GK_TRY(gk_buf_printf(&line, err, "%s;", name));
	} else {
		GK_TRY(
		    gk_buf_printf(&line, err, "%s: %s%s", name, before, value));
	}
	longer = curl_slist_append(*list, line.bytes);
	if (longer == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "out of memory");
	}
	*list = longer;
	return GK_OK;
}

static enum gk_rc
add_headers(const struct out_request *request, struct curl_slist **list,
    struct gk_err *err)
{
	struct curl_slist *first = curl_slist_append(NULL, "Expect:");

	if (first == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "out of memory");
	}
	*list = first;
	for (size_t i = 0; i < request->header_count; i++) {
		GK_TRY(add_header(list, request->headers[i].name, "",
		    request->headers[i].value, err));
	}
	if (request->token != NULL) {
		GK_TRY(add_header(
		    list, "Authorization", "Bearer ", request->token, err));
	}
	return GK_OK;
}

static bool
set_request(struct out *out, const struct out_request *request,
    struct curl_slist *headers)
{
	CURL *curl = out->curl;
	bool ok = curl_easy_setopt(curl, CURLOPT_URL, request->url) == CURLE_OK;

	ok = ok &&
	     curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
	if (request->body != NULL) {
		ok = ok &&
		     curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)request->body_n) == CURLE_OK &&
		     curl_easy_setopt(
			 curl, CURLOPT_POSTFIELDS, request->body) == CURLE_OK;
	}
	if (request->method != NULL) {
		ok = ok && curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST,
			       request->method) == CURLE_OK;
	}
	if (out->ca_file != NULL) {
		ok = ok && curl_easy_setopt(
			       curl, CURLOPT_CAINFO, out->ca_file) == CURLE_OK;
	}
	if (out->unix_path != NULL) {
		ok = ok && curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH,
			       out->unix_path) == CURLE_OK;
	}
	return ok;
}

enum gk_rc
out__fail(struct out *out, CURLcode code, const char *url, const char *story,
    struct gk_err *err)
{
	if (atomic_load(&out->stopped)) {
		return GK_FAIL(err, GK_E_BUSY, "%.96s: stopped", url);
	}
	if (out->body_rc != GK_OK) {
		gk_err_context(err, "the answer of %.96s", url);
		return out->body_rc;
	}
	if (out->too_long) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "%.96s answers with more than %zu bytes of headers", url,
		    ANSWER_HEAD_MAX);
	}
	if (out->inner_address) {
		return GK_FAIL(err, GK_E_INVALID,
		    "%.96s: its address isn't one of the public Internet", url);
	}
	if (code == CURLE_OUT_OF_MEMORY) {
		return GK_FAIL(err, GK_E_NOMEM, "out of memory");
	}
	return GK_FAIL(err,
	    code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL
		? GK_E_INVALID
		: GK_E_IO,
	    "%.96s: %.140s", url,
	    story[0] != '\0' ? story : curl_easy_strerror(code));
}

static void
read_answer(CURL *curl, struct out_answer *ret)
{
	struct out_answer answer = {0};
	const char *type = NULL;
	curl_off_t after = 0;
	long status = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	(void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
	answer.status = (int)status;
	if (after > 0 && after <= 86400) {
		answer.retry_after_s = (unsigned)after;
	}
	if (type != NULL) {
		(void)snprintf(answer.content_type, sizeof(answer.content_type),
		    "%s", type);
	}
	*ret = answer;
}

void
out__begin(struct out *out, struct gk_buf *body, struct gk_err *err)
{
	out->inner_address = out->too_long = false;
	out->head_n = 0;
	out->body = body;
	out->body_err = err;
	out->body_rc = GK_OK;
}

/* What came of an answer that didn't end well is no answer. */
static void
cut_body(struct gk_buf *body, size_t n)
{
	if (body->bytes != NULL) {
		body->len = n;
		body->bytes[n] = '\0';
	}
}

enum gk_rc
out_send(struct out *out, const struct out_request *request,
    struct out_answer *ret_answer, struct gk_buf *body, struct gk_err *err)
{
	GK_AUTO(out__slist_freep) struct curl_slist *headers = NULL;
	char story[CURL_ERROR_SIZE] = "";
	size_t before = body->len;
	CURLcode code;

	GK_TRY(check_request(request, err));
	GK_TRY(add_headers(request, &headers, err));
	out__begin(out, body, err);
	out__rules(out, "http,https");
	SET(out->curl, CURLOPT_ERRORBUFFER, story);
	if (!set_request(out, request, headers)) {
		return GK_FAIL(err, GK_E_NOMEM, "out of memory");
	}
	code = curl_easy_perform(out->curl);
	SET(out->curl, CURLOPT_ERRORBUFFER, NULL);
	SET(out->curl, CURLOPT_HTTPHEADER, NULL);
	if (code != CURLE_OK) {
		cut_body(body, before);
		return out__fail(out, code, request->url, story, err);
	}
	read_answer(out->curl, ret_answer);
	return GK_OK;
}
