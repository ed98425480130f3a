#ifndef GK_JOURNAL_WITNESS_H
#define GK_JOURNAL_WITNESS_H
/* A C2SP tlog-witness: remembers the last head of each log that it knows, and cosigns only what follows from it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "journal/merkle.h"
#include "journal/note.h"
#include "journal/trust.h"

/* Most that a request to add a checkpoint may have. */
#define WITNESS_REQUEST_MAX (16u << 10)
#define WITNESS_PROOF_MAX   63

struct witness;

struct witness_options {
	const char *dir; /* made when it isn't there */
	const char
	    *name; /* of its key, when that is made; NULL: a unique one */
	const struct trust *logs;     /* borrowed until it is closed */
	const struct gk_clock *clock; /* NULL: the system's */
};

/*
 * Take dir/lock, read or make dir/witness.key (0600; the verifier key lies in dir/vkey),
 * and read what was cosigned last, log by log; each must be whole and its own.
 * Errors: GK_E_BUSY (another one runs there), GK_E_CORRUPT (a state that isn't what
 * was written), GK_E_INVALID (the name), GK_E_IO, GK_E_NOMEM.
 */
enum gk_rc witness_open(const struct witness_options *options,
    struct witness **ret, struct gk_err *err) GK_MUST_USE;
void witness_close(struct witness *witness); /* NULL is fine */

const char *witness_vkey(const struct witness *witness);

/* How the specification wants a request to be answered. */
enum witness_word {
	WITNESS_MALFORMED = 0, /* 400 */
	WITNESS_UNKNOWN_LOG,   /* 404 */
	WITNESS_UNKNOWN_KEY,   /* 403 */
	WITNESS_CONFLICT,      /* 409: the size that is known is the answer */
	WITNESS_UNPROVEN,      /* 422 */
	WITNESS_COSIGNED,      /* 200: the signature line is the answer */
};

/*
 * Judge one request (add-checkpoint).  What is cosigned was on the disk before; requests
 * are judged one after the other, so any thread may call.  answer gets the line, or the
 * size and a newline; for the rest err tells why, in words.
 * Errors: GK_E_IO (the disk failed: nothing is cosigned any more), GK_E_NOMEM.
 */
enum gk_rc witness_add(struct witness *witness, const char *bytes, size_t n,
    enum witness_word *ret_word, struct gk_buf *answer,
    struct gk_err *err) GK_MUST_USE;

/* A request as a client writes it and a witness reads it. */
struct witness_request {
	uint64_t old_size;
	struct digest proof[WITNESS_PROOF_MAX];
	size_t proof_count;
	const char *note; /* the checkpoint with its signatures; borrowed */
	size_t note_n;
};

/* Errors: GK_E_INVALID, GK_E_LIMIT. */
enum gk_rc witness_request_parse(const char *bytes, size_t n,
    struct witness_request *ret, struct gk_err *err) GK_MUST_USE;
enum gk_rc witness_request_print(const struct witness_request *request,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

#endif
