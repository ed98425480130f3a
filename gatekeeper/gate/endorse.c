/*
 * One witness, one head: C2SP tlog-witness from the log's side.
 *
 * The request says from which size on the head is proven to continue the log.  A
 * witness that stands elsewhere answers 409 with its own size, and is asked again from
 * there.  A size beyond our head means that it has seen events that we don't have: the
 * journal was put back to an older state.  A proof that it refuses (422), though our own
 * tree bears it out, or another root at the same size, means that it has seen another
 * history.  Everything else is a witness that doesn't do its work just now.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gate/witness_internal.h"
#include "journal/witness.h"

enum { TRIES_MAX = 4, ANSWER_CAP = 16 * 1024, LINE_CAP = 1024 };

void
endorse_free(struct gate_cosigned *cosigned)
{
	if (cosigned != NULL) {
		gk_buf_done(&cosigned->note);
		gk_buf_done(&cosigned->line);
		free(cosigned);
	}
}

static enum gk_rc
print_request(struct journal_reader *reader, uint64_t from,
    const struct endorse_head *head, struct gk_buf *buf, struct gk_err *err)
{
	struct witness_request request = {.old_size = from,
	    .note = head->note.bytes,
	    .note_n = head->note.len};
	struct merkle_proof proof = {.count = 0};

	if (from > 0 && from < head->size) {
		GK_TRY(journal_prove_consistency(
		    reader, from, head->size, &proof, err));
	}
	if (proof.count > WITNESS_PROOF_MAX) {
		return GK_FAIL(err, GK_E_LIMIT, "a proof that is too long");
	}
	memcpy(
	    request.proof, proof.hashes, proof.count * sizeof(proof.hashes[0]));
	request.proof_count = proof.count;
	return witness_request_print(&request, buf, err);
}

/* Does our own tree bear out what we told?  Else it is us who are damaged. */
static enum gk_rc
check_own_proof(struct journal_reader *reader, uint64_t from, uint64_t to,
    struct gk_err *err)
{
	struct merkle_proof proof;
	struct digest before, after;

	if (from == 0 || from >= to) {
		return GK_OK;
	}
	GK_TRY(journal_prove_consistency(reader, from, to, &proof, err));
	GK_TRY(journal_prove_root(reader, from, &before, err));
	GK_TRY(journal_prove_root(reader, to, &after, err));
	if (!merkle_check_consistency(
		from, to, &before, &after, proof.hashes, proof.count)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the tiles of the journal contradict each other");
	}
	return GK_OK;
}

/* The size in a 409, a line of its own. */
static bool
size_parse(const struct gk_buf *body, uint64_t *ret)
{
	uint64_t size = 0;
	size_t n = body->len;

	if (n < 2 || n > 20 || body->bytes[n - 1] != '\n' ||
	    (body->bytes[0] == '0' && n > 2)) {
		return false;
	}
	for (size_t i = 0; i + 1 < n; i++) {
		if (body->bytes[i] < '0' || body->bytes[i] > '9') {
			return false;
		}
		size = size * 10 + (uint64_t)(body->bytes[i] - '0');
	}
	*ret = size;
	return size <= UINT64_C(1) << 63;
}

/* It has cosigned, or says so. */
static enum gk_rc
take_line(struct gate_witness *witness, const struct endorse_head *head,
    const struct gk_buf *body, enum endorse *ret,
    struct gate_cosigned **ret_cosigned, struct gk_err *why, struct gk_err *err)
{
	struct gate_cosigned *cosigned;
	struct cosign_found found;

	if (cosign_find(head->note.bytes,
		note_text_bytes(head->note.bytes, head->note.len),
		gk_buf_text(body), body->len, &witness->trust->vkey, &found,
		why) != GK_OK) {
		return GK_OK;
	}
	if (!found.found) {
		(void)GK_FAIL(why, GK_E_INVALID,
		    "it answers without a cosignature of its key");
		return GK_OK;
	}
	cosigned = calloc(1, sizeof(*cosigned));
	if (cosigned == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a cosignature");
	}
	cosigned->size = head->size;
	cosigned->time_s = found.time_s;
	cosigned->note.cap = NOTE_CHECKPOINT_MAX;
	cosigned->line.cap = LINE_CAP;
	if (gk_buf_add(&cosigned->note, head->note.bytes, head->note.len,
		err) != GK_OK ||
	    gk_buf_add(&cosigned->line, found.line, found.line_n, err) !=
		GK_OK) {
		endorse_free(cosigned);
		return GK_E_NOMEM;
	}
	witness->size = head->size;
	*ret = ENDORSE_COSIGNED;
	*ret_cosigned = cosigned;
	return GK_OK;
}

