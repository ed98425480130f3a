#ifndef GK_JOURNAL_NOTE_H
#define GK_JOURNAL_NOTE_H
/* C2SP signed-note and tlog-checkpoint: print, parse, sign, verify. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/digest.h"
#include "codec/sign.h"

#define NOTE_ORIGIN_MAX \
	128 /* bytes of a key name: no space, '+' or control; UTF-8 */
#define NOTE_VKEY_BYTES     256  /* a verifier key's text and '\0' */
#define NOTE_CHECKPOINT_MAX 4096 /* bytes of a checkpoint with its signatures */
#define NOTE_SIGNATURES_MAX 16

/* An Ed25519 (algorithm 0x01) verifier key. */
struct note_vkey {
	char origin[NOTE_ORIGIN_MAX + 1];
	uint32_t
	    key_id; /* SHA-256(origin ‖ 0x0A ‖ 0x01 ‖ public key)[0:4], big-endian */
	uint8_t public_key[SIGN_PUBLIC_BYTES];
};

struct note_checkpoint {
	char origin[NOTE_ORIGIN_MAX + 1];
	uint64_t size;
	struct digest root;
};

/* Errors: GK_E_INVALID for an origin that a key can't have. */
enum gk_rc note_vkey_make(const char *origin,
    const uint8_t public_key[SIGN_PUBLIC_BYTES], struct note_vkey *ret,
    struct gk_err *err) GK_MUST_USE;

/* "origin+hex8+base64(0x01 ‖ public key)"; gives its length. */
size_t note_vkey_print(
    const struct note_vkey *vkey, char ret_text[NOTE_VKEY_BYTES]);

/* Strict: wrong hash, algorithm, length, alphabet: GK_E_INVALID. */
enum gk_rc note_vkey_parse(
    const char *text, struct note_vkey *ret, struct gk_err *err) GK_MUST_USE;

/*
 * Append a checkpoint signed by key: three lines, an empty one, the signature
 * line.  vkey is the key's public half and origin.
 */
enum gk_rc note_checkpoint_sign(const struct note_checkpoint *checkpoint,
    const struct note_vkey *vkey, const struct sign_key *key,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/*
 * Read the text of a checkpoint (extension lines and signatures by other keys
 * are allowed, as C2SP says), without believing it.  Borrows bytes.
 * Errors: GK_E_INVALID, GK_E_LIMIT.
 */
enum gk_rc note_checkpoint_parse(const char *bytes, size_t n,
    struct note_checkpoint *ret, struct gk_err *err) GK_MUST_USE;

/*
 * Read a checkpoint and believe it: the origin is vkey's, and at least one
 * signature line is vkey's (name and key id) and each such line verifies.
 * Errors: GK_E_INVALID, GK_E_LIMIT for bytes that aren't a checkpoint,
 * GK_E_CORRUPT for another log's, and for a signature that is missing or doesn't
 * verify.
 */
enum gk_rc note_checkpoint_verify(const char *bytes, size_t n,
    const struct note_vkey *vkey, struct note_checkpoint *ret,
    struct gk_err *err) GK_MUST_USE;

/*
 * Believe a signed note of any text, by the same rule.  Gives how many of the bytes,
 * from the first, are its text.  Errors: as above.
 */
enum gk_rc note_verify(const char *bytes, size_t n,
    const struct note_vkey *vkey, size_t *ret_text_n,
    struct gk_err *err) GK_MUST_USE;

/*
 * How many bytes of a note, from the first, are its text; 0 when it is no note.  The
 * empty line and the signature lines follow.
 */
size_t note_text_bytes(const char *bytes, size_t n);

/* Append the first signature line that claims to be vkey's, with its newline.  GK_E_CORRUPT when there is none. */
enum gk_rc note_line_of(const char *bytes, size_t n,
    const struct note_vkey *vkey, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/* "PRIVATE+KEY+origin+hex8+base64(0x01 ‖ seed)", the form of Go's sumdb/note. */
enum gk_rc note_skey_print(const struct note_vkey *vkey,
    const uint8_t seed[SIGN_SEED_BYTES], struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc note_skey_parse(const char *text, struct note_vkey *ret_vkey,
    struct sign_key *ret_key, struct gk_err *err) GK_MUST_USE;

#endif
