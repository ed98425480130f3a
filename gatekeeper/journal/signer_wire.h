#ifndef GK_JOURNAL_SIGNER_WIRE_H
#define GK_JOURNAL_SIGNER_WIRE_H
/* What a gatekeeper and its signer say to one another: frames of bytes, both ways. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"

/*
 * A frame is its length (four bytes, big-endian, of what follows) and
 *   op (1), flags (1), size (8), root (32), count (4), count hashes (32 each)
 * for requests, and
 *   op (1), flags (1), size (8), root (32), n (2), m (2), n and m bytes of text
 * for answers.  Each request but COMMITTED has one answer.
 */
#define SIGNER_VERSION     1
#define SIGNER_HEAD_BYTES  46
#define SIGNER_HASHES_MAX  4096
#define SIGNER_TEXT_MAX    4096 /* of one text of an answer */
#define SIGNER_REQUEST_MAX (SIGNER_HEAD_BYTES + 32 * SIGNER_HASHES_MAX)
#define SIGNER_ANSWER_MAX  (SIGNER_HEAD_BYTES + 2 * SIGNER_TEXT_MAX)

enum signer_op {
	SIGNER_NONE = 0,
	/* flags: the version; size, root and hashes: head and peaks of what is committed */
	SIGNER_HELLO,
	/* size: behind which the hashes follow; flags: SIGNER_HANDOVER or 0 */
	SIGNER_SIGN,
	SIGNER_COMMITTED, /* size, root: of what was signed last */
	SIGNER_NEXT,      /* size: seq of the event that will name the key */
	SIGNER_OP_COUNT,
};

#define SIGNER_HANDOVER 1 /* SIGN: with the current key and the next one */
#define SIGNER_DROPPED \
	1 /* answer to HELLO: size, root: signed and never committed */
#define SIGNER_REFUSED 2 /* any answer: the text says why */

struct signer_request {
	enum signer_op op;
	uint8_t flags;
	uint64_t size;
	struct digest root;
	const uint8_t *hashes; /* count times 32 bytes; borrowed */
	size_t count;
};

/* Texts: HELLO the verifier key; SIGN the note; NEXT the next verifier key, and the handover. */
struct signer_answer {
	enum signer_op op; /* the request's */
	uint8_t flags;
	uint64_t size;
	struct digest root;
	const char *text, *more; /* borrowed; not terminated */
	size_t text_n, more_n;
};

/* Append a frame, with its length.  Errors: GK_E_NOMEM, GK_E_LIMIT. */
enum gk_rc signer_request_encode(const struct signer_request *request,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
enum gk_rc signer_answer_encode(const struct signer_answer *answer,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* Read a frame without its length.  Errors: GK_E_INVALID. */
enum gk_rc signer_request_decode(const uint8_t *bytes, size_t n,
    struct signer_request *ret, struct gk_err *err) GK_MUST_USE;
enum gk_rc signer_answer_decode(const uint8_t *bytes, size_t n,
    struct signer_answer *ret, struct gk_err *err) GK_MUST_USE;

/*
 * One whole frame over a socket, at the latest when CLOCK_MONOTONIC says end_us; its
 * length is checked against cap before a byte more is read.  _read puts the frame
 * into buf without its length; *ret_closed: the other side has ended between frames.
 * Errors: GK_E_IO (closed, late), GK_E_LIMIT, GK_E_NOMEM.
 */
enum gk_rc signer_frame_read(int fd, size_t cap, int64_t end_us,
    struct gk_buf *buf, bool *ret_closed, struct gk_err *err) GK_MUST_USE;
enum gk_rc signer_frame_write(int fd, const struct gk_buf *buf, int64_t end_us,
    struct gk_err *err) GK_MUST_USE;
int64_t signer_now_us(void); /* CLOCK_MONOTONIC */

#endif