/* It stands elsewhere.  *ret_again: it is worth asking from there. */
static void
take_size(struct gate_witness *witness, const struct endorse_head *head,
    const struct gk_buf *body, enum endorse *ret, bool *ret_again,
    struct gk_err *why)
{
	uint64_t size;

	if (!size_parse(body, &size)) {
		(void)GK_FAIL(
		    why, GK_E_INVALID, "it answers 409 without a size");
	} else if (size > head->size) {
		*ret = ENDORSE_ROLLBACK;
		(void)GK_FAIL(why, GK_E_CORRUPT,
		    "rollback: it has cosigned %" PRIu64
		    " events, the journal has %" PRIu64,
		    size, head->size);
	} else if (size == witness->size && size == head->size) {
		*ret = ENDORSE_FORK;
		(void)GK_FAIL(why, GK_E_CORRUPT,
		    "fork: at %" PRIu64
		    " events it has cosigned another root than the journal's",
		    size);
	} else if (size == witness->size) {
		(void)GK_FAIL(why, GK_E_INVALID,
		    "it answers 409 with the size that it was asked from");
	} else {
		witness->size = size;
		*ret_again = true;
	}
}

static enum gk_rc
take_refused_proof(struct journal_reader *reader,
    const struct gate_witness *witness, const struct endorse_head *head,
    enum endorse *ret, struct gk_err *why, struct gk_err *err)
{
	GK_TRY(check_own_proof(reader, witness->size, head->size, err));
	*ret = ENDORSE_FORK;
	(void)GK_FAIL(why, GK_E_CORRUPT,
	    "fork: what it has cosigned at %" PRIu64
	    " events isn't the beginning of the journal",
	    witness->size);
	return GK_OK;
}

/* One request and what its answer means. */
static enum gk_rc
ask_once(struct gate *gate, struct journal_reader *reader,
    struct gate_witness *witness, const struct endorse_head *head,
    enum endorse *ret, bool *ret_again, struct gate_cosigned **ret_cosigned,
    struct gk_err *why, struct gk_err *err)
{
	const struct gate_witness_options *options = &gate->options.witness;
	GK_AUTO(gk_buf_done)
	struct gk_buf request = GK_BUF_INIT(WITNESS_REQUEST_MAX);
	GK_AUTO(gk_buf_done) struct gk_buf body = GK_BUF_INIT(ANSWER_CAP);
	int status = 0;

	GK_TRY(print_request(reader, witness->size, head, &request, err));
	if (options->post(options->post_ctx, witness->url, &request, &status,
		&body, why) != GK_OK) {
		return GK_OK;
	}
	switch (status) {
	case 200:
		return take_line(
		    witness, head, &body, ret, ret_cosigned, why, err);
	case 409:
		take_size(witness, head, &body, ret, ret_again, why);
		return GK_OK;
	case 422:
		return take_refused_proof(reader, witness, head, ret, why, err);
	case 403:
	case 404:
		(void)GK_FAIL(why, GK_E_INVALID,
		    "it doesn't watch this log, or not with this key (%d)",
		    status);
		return GK_OK;
	default:
		(void)GK_FAIL(why, GK_E_INVALID, "it answers %d", status);
		return GK_OK;
	}
}

enum gk_rc
endorse(struct gate *gate, struct journal_reader *reader,
    struct gate_witness *witness, const struct endorse_head *head,
    enum endorse *ret, struct gate_cosigned **ret_cosigned, struct gk_err *why,
    struct gk_err *err)
{
	bool again = true;

	*ret = ENDORSE_FAILED;
	*ret_cosigned = NULL;
	if (witness->size > head->size) {
		witness->size = 0; /* it will tell by itself */
	}
	for (int i = 0; i < TRIES_MAX && again; i++) {
		again = false;
		GK_TRY(ask_once(gate, reader, witness, head, ret, &again,
		    ret_cosigned, why, err));
	}
	if (again) {
		(void)GK_FAIL(why, GK_E_INVALID,
		    "each time it is asked it stands elsewhere");
	}
	return GK_OK;
}
