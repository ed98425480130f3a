/* The only file that knows rhonabwy, and through it jansson, whose names are also ours; loaded when an issuer is set. */
#include <rhonabwy.h>
#include <string.h>

#include "base/library.h"
#include "http/jws.h"

#define LIBRHONABWY "librhonabwy.so.1.1"
_Static_assert(RHONABWY_VERSION_MAJOR == 1 && RHONABWY_VERSION_MINOR == 1,
    "LIBRHONABWY is the library of these headers");

/* clang-format off */
#define FUNCTIONS(F) \
	F(r_global_init) \
	F(r_jwk_init) \
	F(r_jwk_free) \
	F(r_jwk_import_from_json_str) \
	F(r_jwk_is_valid) \
	F(r_jwk_key_type) \
	F(r_str_to_jwa_alg) \
	F(r_jws_init) \
	F(r_jws_free) \
	F(r_jws_advanced_parse) \
	F(r_jws_get_alg) \
	F(r_jws_verify_signature)
/* clang-format on */

static struct {
#define F(name) __typeof__(name) *(name);
	FUNCTIONS(F)
#undef F
} lib; /* written by jws_start() */

#define RSA_BITS_MIN 2048

struct jws_key; /* is a jwk_t */

enum gk_rc
jws_start(struct gk_err *err)
{
	static const struct gk_symbol symbols[] = {
#define F(name) {#name, &lib.name},
	    FUNCTIONS(F)
#undef F
	};

	if (lib.r_global_init == NULL) {
		GK_TRY(gk_library_load(
		    LIBRHONABWY, symbols, GK_COUNT(symbols), err));
	}
	return lib.r_global_init() == RHN_OK
		   ? GK_OK
		   : GK_FAIL(err, GK_E_NOMEM, "rhonabwy can't be started");
}

static bool
is_usable(jwk_t *jwk)
{
	unsigned bits = 0;
	int type = lib.r_jwk_key_type(jwk, &bits, R_FLAG_IGNORE_REMOTE);

	return (type & R_KEY_TYPE_PUBLIC) != 0 &&
	       ((type & R_KEY_TYPE_RSA) == 0 || bits >= RSA_BITS_MIN);
}

struct jws_key *
jws_key_new(const char *jwk)
{
	jwk_t *key = NULL;

	if (lib.r_jwk_init(&key) != RHN_OK) {
		return NULL;
	}
	if (lib.r_jwk_import_from_json_str(key, jwk) != RHN_OK ||
	    lib.r_jwk_is_valid(key) != RHN_OK || !is_usable(key)) {
		lib.r_jwk_free(key);
		return NULL;
	}
	return (struct jws_key *)key;
}

void
jws_key_free(struct jws_key *key)
{
	if (key != NULL) { /* else nothing may be loaded */
		lib.r_jwk_free((jwk_t *)key);
	}
}

bool
jws_verify(struct jws_key *key, const char *algorithm, const char *token)
{
	jwa_alg alg = lib.r_str_to_jwa_alg(algorithm);
	jws_t *jws = NULL;
	bool holds = lib.r_jws_init(&jws) == RHN_OK &&
		     lib.r_jws_advanced_parse(jws, token, R_PARSE_NONE,
			 R_FLAG_IGNORE_REMOTE) == RHN_OK &&
		     lib.r_jws_get_alg(jws) == alg && alg != R_JWA_ALG_NONE &&
		     alg != R_JWA_ALG_UNKNOWN &&
		     lib.r_jws_verify_signature(
			 jws, (jwk_t *)key, R_FLAG_IGNORE_REMOTE) == RHN_OK;

	lib.r_jws_free(jws);
	return holds;
}
