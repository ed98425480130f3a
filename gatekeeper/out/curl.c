/* libcurl's functions under their own names, loaded with the first client: it brings Kerberos, LDAP and SSH along. */
#define CURL_DISABLE_TYPECHECK /* the callers' types are checked, not what is handed on */
#include <curl/curl.h>
#include <pthread.h>
#include <stdarg.h>

#include "base/assert.h"
#include "base/library.h"
#include "out/out_internal.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define LIBCURL "libcurl-gnutls.so.4"

/* clang-format off */
#define FUNCTIONS(F) \
	F(global_init) \
	F(easy_init) \
	F(easy_cleanup) \
	F(easy_reset) \
	F(easy_setopt) \
	F(easy_getinfo) \
	F(easy_perform) \
	F(easy_send) \
	F(easy_recv) \
	F(easy_strerror) \
	F(slist_append) \
	F(slist_free_all)
/* clang-format on */

static struct {
#define F(name) __typeof__(curl_##name) *(name);
	FUNCTIONS(F)
#undef F
} lib;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_loaded; /* under lock */

static enum gk_rc
load(struct gk_err *err)
{
	static const struct gk_symbol symbols[] = {
#define F(name) {"curl_" #name, &lib.name},
	    FUNCTIONS(F)
#undef F
	};

	GK_TRY(gk_library_load(LIBCURL, symbols, GK_COUNT(symbols), err));
	return lib.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
		   ? GK_OK
		   : GK_FAIL(err, GK_E_NOMEM, "out of memory");
}

enum gk_rc
out__curl_load(struct gk_err *err)
{
	enum gk_rc rc = GK_OK;

	GK_ASSERT(pthread_mutex_lock(&lock) == 0);
	if (!is_loaded) {
		rc = load(err);
		is_loaded = rc == GK_OK;
	}
	GK_ASSERT(pthread_mutex_unlock(&lock) == 0);
	return rc;
}

CURL *
curl_easy_init(void)
{
	return lib.easy_init();
}

void
curl_easy_cleanup(CURL *curl)
{
	if (curl != NULL) { /* else nothing may be loaded */
		lib.easy_cleanup(curl);
	}
}

void
curl_easy_reset(CURL *curl)
{
	lib.easy_reset(curl);
}

/* The option's number tells the type of its value (curl/curl.h, CURLOPTTYPE_…). */
CURLcode
curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	CURLcode code;
	va_list args;

	va_start(args, option);
	/* NOLINTNEXTLINE(bugprone-branch-clone): curl_off_t isn't a long everywhere */
	if (option < CURLOPTTYPE_OBJECTPOINT) {
		code = lib.easy_setopt(curl, option, va_arg(args, long));
	} else if (option >= CURLOPTTYPE_FUNCTIONPOINT &&
		   option < CURLOPTTYPE_OFF_T) {
		code =
		    lib.easy_setopt(curl, option, va_arg(args, void (*)(void)));
	} else if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB) {
		code = lib.easy_setopt(curl, option, va_arg(args, curl_off_t));
	} else {
		code = lib.easy_setopt(curl, option, va_arg(args, void *));
	}
	va_end(args);
	return code;
}

CURLcode
curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
	CURLcode code;
	va_list args;

	va_start(args, info);
	code = lib.easy_getinfo(curl, info, va_arg(args, void *));
	va_end(args);
	return code;
}

CURLcode
curl_easy_perform(CURL *curl)
{
	return lib.easy_perform(curl);
}

CURLcode
curl_easy_send(CURL *curl, const void *buffer, size_t buflen, size_t *n)
{
	return lib.easy_send(curl, buffer, buflen, n);
}

CURLcode
curl_easy_recv(CURL *curl, void *buffer, size_t buflen, size_t *n)
{
	return lib.easy_recv(curl, buffer, buflen, n);
}

const char *
curl_easy_strerror(CURLcode code)
{
	return lib.easy_strerror(code);
}

struct curl_slist *
curl_slist_append(struct curl_slist *list, const char *data)
{
	return lib.slist_append(list, data);
}

void
curl_slist_free_all(struct curl_slist *list)
{
	if (list != NULL) {
		lib.slist_free_all(list);
	}
}
