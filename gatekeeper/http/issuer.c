/* Checks an issuer's tokens: what they claim by the strict reader, their signatures by jws.c. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/canon.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "http/issuer.h"
#include "http/jws.h"
#include "model/names.h"

#define OPTIONS_BYTES_MAX ((size_t)16 << 10)
#define CLAIMS_DEPTH      16
#define CLAIMS_COUNT      1000

static const struct algorithm {
	const char *name;
	const char *kty, *crv; /* crv NULL: any */
} algorithms[] = {
    {"RS256", "RSA", NULL},
    {"ES256", "EC", "P-256"},
    {"EdDSA", "OKP", "Ed25519"},
#define ALGORITHMS_DEFAULT 3u /* the first ones */
    {"RS384", "RSA", NULL},
    {"RS512", "RSA", NULL},
    {"PS256", "RSA", NULL},
    {"PS384", "RSA", NULL},
    {"PS512", "RSA", NULL},
    {"ES384", "EC", "P-384"},
    {"ES512", "EC", "P-521"},
};

struct key {
	struct jws_key *key;
	const char *kid; /* in keys->arena; NULL: it has none */
	unsigned fits;   /* bit i: algorithms[i] */
};

struct keys {
	struct gk_arena arena;
	struct key list[ISSUER_KEYS_MAX];
	size_t count;
};

struct issuer {
	struct gk_arena arena;
	const char *issuer, *audience, *claim;
	unsigned accepts; /* bit i: algorithms[i] */
	pthread_mutex_t lock;
	struct keys *keys; /* under lock; NULL: none yet */
};

static void
keys_free(struct keys *keys)
{
	if (keys == NULL) {
		return;
	}
	for (size_t i = 0; i < keys->count; i++) {
		jws_key_free(keys->list[i].key);
	}
	gk_arena_done(&keys->arena);
	free(keys);
}

static void
keys_freep(struct keys **keys)
{
	keys_free(*keys);
}

static const struct algorithm *
algorithm_find(const char *name)
{
	for (size_t i = 0; name != NULL && i < GK_COUNT(algorithms); i++) {
		if (strcmp(algorithms[i].name, name) == 0) {
			return &algorithms[i];
		}
	}
	return NULL;
}

static unsigned
algorithm_bit(const struct algorithm *algorithm)
{
	return 1u << (unsigned)(algorithm - algorithms);
}

static enum gk_rc
read_options(struct issuer *issuer, const struct issuer_options *options,
    struct gk_err *err)
{
	issuer->issuer = gk_arena_strdup(&issuer->arena, options->issuer);
	issuer->audience = gk_arena_strdup(&issuer->arena, options->audience);
	issuer->claim = gk_arena_strdup(
	    &issuer->arena, options->claim == NULL ? "sub" : options->claim);
	if (issuer->issuer == NULL || issuer->audience == NULL ||
	    issuer->claim == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for an issuer");
	}
	if (options->algorithm_count == 0) {
		issuer->accepts = (1u << ALGORITHMS_DEFAULT) - 1;
	}
	for (size_t i = 0; i < options->algorithm_count; i++) {
		const struct algorithm *algorithm =
		    algorithm_find(options->algorithms[i]);

		if (algorithm == NULL) {
			return GK_FAIL(err, GK_E_INVALID,
			    "unknown algorithm %s: known are RS256, RS384, "
			    "RS512, PS256, PS384, PS512, ES256, ES384, ES512 "
			    "and EdDSA",
			    options->algorithms[i]);
		}
		issuer->accepts |= algorithm_bit(algorithm);
	}
	return GK_OK;
}

static void
issuer_freep(struct issuer **issuer)
{
	issuer_free(*issuer);
}

enum gk_rc
issuer_new(const struct issuer_options *options, struct issuer **ret,
    struct gk_err *err)
{
	GK_AUTO(issuer_freep)
	struct issuer *issuer = calloc(1, sizeof(*issuer));

	if (issuer == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for an issuer");
	}
	issuer->arena.cap = OPTIONS_BYTES_MAX;
	(void)pthread_mutex_init(&issuer->lock, NULL);
	GK_TRY(read_options(issuer, options, err));
	GK_TRY(jws_start(err));
	*ret = GK_TAKE(issuer);
	return GK_OK;
}

