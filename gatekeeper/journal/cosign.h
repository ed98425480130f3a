#ifndef GK_JOURNAL_COSIGN_H
#define GK_JOURNAL_COSIGN_H
/* C2SP tlog-cosignature v1 (Ed25519): a witness's dated word that a checkpoint follows from all that it saw before. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/note.h"

/*
 * A witness's key is a note_vkey whose id is computed with algorithm 0x04; its
 * origin is the witness's name.  Errors: as note_vkey_make() and _parse().
 */
enum gk_rc cosign_vkey_make(const char *name,
    const uint8_t public_key[SIGN_PUBLIC_BYTES], struct note_vkey *ret,
    struct gk_err *err) GK_MUST_USE;
size_t cosign_vkey_print(
    const struct note_vkey *vkey, char ret_text[NOTE_VKEY_BYTES]);
enum gk_rc cosign_vkey_parse(
    const char *text, struct note_vkey *ret, struct gk_err *err) GK_MUST_USE;

/*
 * Append the signature line by which the witness cosigns a checkpoint.  text is the
 * checkpoint's text with its last newline, without the signatures (note_verify()
 * tells its length); time_s: POSIX seconds, not negative.
 */
enum gk_rc cosign_sign(const char *text, size_t n, int64_t time_s,
    const struct note_vkey *witness, const struct sign_key *key,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* A cosignature that was found and verified. */
struct cosign_found {
	bool found;
	int64_t time_s;
	const char *line; /* with its newline; borrowed from lines */
	size_t line_n;
};

/*
 * Look for the witness's line among signature lines over that text, as a witness
 * answers them or as they stand in a note.  What other keys signed is passed over,
 * whatever its form; of several lines of the witness the latest counts.
 * Errors: GK_E_CORRUPT when a line claims to be the witness's and doesn't verify.
 */
enum gk_rc cosign_find(const char *text, size_t n, const char *lines,
    size_t lines_n, const struct note_vkey *witness, struct cosign_found *ret,
    struct gk_err *err) GK_MUST_USE;

#endif
