/*
 * The signer's client.
 *
 * head is what the journal has committed; leaves are those of the batch behind it, of
 * which the signer has been sent the first `sent`.  When the connection breaks, the
 * signer is told the head again: it drops what it has signed since, and all leaves are
 * sent anew.  Only a batch that hands over to another key can't be sent twice, for the
 * other signature stands in the store already: it fails.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "journal/journal_internal.h"
#include "journal/signer_wire.h"

#define ANSWER_US (5 * GK_US_PER_S) /* for all that one question takes */
enum { RETRY_NS = 20000000 };

struct remote {
	struct sockaddr_un address;
	int fd; /* -1: not connected */
	struct merkle_frontier head;
	struct digest *leaves;
	size_t count, room, sent;
	struct note_vkey vkey;
	bool handed_over; /* in this batch */
	struct gk_buf out, in;
};

enum gk_rc
journal__remote_new(
    const char *path, struct remote **ret_remote, struct gk_err *err)
{
	struct remote *remote = calloc(1, sizeof(*remote));

	if (remote == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a signer's client");
	}
	remote->fd = -1;
	remote->address.sun_family = AF_UNIX;
	remote->out = (struct gk_buf)GK_BUF_INIT(SIGNER_REQUEST_MAX + 4);
	remote->in = (struct gk_buf)GK_BUF_INIT(SIGNER_ANSWER_MAX);
	if ((size_t)snprintf(remote->address.sun_path,
		sizeof(remote->address.sun_path), "%s",
		path) >= sizeof(remote->address.sun_path)) {
		journal__remote_free(remote);
		return GK_FAIL(err, GK_E_INVALID,
		    "the signer's socket has too long a path");
	}
	*ret_remote = remote;
	return GK_OK;
}

void
journal__remote_free(struct remote *remote)
{
	if (remote != NULL) {
		journal__fd_close(&remote->fd);
		gk_buf_done(&remote->out);
		gk_buf_done(&remote->in);
		free(remote->leaves);
		free(remote);
	}
}

static void
hang_up(struct remote *remote)
{
	journal__fd_close(&remote->fd);
	remote->fd = -1;
}

/* Send, and read the answer; a refusal is GK_E_CORRUPT with its text. */
static enum gk_rc
ask(struct remote *remote, const struct signer_request *request, int64_t end_us,
    struct signer_answer *ret, struct gk_err *err)
{
	bool closed;

	gk_buf_clear(&remote->out);
	GK_TRY(signer_request_encode(request, &remote->out, err));
	GK_TRY(signer_frame_write(remote->fd, &remote->out, end_us, err));
	GK_TRY(signer_frame_read(
	    remote->fd, SIGNER_ANSWER_MAX, end_us, &remote->in, &closed, err));
	if (closed ||
	    signer_answer_decode((const uint8_t *)gk_buf_text(&remote->in),
		remote->in.len, ret, NULL) != GK_OK ||
	    ret->op != request->op) {
		return GK_FAIL(err, GK_E_IO, "the signer gives no answer");
	}
	if ((ret->flags & SIGNER_REFUSED) != 0) {
		return GK_FAIL(err, GK_E_CORRUPT, "the signer refuses: %.*s",
		    (int)ret->text_n, ret->text);
	}
	return GK_OK;
}

static enum gk_rc
dial(struct remote *remote, struct gk_err *err)
{
	hang_up(remote);
	remote->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (remote->fd < 0 ||
	    connect(remote->fd, (const struct sockaddr *)&remote->address,
		sizeof(remote->address)) != 0) {
		return GK_FAIL(err, GK_E_IO, "the signer at %s: %s",
		    remote->address.sun_path, strerrordesc_np(errno));
	}
	return GK_OK;
}

/* The text of a key in an answer. */
static enum gk_rc
read_vkey(const struct signer_answer *answer, struct note_vkey *ret,
    struct gk_err *err)
{
	char text[NOTE_VKEY_BYTES];