void
issuer_free(struct issuer *issuer)
{
	if (issuer == NULL) {
		return;
	}
	keys_free(issuer->keys);
	gk_arena_done(&issuer->arena);
	(void)pthread_mutex_destroy(&issuer->lock);
	free(issuer);
}

/* The algorithms that a JWK says it is for. */
static unsigned
fits(const struct json_value *jwk)
{
	const char *kty = json_string(json_get(jwk, "kty"));
	const char *crv = json_string(json_get(jwk, "crv"));
	const char *use = json_string(json_get(jwk, "use"));
	const char *alg = json_string(json_get(jwk, "alg"));
	unsigned bits = 0;

	if (kty == NULL || (use != NULL && strcmp(use, "sig") != 0)) {
		return 0;
	}
	for (size_t i = 0; i < GK_COUNT(algorithms); i++) {
		const struct algorithm *at = &algorithms[i];

		if (strcmp(at->kty, kty) == 0 &&
		    (at->crv == NULL ||
			(crv != NULL && strcmp(at->crv, crv) == 0)) &&
		    (alg == NULL || strcmp(at->name, alg) == 0)) {
			bits |= algorithm_bit(at);
		}
	}
	return bits;
}

/* Only what makes a public key: no certificates, no addresses. */
static enum gk_rc
import(const struct json_value *jwk, struct jws_key **ret, struct gk_err *err)
{
	static const char *const members[] = {"kty", "crv", "n", "e", "x", "y"};
	GK_AUTO(json_freep) struct json_value *bare = json_new_object();
	GK_AUTO(gk_buf_done) struct gk_buf text = {.cap = ISSUER_SET_MAX};

	if (bare == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a key");
	}
	for (size_t i = 0; i < GK_COUNT(members); i++) {
		const char *value = json_string(json_get(jwk, members[i]));
		struct json_value *item =
		    value == NULL ? NULL : json_new_string(value);

		if (value != NULL) {
			GK_TRY(json_set(bare, members[i], &item, err));
		}
	}
	GK_TRY(canon_print(bare, &text, err));
	*ret = jws_key_new(gk_buf_text(&text));
	return GK_OK;
}

static enum gk_rc
add_key(struct keys *keys, const struct json_value *jwk, struct gk_err *err)
{
	const char *kid = json_string(json_get(jwk, "kid"));
	struct key *key = &keys->list[keys->count];

	if (json_get(jwk, "d") != NULL || json_get(jwk, "k") != NULL) {
		return GK_FAIL(err, GK_E_INVALID,
		    "the set holds a private or secret key: it must hold "
		    "public keys only");
	}
	*key = (struct key){.fits = fits(jwk)};
	if (key->fits == 0) {
		return GK_OK;
	}
	GK_TRY(import(jwk, &key->key, err));
	if (key->key == NULL) {
		return GK_OK;
	}
	keys->count++;
	if (kid != NULL) {
		key->kid = gk_arena_strdup(&keys->arena, kid);
		if (key->kid == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "no memory for a key");
		}
	}
	return GK_OK;
}

static enum gk_rc
read_set(const struct json_value *set, struct keys *keys, struct gk_err *err)
{
	const struct json_value *list = json_get(set, "keys");

	if (list == NULL || json_type(list) != JSON_ARRAY) {
		return GK_FAIL(err, GK_E_INVALID,
		    "this isn't a JWK set: it has no \"keys\"");
	}
	if (json_count(list) > ISSUER_KEYS_MAX) {
		return GK_FAIL(
		    err, GK_E_LIMIT, "more than %d keys", ISSUER_KEYS_MAX);
	}
	for (const struct json_value *jwk = json_first(list); jwk != NULL;
	     jwk = json_next(jwk)) {
		GK_TRY(add_key(keys, jwk, err));
	}
	return keys->count > 0
		   ? GK_OK
		   : GK_FAIL(err, GK_E_INVALID,
			 "the set has no key that signatures can be checked "
			 "with");
}

enum gk_rc
issuer_set_keys(
    struct issuer *issuer, const char *json, size_t n, struct gk_err *err)
{
	static const struct json_limits limits = {
	    .bytes = ISSUER_SET_MAX, .depth = 8, .values = 10000};
	GK_AUTO(keys_freep) struct keys *keys = calloc(1, sizeof(*keys));
	GK_AUTO(json_freep) struct json_value *set = NULL;
	struct keys *old;

