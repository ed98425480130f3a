/* A TLS connection by libcurl, which makes it and then leaves the bytes to us. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "out/channel.h"
#include "out/out_internal.h"

enum { URL_BYTES = 320, DROP_BYTES = 512 };

struct channel {
	CURL *curl;
	curl_socket_t fd;
	bool (*is_over)(void *ctx);
	void *ctx;
};

static int
go_on(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
    curl_off_t up)
{
	const struct channel *channel = ctx;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	return channel->is_over != NULL && channel->is_over(channel->ctx) ? 1
									  : 0;
}

static bool
set_rules(struct channel *channel, const struct channel_options *options,
    const char *url, char *story)
{
	CURL *curl = channel->curl;

	return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") ==
		   CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L) ==
		   CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SSLVERSION,
		   (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
		   (long)options->connect_ms) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on) ==
		   CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_XFERINFODATA, channel) ==
		   CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, story) == CURLE_OK &&
	       (options->ca_file == NULL ||
		   curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file) ==
		       CURLE_OK);
}

static void
channel_closep(struct channel **channel)
{
	channel_close(*channel);
}

enum gk_rc
channel_check_library(struct gk_err *err)
{
	return out__curl_load(err);
}

enum gk_rc
channel_open(const struct channel_options *options,
    struct channel **ret_channel, struct gk_err *err)
{
	GK_AUTO(channel_closep)
	struct channel *channel = NULL;
	bool is_v6 = strchr(options->host, ':') != NULL;
	char url[URL_BYTES], story[CURL_ERROR_SIZE] = "";
	CURLcode code;

	GK_TRY(out__curl_load(err));
	channel = calloc(1, sizeof(*channel));
	if (channel == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "out of memory");
	}
	channel->curl = curl_easy_init();
	channel->fd = CURL_SOCKET_BAD;
	channel->is_over = options->is_over;
	channel->ctx = options->ctx;
	(void)snprintf(url, sizeof(url), "https://%s%.256s%s:%s/",
	    is_v6 ? "[" : "", options->host, is_v6 ? "]" : "", options->port);
	if (channel->curl == NULL || !set_rules(channel, options, url, story)) {
		return GK_FAIL(err, GK_E_NOMEM, "out of memory");
	}
	code = curl_easy_perform(channel->curl);
	GK_ASSERT(curl_easy_setopt(channel->curl, CURLOPT_ERRORBUFFER, NULL) ==
		  CURLE_OK);
	if (code != CURLE_OK) {
		return GK_FAIL(err, GK_E_IO, "%.160s",
		    story[0] != '\0' ? story : curl_easy_strerror(code));
	}
	if (curl_easy_getinfo(channel->curl, CURLINFO_ACTIVESOCKET,
		&channel->fd) != CURLE_OK ||
	    channel->fd == CURL_SOCKET_BAD) {
		return GK_FAIL(err, GK_E_IO, "the connection is gone");
	}
	*ret_channel = GK_TAKE(channel);
	return GK_OK;
}

void
channel_close(struct channel *channel)
{
	if (channel != NULL) {
		curl_easy_cleanup(channel->curl);
		free(channel);
	}
}

int
channel_fd(const struct channel *channel)
{
	return channel->fd;
}

enum gk_rc
channel_push(struct channel *channel, const char *bytes, size_t n,
    size_t *ret_sent, struct gk_err *err)
{
	size_t sent = 0;
	CURLcode code = curl_easy_send(channel->curl, bytes, n, &sent);

	if (code != CURLE_OK && code != CURLE_AGAIN) {
		return GK_FAIL(err, GK_E_IO, "%s", curl_easy_strerror(code));
	}
	*ret_sent = code == CURLE_OK ? sent : 0;
	return GK_OK;
}

enum gk_rc
channel_check(struct channel *channel, struct gk_err *err)
{
	char drop[DROP_BYTES];
	size_t n = 0;
	CURLcode code = curl_easy_recv(channel->curl, drop, sizeof(drop), &n);

	if (code == CURLE_AGAIN || (code == CURLE_OK && n > 0)) {
		return GK_OK;
	}
	return GK_FAIL(err, GK_E_IO, "%s",
	    code == CURLE_OK ? "the peer has closed the connection"
			     : curl_easy_strerror(code));
}
