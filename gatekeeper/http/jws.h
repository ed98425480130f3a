#ifndef GK_HTTP_JWS_H
#define GK_HTTP_JWS_H
/* Signatures of JWS (RFC 7515) in the compact form, under keys of JWK (RFC 7517): rhonabwy's, behind a door of its own. */

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* A public key. */
struct jws_key;

/*
 * Before anything else here and before there are threads; again is harmless.
 * GK_E_IO: rhonabwy isn't on this machine; GK_E_NOMEM.
 */
enum gk_rc jws_start(struct gk_err *err) GK_MUST_USE;

/*
 * A key from the text of a JWK of its public members only (kty, crv, n, e, x,
 * y).  NULL: rhonabwy knows none such, it isn't public, RSA below 2048 bits
 * (RFC 7518, section 3.3), or memory ran out.
 */
struct jws_key *jws_key_new(const char *jwk);
void jws_key_free(struct jws_key *key); /* NULL is fine */

/*
 * Is the token signed with this key by this algorithm ("RS256" …)?  Keys that
 * the token brings along or points to are not looked at, and nothing is fetched.
 * The key isn't used by two threads at once.
 */
bool jws_verify(struct jws_key *key, const char *algorithm, const char *token);

#endif
