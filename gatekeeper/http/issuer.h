#ifndef GK_HTTP_ISSUER_H
#define GK_HTTP_ISSUER_H
/* An OpenID Connect issuer that proves who somebody is: its keys, and its tokens checked. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * A token is a JWT (RFC 7519) in a JWS of the compact form (RFC 7515), signed by a
 * key of the issuer's JWK set (RFC 7517).  Checked as RFC 8725 advises: the
 * algorithm is one of those that were asked for and the one that the key is for;
 * issuer and audience are equal to what is configured; it has an end, and hasn't
 * reached it.  Keys that a token brings along or points to are not looked at.
 */
struct issuer;

#define ISSUER_KEYS_MAX  64
#define ISSUER_SET_MAX   ((size_t)256 << 10) /* bytes of a JWK set */
#define ISSUER_TOKEN_MAX ((size_t)8 << 10)   /* bytes of a token */
#define ISSUER_ID_BYTES  129
#define ISSUER_SKEW_S    60 /* how far its clock and ours may differ */

struct issuer_options {
	const char *issuer;   /* the claim "iss" */
	const char *audience; /* the claim "aud", or one of it */
	const char *claim;    /* names the identity; NULL: "sub" */
	/* RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA; none: RS256, ES256, EdDSA. */
	const char *const *algorithms;
	size_t algorithm_count;
};

/* Copies the options.  Once, before there are threads.  Errors: GK_E_INVALID (an unknown algorithm), GK_E_IO (no rhonabwy), GK_E_NOMEM. */
enum gk_rc issuer_new(const struct issuer_options *options, struct issuer **ret,
    struct gk_err *err) GK_MUST_USE;
void issuer_free(struct issuer *issuer); /* NULL is fine */

/*
 * Put the keys of a JWK set in the place of those that were there.  Keys of an
 * unknown kind and keys for encryption are passed over; RSA below 2048 bits too.
 * Errors: GK_E_INVALID (no JSON, no set, a secret or private key, no usable
 * key), GK_E_LIMIT, GK_E_NOMEM; the old keys stay.  From any thread.
 */
enum gk_rc issuer_set_keys(struct issuer *issuer, const char *json, size_t n,
    struct gk_err *err) GK_MUST_USE;

struct issuer_finding {
	char id[ISSUER_ID_BYTES]; /* what the claim says: a possible identity */
	int64_t ends_s;           /* the claim "exp": seconds since 1970 */
	bool unknown_key; /* refused for want of a key: the set may be old */
};

/*
 * Check a token at a time (seconds since 1970).  From any thread.
 * Errors: GK_E_INVALID with a text for who sent it; GK_E_NOMEM.
 */
enum gk_rc issuer_check(struct issuer *issuer, const char *token, int64_t now_s,
    struct issuer_finding *ret, struct gk_err *err) GK_MUST_USE;

#endif