	if (answer->text_n >= sizeof(text)) {
		return GK_FAIL(
		    err, GK_E_CORRUPT, "the signer's key is too long");
	}
	memcpy(text, answer->text, answer->text_n);
	text[answer->text_n] = '\0';
	return note_vkey_parse(text, ret, err) == GK_OK ? GK_OK : GK_E_CORRUPT;
}

static enum gk_rc
hello(struct remote *remote, int64_t end_us, uint64_t *ret_dropped,
    struct gk_err *err)
{
	uint8_t peaks[64 * DIGEST_BYTES];
	struct signer_request request = {.op = SIGNER_HELLO,
	    .flags = SIGNER_VERSION,
	    .size = remote->head.size,
	    .hashes = peaks,
	    .count = remote->head.count};
	struct signer_answer answer;

	for (size_t i = 0; i < request.count; i++) {
		memcpy(peaks + i * DIGEST_BYTES, remote->head.peaks[i].bytes,
		    DIGEST_BYTES);
	}
	merkle_root(&remote->head, &request.root);
	GK_TRY(dial(remote, err));
	GK_TRY(ask(remote, &request, end_us, &answer, err));
	GK_TRY(read_vkey(&answer, &remote->vkey, err));
	*ret_dropped = (answer.flags & SIGNER_DROPPED) != 0 ? answer.size : 0;
	remote->sent = 0;
	return GK_OK;
}

/* A signer that is being started comes in a moment. */
static enum gk_rc
hello_in_time(struct remote *remote, int64_t end_us, uint64_t *ret_dropped,
    struct gk_err *err)
{
	static const struct timespec pause = {0, RETRY_NS};
	enum gk_rc rc;

	while ((rc = hello(remote, end_us, ret_dropped, err)) == GK_E_IO &&
	       signer_now_us() < end_us) {
		(void)nanosleep(&pause, NULL);
	}
	if (rc != GK_OK) {
		hang_up(remote);
	}
	return rc;
}

enum gk_rc
journal__remote_hello(struct remote *remote, const struct merkle_frontier *head,
    struct note_vkey *ret_vkey, uint64_t *ret_dropped, struct gk_err *err)
{
	remote->head = *head;
	remote->count = 0;
	GK_TRY(hello_in_time(
	    remote, signer_now_us() + ANSWER_US, ret_dropped, err));
	*ret_vkey = remote->vkey;
	return GK_OK;
}

enum gk_rc
journal__remote_leaf(
    struct remote *remote, const struct digest *leaf, struct gk_err *err)
{
	if (remote->count == remote->room) {
		size_t room = remote->room == 0 ? 256 : remote->room * 2;
		struct digest *all =
		    realloc(remote->leaves, room * sizeof(*all));

		if (all == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "leaves to be signed");
		}
		remote->leaves = all;
		remote->room = room;
	}
	remote->leaves[remote->count++] = *leaf;
	return GK_OK;
}

/* What hasn't been sent yet, in pieces; the last one's note counts. */
static enum gk_rc
send_leaves(struct remote *remote, bool handover, int64_t end_us,
    struct signer_answer *ret, struct gk_err *err)
{
	_Static_assert(sizeof(struct digest) == DIGEST_BYTES, "packed hashes");

	while (remote->sent < remote->count) {
		size_t left = remote->count - remote->sent;
		size_t n = left < SIGNER_HASHES_MAX ? left : SIGNER_HASHES_MAX;
		struct signer_request request = {.op = SIGNER_SIGN,
		    .flags = handover && n == left ? SIGNER_HANDOVER : 0,
		    .size = remote->head.size + remote->sent,
		    .hashes = remote->leaves[remote->sent].bytes,
		    .count = n};

		GK_TRY(ask(remote, &request, end_us, ret, err));
		remote->sent += n;
	}
	return GK_OK;
}

