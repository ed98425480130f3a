/* Keyed hashes of what agents say: what is recorded instead of arguments, contexts, outputs, errors. */
#include <string.h>

#include "gate/gate_internal.h"

enum { ACTION_KEY_BYTES = 16 };

void
hash_text(const uint8_t key[32], const char *label, const char *text, size_t n,
    char ret[GATE_HASH_BYTES])
{
	const struct digest_part parts[] = {
	    {label, strlen(label) + 1}, {text, n}};
	struct digest hash;

	digest_hmac(key, parts, GK_COUNT(parts), &hash);
	memcpy(ret, "h1_", 3);
	(void)digest_b64url(hash.bytes, sizeof(hash.bytes), ret + 3);
}

/* An action's name needs no escapes, so {"action":…,"args":…} is canonical as it is put together. */
void
hash_action(const uint8_t key[32], const char *action, const char *args,
    size_t n, char ret[GATE_HASH_BYTES])
{
	static const char label[] = "gatekeeper/action/v1",
			  a[] = "{\"action\":\"", b[] = "\",\"args\":";
	const struct digest_part parts[] = {{label, sizeof(label)},
	    {a, sizeof(a) - 1}, {action, strlen(action)}, {b, sizeof(b) - 1},
	    {args, n}, {"}", 1}};
	struct digest hash;

	digest_hmac(key, parts, GK_COUNT(parts), &hash);
	memcpy(ret, "ak1_", 4);
	(void)digest_b64url(hash.bytes, ACTION_KEY_BYTES, ret + 4);
}

void
gate__hash(const struct gate *gate, const char *label, const char *text,
    size_t n, char ret[GATE_HASH_BYTES])
{
	hash_text(gate->hmac_key, label, text, n, ret);
}

void
gate__action_key(const struct gate *gate, const char *action, const char *args,
    size_t n, char ret[GATE_HASH_BYTES])
{
	hash_action(gate->hmac_key, action, args, n, ret);
}
