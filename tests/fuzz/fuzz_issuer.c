/* Fuzzes an issuer's key set and a token: a set in the first line, a token behind it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "http/issuer.h"
#include "model/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define NOW_S INT64_C(1800000000)

static struct issuer *
make(void)
{
	static const char *const algorithms[] = {
	    "RS256", "ES256", "EdDSA", "PS256", "ES384", "ES512"};
	static const struct issuer_options options = {
	    .issuer = "https://idp.example/realm",
	    .audience = "gatekeeper",
	    .algorithms = algorithms,
	    .algorithm_count = GK_COUNT(algorithms),
	};
	struct issuer *issuer = NULL;

	GK_ASSERT(issuer_new(&options, &issuer, NULL) == GK_OK);
	return issuer;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct issuer *issuer;
	const uint8_t *end = n == 0 ? NULL : memchr(bytes, '\n', n);
	size_t set_n = end == NULL ? n : (size_t)(end - bytes);
	char *token;
	struct issuer_finding found;
	struct gk_err err = {0};

	if (issuer == NULL) {
		issuer = make();
	}
	if (issuer_set_keys(issuer, (const char *)bytes, set_n, &err) !=
		GK_OK &&
	    err.rc == GK_OK) {
		abort(); /* a refusal says why */
	}
	if (end == NULL) {
		return 0;
	}
	token = strndup((const char *)end + 1, n - set_n - 1);
	GK_ASSERT(token != NULL);
	if (issuer_check(issuer, token, NOW_S, &found, &err) == GK_OK) {
		GK_ASSERT(name_is_id(found.id));
		GK_ASSERT(found.ends_s + ISSUER_SKEW_S > NOW_S);
		GK_ASSERT(!found.unknown_key);
	}
	free(token);
	return 0;
}
