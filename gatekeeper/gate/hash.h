#ifndef GK_GATE_HASH_H
#define GK_GATE_HASH_H
/* Keyed hashes of what agents say, under keys that have numbers. */

#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"
#include "ledger/ledger.h"

/* "h", a key's id, "_", 43 characters, '\0', and room */
#define GATE_HASH_BYTES 64

struct gate_hash_key {
	int64_t id;
	uint8_t bytes[JOURNAL_HASH_KEY_BYTES];
};

/* Those that aren't destroyed, the newest first.  Copies are wiped. */
struct gate_hash_keys {
	uint64_t generation; /* of the list */
	size_t count;
	struct gate_hash_key keys[LEDGER_HASH_KEYS_MAX];
};

/* "h<id>_…" of label and text. */
void hash_text(const struct gate_hash_key *key, const char *label,
    const char *text, size_t n, char ret[GATE_HASH_BYTES]);
/* "ak<id>_…" of an action and its canonical arguments. */
void hash_action(const struct gate_hash_key *key, const char *action,
    const char *args, size_t n, char ret[GATE_HASH_BYTES]);

/* "p<id>_…" of an actor's id. */
void hash_actor(const struct gate_hash_key *key, const char *actor_id,
    char ret[GATE_HASH_BYTES]);

struct gate;
struct gk_arena;
/*
 * Everything that a recorded actor of that id may be called: the id, and its pseudonym
 * under each key; only the id where it is a pseudonym itself.  In arena; gives how
 * many, at most 1 + LEDGER_HASH_KEYS_MAX.  0: no memory.
 */
size_t hash_actor_names(struct gate *gate, const char *actor_id,
    struct gk_arena *arena, const char *ret_names[1 + LEDGER_HASH_KEYS_MAX]);

/*
 * The arguments that the findings' approval rules pin, each as the keyed hash of
 * its value, or of its absence: for each key one list, sorted by pointer.
 * Gives *ret_pins[key_count], each of *ret_count, in arena.
 */
enum gk_rc hash_pins(const struct gate_hash_key *keys, size_t key_count,
    const struct json_value *args, const struct findings *findings,
    struct gk_arena *arena, struct record_pair ***ret_pins, size_t *ret_count,
    struct gk_err *err) GK_MUST_USE;

/* keys.c: which of them there are. */
/* After the ledger was folded: the keys that it says are there. */
enum gk_rc gate__keys_open(struct gate *gate, struct gk_err *err) GK_MUST_USE;
void gate__keys_copy(struct gate *gate, struct gate_hash_keys *ret);
void gate__keys_wipe(struct gate_hash_keys *keys); /* for GK_AUTO */

#endif