/* Whatever the signer is, a note that isn't ours goes no further. */
static enum gk_rc
check(const struct signer_answer *answer,
    const struct note_checkpoint *checkpoint, const struct note_vkey *vkey,
    const struct note_vkey *next, struct gk_err *err)
{
	struct note_checkpoint said;

	GK_TRY(note_checkpoint_verify(
	    answer->text, answer->text_n, vkey, &said, err));
	if (next != NULL) {
		GK_TRY(note_checkpoint_verify(
		    answer->text, answer->text_n, next, &said, err));
	}
	if (said.size != checkpoint->size ||
	    !digest_equal(
		said.root.bytes, checkpoint->root.bytes, DIGEST_BYTES)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the signer has signed another head than ours");
	}
	return GK_OK;
}

static enum gk_rc
sign(struct remote *remote, bool handover, struct signer_answer *ret,
    struct gk_err *err)
{
	int64_t end_us = signer_now_us() + ANSWER_US;
	uint64_t dropped;
	enum gk_rc rc = GK_E_IO;

	if (remote->fd >= 0) {
		rc = send_leaves(remote, handover, end_us, ret, err);
	}
	while (
	    rc == GK_E_IO && !remote->handed_over && signer_now_us() < end_us) {
		GK_TRY(hello_in_time(remote, end_us, &dropped, err));
		rc = send_leaves(remote, handover, end_us, ret, err);
	}
	return rc;
}

enum gk_rc
journal__remote_sign(struct remote *remote,
    const struct note_checkpoint *checkpoint, const struct note_vkey *vkey,
    const struct note_vkey *next, struct gk_buf *buf, struct gk_err *err)
{
	struct signer_answer answer = {.op = SIGNER_NONE};
	enum gk_rc rc = sign(remote, next != NULL, &answer, err);

	if (rc == GK_OK && answer.op == SIGNER_NONE) {
		rc = GK_FAIL(err, GK_E_IO, "there is nothing new to sign");
	}
	if (rc == GK_OK) {
		rc = check(&answer, checkpoint, vkey, next, err);
	}
	if (rc != GK_OK) {
		return rc == GK_E_NOMEM ? rc : GK_E_IO;
	}
	remote->handed_over = remote->handed_over || next != NULL;
	return gk_buf_add(buf, answer.text, answer.text_n, err);
}

void
journal__remote_committed(struct remote *remote)
{
	struct signer_request request = {.op = SIGNER_COMMITTED};

	for (size_t i = 0; i < remote->count; i++) {
		merkle_append(&remote->head, &remote->leaves[i]);
	}
	remote->count = 0;
	remote->sent = 0;
	remote->handed_over = false;
	request.size = remote->head.size;
	merkle_root(&remote->head, &request.root);
	gk_buf_clear(&remote->out);
	if (remote->fd >= 0 &&
	    (signer_request_encode(&request, &remote->out, NULL) != GK_OK ||
		signer_frame_write(remote->fd, &remote->out,
		    signer_now_us() + ANSWER_US, NULL) != GK_OK)) {
		hang_up(remote); /* the next hello tells it */
	}
}

enum gk_rc
journal__remote_next(struct remote *remote, uint64_t seq,
    struct note_vkey *ret_next, char ret_handover[CHAIN_HANDOVER_BYTES],
    struct gk_err *err)
{
	const struct signer_request request = {.op = SIGNER_NEXT, .size = seq};
	struct signer_answer answer;

	if (remote->fd < 0) {
		return GK_FAIL(err, GK_E_IO, "the signer is away");
	}
	GK_TRY(
	    ask(remote, &request, signer_now_us() + ANSWER_US, &answer, err));
	if (answer.more_n >= CHAIN_HANDOVER_BYTES) {
		return GK_FAIL(
		    err, GK_E_CORRUPT, "the signer's handover is too long");
	}
	memcpy(ret_handover, answer.more, answer.more_n);
	ret_handover[answer.more_n] = '\0';
	return read_vkey(&answer, ret_next, err);
}
