/*
 * The text of a C2SP tlog-proof, printed and read.
 *
 * Line by line:
 *
 *   c2sp.org/tlog-proof@v1
 *   extra <base64>                 (may be left out)
 *   index <decimal>
 *   <base64 of a hash>             (none to 64 of them, from the leaf up)
 *                                  (an empty line)
 *   <a signed checkpoint>
 */
#include <inttypes.h>
#include <string.h>

#include "journal/proof.h"

#define PROOF_HEADER "c2sp.org/tlog-proof@v1"

enum gk_rc
proof_print(const struct proof *proof, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(
	    buf, err, "%s\nindex %" PRIu64 "\n", PROOF_HEADER, proof->index));
	for (size_t i = 0; i < proof->path.count; i++) {
		char text[DIGEST_B64];

		(void)digest_b64(
		    proof->path.hashes[i].bytes, DIGEST_BYTES, text);
		GK_TRY(gk_buf_printf(buf, err, "%s\n", text));
	}
	GK_TRY(gk_buf_putc(buf, '\n', err));
	return gk_buf_add(buf, proof->checkpoint, proof->checkpoint_n, err);
}

/* Where the reading is. */
struct proof_text {
	const char *at;
	size_t n;
	int line; /* the one that was read last, from 1 */
};

/* The next line without its newline; false when there is none that ends. */
static bool
line_next(struct proof_text *text, const char **ret_line, size_t *ret_n)
{
	const char *end = memchr(text->at, '\n', text->n);

	text->line++;
	if (end == NULL) {
		return false;
	}
	*ret_line = text->at;
	*ret_n = (size_t)(end - text->at);
	text->at = end + 1;
	text->n -= *ret_n + 1;
	return true;
}

/* Cut a word and a space off the line's front. */
static bool
word_skip(const char **line, size_t *n, const char *word)
{
	size_t word_n = strlen(word);

	if (*n < word_n || memcmp(*line, word, word_n) != 0) {
		return false;
	}
	*line += word_n;
	*n -= word_n;
	return true;
}

static bool
index_parse(const char *text, size_t n, uint64_t *ret)
{
	uint64_t index = 0;

	if (n == 0 || (text[0] == '0' && n > 1)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned)(text[i] - '0');

		if (text[i] < '0' || text[i] > '9' ||
		    index > (UINT64_MAX - digit) / 10) {
			return false;
		}
		index = index * 10 + digit;
	}
	*ret = index;
	return true;
}

static enum gk_rc
fault(const struct proof_text *text, struct gk_err *err, const char *what)
{
	enum gk_rc rc = GK_FAIL(err, GK_E_INVALID, "not a proof: %s", what);

	gk_err_where(err, "line %d", text->line);
	return rc;
}

/* Is it base64?  Piece by piece; only the last may end with padding. */
static bool
extra_check(const char *text, size_t n)
{
	enum { PIECE = 64, PIECE_BYTES = PIECE / 4 * 3 };
	uint8_t bytes[PIECE_BYTES];
	size_t got = PIECE_BYTES;

	for (size_t at = 0; at < n; at += PIECE) {
		size_t piece = n - at < PIECE ? n - at : PIECE;

		if (got != PIECE_BYTES || !digest_from_b64(text + at, piece,
					      bytes, sizeof(bytes), &got)) {
			return false;
		}
	}
	return n > 0;
}

/* The header, the extra data, the index. */
static enum gk_rc
head_parse(struct proof_text *text, struct proof *ret, struct gk_err *err)
{
	const char *line = NULL;
	size_t n = 0;

	if (!line_next(text, &line, &n) || n != sizeof(PROOF_HEADER) - 1 ||
	    memcmp(line, PROOF_HEADER, n) != 0) {
		return fault(text, err, "the first line must be " PROOF_HEADER);
	}
	if (!line_next(text, &line, &n)) {
		return fault(text, err, "it is cut short");
	}
	if (word_skip(&line, &n, "extra ")) {
		if (!extra_check(line, n)) {
			return fault(text, err, "extra data that isn't base64");
		}
		if (!line_next(text, &line, &n)) {
			return fault(text, err, "it is cut short");
		}
	}
	if (!word_skip(&line, &n, "index ") ||
	    !index_parse(line, n, &ret->index)) {
		return fault(text, err, "expected \"index\" and a number");
	}
	return GK_OK;
}

/* Hashes up to the empty line. */
static enum gk_rc
path_parse(
    struct proof_text *text, struct merkle_proof *ret, struct gk_err *err)
{
	for (;;) {
		const char *line;
		size_t n, hash_n;

		if (!line_next(text, &line, &n)) {
			return fault(text, err, "it is cut short");
		}
		if (n == 0) {
			return GK_OK;
		}
		if (ret->count == MERKLE_PROOF_MAX) {
			return fault(
			    text, err, "more hashes than a tree needs");
		}
		if (!digest_from_b64(line, n, ret->hashes[ret->count].bytes,
			DIGEST_BYTES, &hash_n) ||
		    hash_n != DIGEST_BYTES) {
			return fault(
			    text, err, "a line that isn't a hash in base64");
		}
		ret->count++;
	}
}

enum gk_rc
proof_parse(const char *bytes, size_t n, struct proof *ret, struct gk_err *err)
{
	struct proof_text text = {bytes, n, 0};
	struct proof proof = {.index = 0};

	if (n > PROOF_BYTES_MAX) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "a proof of %zu bytes; at most %d are read", n,
		    PROOF_BYTES_MAX);
	}
	GK_TRY(head_parse(&text, &proof, err));
	GK_TRY(path_parse(&text, &proof.path, err));
	if (text.n == 0) {
		text.line++;
		return fault(&text, err, "the checkpoint is missing");
	}
	proof.checkpoint = text.at;
	proof.checkpoint_n = text.n;
	*ret = proof;
	return GK_OK;
}

bool
proof_check(const struct proof *proof, const struct note_checkpoint *checkpoint,
    const struct digest *leaf)
{
	return merkle_check_inclusion(proof->index, checkpoint->size, leaf,
	    proof->path.hashes, proof->path.count, &checkpoint->root);
}
