/* Keyed hashes of what agents say: what is recorded instead of arguments, contexts, outputs, errors. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "gate/gate_internal.h"

enum { ACTION_KEY_BYTES = 16 };

/* letters, the key's id, "_" and the hash's first n bytes */
static void
print(const char *letters, int64_t id, const struct digest *hash, size_t n,
    char ret[GATE_HASH_BYTES])
{
	int at = snprintf(ret, GATE_HASH_BYTES, "%s%" PRId64 "_", letters, id);

	GK_ASSERT(id >= 1 && id <= EVENT_KEY_MAX && at > 0);
	(void)digest_b64url(hash->bytes, n, ret + at);
}

void
hash_text(const struct gate_hash_key *key, const char *label, const char *text,
    size_t n, char ret[GATE_HASH_BYTES])
{
	const struct digest_part parts[] = {
	    {label, strlen(label) + 1}, {text, n}};
	struct digest hash;

	digest_hmac(key->bytes, parts, GK_COUNT(parts), &hash);
	print("h", key->id, &hash, sizeof(hash.bytes), ret);
}

/* An action's name needs no escapes, so {"action":…,"args":…} is canonical as it is put together. */
void
hash_action(const struct gate_hash_key *key, const char *action,
    const char *args, size_t n, char ret[GATE_HASH_BYTES])
{
	static const char label[] = "gatekeeper/action/v1",
			  a[] = "{\"action\":\"", b[] = "\",\"args\":";
	const struct digest_part parts[] = {{label, sizeof(label)},
	    {a, sizeof(a) - 1}, {action, strlen(action)}, {b, sizeof(b) - 1},
	    {args, n}, {"}", 1}};
	struct digest hash;

	digest_hmac(key->bytes, parts, GK_COUNT(parts), &hash);
	print("ak", key->id, &hash, ACTION_KEY_BYTES, ret);
}
