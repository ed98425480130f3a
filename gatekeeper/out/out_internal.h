#ifndef GK_OUT_OUT_INTERNAL_H
#define GK_OUT_OUT_INTERNAL_H
/* What requests and mails share: the client, its rules, its words for what went wrong. */

#include <curl/curl.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "out/out.h"

/* Invariant: what belongs to one exchange is only set while out_send() runs. */
struct out {
	CURL *curl;
	struct out_options options; /* its strings are owned */
	char *ca_file, *unix_path;
	atomic_bool stopped;
	bool inner_address; /* the exchange met one that isn't public */
	bool too_long;
	size_t head_n;
	struct gk_buf *body;
	struct gk_err *body_err;
	enum gk_rc body_rc;
};

/* One setting; a libcurl that doesn't know it is no libcurl for us. */
#define SET(curl, option, value) \
	GK_ASSERT(curl_easy_setopt((curl), (option), (value)) == CURLE_OK)

/*
 * Before anything of libcurl is called; again is harmless, from any thread too.
 * GK_E_IO: libcurl isn't on this machine.
 */
enum gk_rc out__curl_load(struct gk_err *err) GK_MUST_USE;
/* Before an exchange: forget the one before; where its answer goes. */
void out__begin(struct out *out, struct gk_buf *body, struct gk_err *err);
/* What every exchange of this client shares: addresses, redirects, TLS, time. */
void out__rules(struct out *out, const char *protocols);
/* Tell what went wrong for people; our own reasons before libcurl's. */
enum gk_rc out__fail(struct out *out, CURLcode code, const char *url,
    const char *story, struct gk_err *err) GK_MUST_USE;
void out__slist_freep(struct curl_slist **list);

#endif