	if (keys == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for keys");
	}
	keys->arena.cap = ISSUER_SET_MAX;
	GK_TRY(json_parse(json, n, &limits, &set, err));
	GK_TRY(read_set(set, keys, err));
	(void)pthread_mutex_lock(&issuer->lock);
	old = issuer->keys;
	issuer->keys = GK_TAKE(keys);
	(void)pthread_mutex_unlock(&issuer->lock);
	keys_free(old);
	return GK_OK;
}

static enum gk_rc
refuse(struct gk_err *err, const char *why)
{
	return GK_FAIL(err, GK_E_INVALID,
	    "the token of the identity provider isn't accepted: %s", why);
}

/* One part of a token: base64url of a JSON object. */
static enum gk_rc
read_part(
    const char *text, size_t n, struct json_value **ret, struct gk_err *err)
{
	static const struct json_limits limits = {.bytes = ISSUER_TOKEN_MAX,
	    .depth = CLAIMS_DEPTH,
	    .values = CLAIMS_COUNT};
	char json[ISSUER_TOKEN_MAX];
	struct gk_err found = {0};
	size_t json_n;

	if (!digest_from_b64url(text, n, json, sizeof(json), &json_n)) {
		return refuse(err, "it isn't base64url");
	}
	if (json_parse(json, json_n, &limits, ret, &found) != GK_OK ||
	    json_type(*ret) != JSON_OBJECT) {
		return refuse(err, "a part of it isn't a JSON object");
	}
	return GK_OK;
}

static enum gk_rc
read_head(const struct issuer *issuer, const struct json_value *head,
    const struct algorithm **ret, struct gk_err *err)
{
	const struct json_value *type = json_get(head, "typ");
	const char *word = json_string(type);

	*ret = algorithm_find(json_string(json_get(head, "alg")));
	if (*ret == NULL || (issuer->accepts & algorithm_bit(*ret)) == 0) {
		return refuse(err, "its algorithm isn't one of "
				   "sign_in.algorithms");
	}
	if (json_get(head, "crit") != NULL || json_get(head, "b64") != NULL) {
		return refuse(err, "it demands extensions");
	}
	if (type != NULL &&
	    (word == NULL || (strcasecmp(word, "JWT") != 0 &&
				 strcasecmp(word, "at+jwt") != 0))) {
		return refuse(err, "it is of another type");
	}
	return GK_OK;
}

/*
 * The one key that a token names; without a name the only one that fits (OpenID
 * Connect Core 1.0, section 10.1), so that nobody makes us try them all.
 */
static const struct key *
find_key(const struct keys *keys, const struct json_value *head,
    const struct algorithm *algorithm)
{
	const struct json_value *said = json_get(head, "kid");
	const char *kid = json_string(said);
	const struct key *only = NULL;

	for (size_t i = 0; keys != NULL && i < keys->count; i++) {
		const struct key *key = &keys->list[i];

		if ((key->fits & algorithm_bit(algorithm)) == 0) {
			continue;
		}
		if (said == NULL && only != NULL) {
			return NULL;
		}
		if (said == NULL) {
			only = key;
		} else if (kid != NULL && key->kid != NULL &&
			   strcmp(kid, key->kid) == 0) {
			return key;
		}
	}
	return only;
}

/* Under issuer->lock. */
static enum gk_rc
check_signature(const struct issuer *issuer, const struct json_value *head,
    const struct algorithm *algorithm, const char *token,
    struct issuer_finding *ret, struct gk_err *err)
{
	const struct key *key = find_key(issuer->keys, head, algorithm);

	if (key == NULL) {
		ret->unknown_key = true;
		return refuse(err, "its key isn't known here, or it doesn't "
				   "say which one of several");
	}
	return jws_verify(key->key, algorithm->name, token)
		   ? GK_OK
		   : refuse(err, "its signature doesn't hold");
}

static bool
is_text(const struct json_value *value, const char *text)
{
	const char *found = json_string(value);

	return found != NULL && strcmp(found, text) == 0;
}

