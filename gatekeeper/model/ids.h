#ifndef GK_MODEL_IDS_H
#define GK_MODEL_IDS_H
/* decision_id, approval_id and switch ids: a seq with a 64-bit MAC, so that ids can't be guessed and need no index. */

#include <stdbool.h>
#include <stdint.h>

#define ID_TEXT_BYTES 27 /* "dec_", 22 characters of base64url, '\0' */

struct id_key {
	uint8_t
	    bytes[16]; /* SipHash key, derived from the journal's HMAC key */
};

/* dec_, apr_, ksw_, hld_ */
enum id_kind { ID_DECISION, ID_APPROVAL, ID_SWITCH, ID_HOLD };

void id_print(const struct id_key *key, enum id_kind kind, uint64_t seq,
    char ret_text[ID_TEXT_BYTES]);

/* False for anything that id_print() wouldn't have printed. */
bool id_parse(const struct id_key *key, enum id_kind kind, const char *text,
    uint64_t *ret_seq);

/*
 * The seq in an id that stands in the log, where the signature vouches for it
 * and the key may be absent.  False when it hasn't an id's form.
 */
bool id_seq(enum id_kind kind, const char *text, uint64_t *ret_seq);

#endif
