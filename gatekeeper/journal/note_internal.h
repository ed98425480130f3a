#ifndef GK_JOURNAL_NOTE_INTERNAL_H
#define GK_JOURNAL_NOTE_INTERNAL_H
/* What signed notes and cosignatures share: keys by algorithm, and how a signature line begins. */

#include "journal/note.h"

#define NOTE_SIGNATURE_MARK "\xe2\x80\x94 " /* an em dash and a space */

/* The byte that stands before a public key, and goes into its id. */
enum note_algorithm {
	NOTE_ED25519 = 0x01,     /* a log's */
	NOTE_COSIGNATURE = 0x04, /* a witness's: dated, over another message */
};

/* As note_vkey_make(), _print() and _parse(), for keys of that algorithm alone. */
enum gk_rc note__vkey_make(enum note_algorithm algorithm, const char *origin,
    const uint8_t public_key[SIGN_PUBLIC_BYTES], struct note_vkey *ret,
    struct gk_err *err) GK_MUST_USE;
size_t note__vkey_print(enum note_algorithm algorithm,
    const struct note_vkey *vkey, char ret_text[NOTE_VKEY_BYTES]);
enum gk_rc note__vkey_parse(enum note_algorithm algorithm, const char *text,
    struct note_vkey *ret, struct gk_err *err) GK_MUST_USE;

#endif