static bool
has_audience(const struct json_value *claims, const char *audience)
{
	const struct json_value *aud = json_get(claims, "aud");
	bool found = is_text(aud, audience);

	if (aud == NULL || json_type(aud) != JSON_ARRAY) {
		return found;
	}
	for (const struct json_value *at = json_first(aud); at != NULL;
	     at = json_next(at)) {
		found |= is_text(at, audience);
	}
	/* OpenID Connect Core 1.0, section 3.1.3.7: of several, azp says for whom it was made */
	return found &&
	       (json_count(aud) == 1 || json_get(claims, "azp") == NULL ||
		   is_text(json_get(claims, "azp"), audience));
}

/* A NumericDate; true: it is absent, or there and *ret is set. */
static bool
read_date(const struct json_value *claims, const char *name, int64_t absent,
    int64_t *ret)
{
	const struct json_value *value = json_get(claims, name);
	double seconds = json_number(value);

	*ret = absent;
	if (value == NULL) {
		return true;
	}
	if (json_type(value) != JSON_NUMBER || !(seconds >= 0) ||
	    !(seconds < 1e12)) {
		return false;
	}
	*ret = (int64_t)seconds;
	return true;
}

static enum gk_rc
check_time(const struct json_value *claims, int64_t now_s, int64_t *ret_ends_s,
    struct gk_err *err)
{
	int64_t from, issued;

	if (!read_date(claims, "exp", 0, ret_ends_s) ||
	    !read_date(claims, "nbf", 0, &from) ||
	    !read_date(claims, "iat", 0, &issued) || *ret_ends_s == 0) {
		return refuse(err, "it doesn't say when it ends");
	}
	if (now_s >= *ret_ends_s + ISSUER_SKEW_S) {
		return refuse(err, "it is over");
	}
	if (now_s < from - ISSUER_SKEW_S || now_s < issued - ISSUER_SKEW_S) {
		return refuse(err, "it isn't valid yet");
	}
	return GK_OK;
}

/* An address that its owner never showed to be his names nobody. */
static bool
is_verified(const struct json_value *claims)
{
	const struct json_value *said = json_get(claims, "email_verified");

	return said == NULL || json_bool(said) || is_text(said, "true");
}

static enum gk_rc
check_claims(const struct issuer *issuer, const struct json_value *claims,
    int64_t now_s, struct issuer_finding *ret, struct gk_err *err)
{
	const char *id = json_string(json_get(claims, issuer->claim));

	if (!is_text(json_get(claims, "iss"), issuer->issuer)) {
		return refuse(err, "it is of another issuer");
	}
	if (!has_audience(claims, issuer->audience)) {
		return refuse(err, "it is for another audience");
	}
	GK_TRY(check_time(claims, now_s, &ret->ends_s, err));
	if (id == NULL || !name_is_id(id) || strlen(id) >= sizeof(ret->id)) {
		return refuse(err,
		    "its claim that names the person (sign_in.claim) is "
		    "missing or no possible id");
	}
	if (strcmp(issuer->claim, "email") == 0 && !is_verified(claims)) {
		return refuse(err, "its e-mail address isn't verified");
	}
	memcpy(ret->id, id, strlen(id) + 1);
	return GK_OK;
}

enum gk_rc
issuer_check(struct issuer *issuer, const char *token, int64_t now_s,
    struct issuer_finding *ret, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *head = NULL;
	GK_AUTO(json_freep) struct json_value *claims = NULL;
	const struct algorithm *algorithm;
	size_t n = strlen(token), head_n = strcspn(token, ".");
	const char *payload = token + head_n + 1;
	enum gk_rc rc;

	*ret = (struct issuer_finding){0};
	if (n >= ISSUER_TOKEN_MAX || head_n == n ||
	    strchr(payload, '.') == NULL ||
	    strchr(strchr(payload, '.') + 1, '.') != NULL) {
		return refuse(err, "it isn't three parts with dots between");
	}
	GK_TRY(read_part(token, head_n, &head, err));
	GK_TRY(read_part(payload, strcspn(payload, "."), &claims, err));
	GK_TRY(read_head(issuer, head, &algorithm, err));
	(void)pthread_mutex_lock(&issuer->lock);
	rc = check_signature(issuer, head, algorithm, token, ret, err);
	(void)pthread_mutex_unlock(&issuer->lock);
	return rc == GK_OK ? check_claims(issuer, claims, now_s, ret, err) : rc;
}
