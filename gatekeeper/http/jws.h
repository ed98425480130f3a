#ifndef GK_HTTP_JWS_H
#define GK_HTTP_JWS_H
/* Signatures of JWS (RFC 7515) in the compact form, under keys of JWK (RFC 7517): rhonabwy's, behind a door of its own. */

#include <stdbool.h>

/* A public key. */
struct jws_key;

/* Once, before there are threads; again is harmless.  False: no memory. */
bool jws_start(void);

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
