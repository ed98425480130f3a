/* The only file that knows rhonabwy, and through it jansson, whose names are also ours. */
#include <rhonabwy.h>
#include <string.h>

#include "http/jws.h"

#define RSA_BITS_MIN 2048

struct jws_key; /* is a jwk_t */

bool
jws_start(void)
{
	return r_global_init() == RHN_OK;
}

static bool
is_usable(jwk_t *jwk)
{
	unsigned bits = 0;
	int type = r_jwk_key_type(jwk, &bits, R_FLAG_IGNORE_REMOTE);

	return (type & R_KEY_TYPE_PUBLIC) != 0 &&
	       ((type & R_KEY_TYPE_RSA) == 0 || bits >= RSA_BITS_MIN);
}

struct jws_key *
jws_key_new(const char *jwk)
{
	jwk_t *key = NULL;

	if (r_jwk_init(&key) != RHN_OK) {
		return NULL;
	}
	if (r_jwk_import_from_json_str(key, jwk) != RHN_OK ||
	    r_jwk_is_valid(key) != RHN_OK || !is_usable(key)) {
		r_jwk_free(key);
		return NULL;
	}
	return (struct jws_key *)key;
}

void
jws_key_free(struct jws_key *key)
{
	r_jwk_free((jwk_t *)key);
}

bool
jws_verify(struct jws_key *key, const char *algorithm, const char *token)
{
	jwa_alg alg = r_str_to_jwa_alg(algorithm);
	jws_t *jws = NULL;
	bool holds = r_jws_init(&jws) == RHN_OK &&
		     r_jws_advanced_parse(jws, token, R_PARSE_NONE,
			 R_FLAG_IGNORE_REMOTE) == RHN_OK &&
		     r_jws_get_alg(jws) == alg && alg != R_JWA_ALG_NONE &&
		     alg != R_JWA_ALG_UNKNOWN &&
		     r_jws_verify_signature(
			 jws, (jwk_t *)key, R_FLAG_IGNORE_REMOTE) == RHN_OK;

	r_jws_free(jws);
	return holds;
}
