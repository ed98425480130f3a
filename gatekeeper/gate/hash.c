/* Keyed hashes of what agents say: what is recorded instead of arguments, contexts, outputs, errors. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "codec/canon.h"
#include "gate/gate_internal.h"

enum { ACTION_KEY_BYTES = 16, PSEUDONYM_BYTES = 16, PIN_TEXT_CAP = 2 << 20 };

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

void
hash_actor(const struct gate_hash_key *key, const char *actor_id,
    char ret[GATE_HASH_BYTES])
{
	static const char label[] =
	    "gatekeeper/pseudonym/v1", /* with its 0x00 */
	    field[] = "actor.id";
	const struct digest_part parts[] = {{label, sizeof(label)},
	    {field, sizeof(field)}, {actor_id, strlen(actor_id)}};
	struct digest hash;

	digest_hmac(key->bytes, parts, GK_COUNT(parts), &hash);
	print("p", key->id, &hash, PSEUDONYM_BYTES, ret);
}

size_t
hash_actor_names(struct gate *gate, const char *actor_id,
    struct gk_arena *arena, const char *ret_names[1 + LEDGER_HASH_KEYS_MAX])
{
	GK_AUTO(gate__keys_wipe) struct gate_hash_keys keys = {.count = 0};
	char(*texts)[GATE_HASH_BYTES];

	ret_names[0] = actor_id;
	if (name_is_pseudonym(actor_id)) {
		return 1;
	}
	gate__keys_copy(gate, &keys);
	texts = gk_arena_calloc(arena, keys.count, sizeof(*texts));
	for (size_t i = 0; texts != NULL && i < keys.count; i++) {
		hash_actor(&keys.keys[i], actor_id, texts[i]);
		ret_names[i + 1] = texts[i];
	}
	return texts == NULL ? 0 : keys.count + 1;
}

/* ---- what a bounded grant holds fixed ---- */

static bool
has_pin(const char *const *pins, size_t count, const char *pin)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(pins[i], pin) == 0) {
			return true;
		}
	}
	return false;
}

/* Every rule's pins, each once, sorted; false: no memory. */
static bool
list_pins(const struct findings *findings, struct gk_arena *arena,
    const char ***ret, size_t *ret_count)
{
	const char **pins =
	    gk_arena_calloc(arena, APPROVAL_PINS_MAX, sizeof(*pins));
	size_t n = 0;

	for (size_t i = 0; i < findings->approval_count && pins != NULL; i++) {
		const struct approval_finding *rule = &findings->approvals[i];

		for (size_t k = 0; k < rule->pin_count && !rule->shadow; k++) {
			size_t at = n;

			if (n == APPROVAL_PINS_MAX ||
			    has_pin(pins, n, rule->pins[k])) {
				continue;
			}
			for (;
			     at > 0 && strcmp(pins[at - 1], rule->pins[k]) > 0;
			     at--) {
				pins[at] = pins[at - 1];
			}
			pins[at] = rule->pins[k];
			n++;
		}
	}
	*ret = pins;
	*ret_count = n;
	return pins != NULL;
}

static enum gk_rc
hash_pin(const struct gate_hash_key *key, const char *path,
    const struct gk_buf *value, struct gk_arena *arena, struct record_pair *ret,
    struct gk_err *err)
{
	static const char label[] = "gatekeeper/pin/v1";
	const struct digest_part parts[] = {{label, sizeof(label)},
	    {path, strlen(path) + 1}, {value->bytes, value->len}};
	char *text = gk_arena_alloc(arena, GATE_HASH_BYTES);
	struct digest hash;

	if (text == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "pin");
	}
	digest_hmac(key->bytes, parts, GK_COUNT(parts), &hash);
	print("h", key->id, &hash, sizeof(hash.bytes), text);
	*ret = (struct record_pair){path, text};
	return GK_OK;
}

enum gk_rc
hash_pins(const struct gate_hash_key *keys, size_t key_count,
    const struct json_value *args, const struct findings *findings,
    struct gk_arena *arena, struct record_pair ***ret_pins, size_t *ret_count,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(PIN_TEXT_CAP);
	struct record_pair **made =
	    gk_arena_calloc(arena, key_count, sizeof(*made));
	const char **paths;
	size_t count;

	if (made == NULL || !list_pins(findings, arena, &paths, &count)) {
		return GK_FAIL(err, GK_E_NOMEM, "pins");
	}
	for (size_t k = 0; k < key_count; k++) {
		made[k] = gk_arena_calloc(arena, count, sizeof(**made));
		if (made[k] == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "pins");
		}
	}
	for (size_t i = 0; i < count; i++) {
		const struct json_value *value = json_at(args, paths[i]);

		gk_buf_clear(&text); /* empty: there is no such argument */
		if (value != NULL) {
			GK_TRY(canon_print(value, &text, err));
		}
		for (size_t k = 0; k < key_count; k++) {
			GK_TRY(hash_pin(&keys[k], paths[i], &text, arena,
			    &made[k][i], err));
		}
	}
	*ret_pins = made;
	*ret_count = count;
	return GK_OK;
}
