/* The signer's frames: bytes to structs and back, and over a socket in time. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/assert.h"
#include "base/time.h"
#include "journal/signer_wire.h"

enum { LENGTH_BYTES = 4 };

static void
store(uint8_t *at, uint64_t value, size_t n)
{
	while (n > 0) {
		at[--n] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t
load(const uint8_t *at, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++) {
		value = value << 8 | at[i];
	}
	return value;
}

/* op, flags, size, root, and a last word of four bytes. */
static void
head_store(uint8_t *at, int op, uint8_t flags, uint64_t size,
    const struct digest *root, uint32_t last)
{
	at[0] = (uint8_t)op;
	at[1] = flags;
	store(at + 2, size, 8);
	memcpy(at + 10, root->bytes, DIGEST_BYTES);
	store(at + 42, last, 4);
}

static enum gk_rc
frame_begin(size_t n, struct gk_buf *buf, char **ret_at, struct gk_err *err)
{
	uint8_t length[LENGTH_BYTES];

	store(length, n, sizeof(length));
	GK_TRY(gk_buf_add(buf, length, sizeof(length), err));
	return gk_buf_reserve(buf, n, ret_at, err);
}

enum gk_rc
signer_request_encode(const struct signer_request *request, struct gk_buf *buf,
    struct gk_err *err)
{
	size_t bytes = request->count * DIGEST_BYTES;
	uint8_t head[SIGNER_HEAD_BYTES];
	char *at;

	if (request->count > SIGNER_HASHES_MAX) {
		return GK_FAIL(err, GK_E_LIMIT, "too many hashes at once");
	}
	GK_TRY(frame_begin(sizeof(head) + bytes, buf, &at, err));
	head_store(head, (int)request->op, request->flags, request->size,
	    &request->root, (uint32_t)request->count);
	GK_TRY(gk_buf_add(buf, head, sizeof(head), err));
	return bytes == 0 ? GK_OK
			  : gk_buf_add(buf, request->hashes, bytes, err);
}

enum gk_rc
signer_answer_encode(
    const struct signer_answer *answer, struct gk_buf *buf, struct gk_err *err)
{
	uint8_t head[SIGNER_HEAD_BYTES];
	char *at;

	if (answer->text_n > SIGNER_TEXT_MAX ||
	    answer->more_n > SIGNER_TEXT_MAX) {
		return GK_FAIL(err, GK_E_LIMIT, "an answer is too long");
	}
	GK_TRY(frame_begin(
	    sizeof(head) + answer->text_n + answer->more_n, buf, &at, err));
	head_store(head, (int)answer->op, answer->flags, answer->size,
	    &answer->root,
	    (uint32_t)answer->text_n << 16 | (uint32_t)answer->more_n);
	GK_TRY(gk_buf_add(buf, head, sizeof(head), err));
	if (answer->text_n > 0) {
		GK_TRY(gk_buf_add(buf, answer->text, answer->text_n, err));
	}
	return answer->more_n == 0
		   ? GK_OK
		   : gk_buf_add(buf, answer->more, answer->more_n, err);
}

static bool
op_load(const uint8_t *bytes, size_t n, enum signer_op *ret)
{
	if (n < SIGNER_HEAD_BYTES || bytes[0] == SIGNER_NONE ||
	    bytes[0] >= SIGNER_OP_COUNT) {
		return false;
	}
	*ret = (enum signer_op)bytes[0];
	return true;
}

enum gk_rc
signer_request_decode(const uint8_t *bytes, size_t n,
    struct signer_request *ret, struct gk_err *err)
{
	struct signer_request request;

	if (!op_load(bytes, n, &request.op)) {
		return GK_FAIL(err, GK_E_INVALID, "not a request");
	}
	request.flags = bytes[1];
	request.size = load(bytes + 2, 8);
	memcpy(request.root.bytes, bytes + 10, DIGEST_BYTES);
	request.count = (size_t)load(bytes + 42, 4);
	request.hashes = bytes + SIGNER_HEAD_BYTES;
	if (request.count > SIGNER_HASHES_MAX ||
	    n != SIGNER_HEAD_BYTES + request.count * DIGEST_BYTES) {
		return GK_FAIL(
		    err, GK_E_INVALID, "a request of another length");
	}
	*ret = request;
	return GK_OK;
}

enum gk_rc
signer_answer_decode(const uint8_t *bytes, size_t n, struct signer_answer *ret,
    struct gk_err *err)
{
	struct signer_answer answer;

	if (!op_load(bytes, n, &answer.op)) {
		return GK_FAIL(err, GK_E_INVALID, "not an answer");
	}
	answer.flags = bytes[1];
	answer.size = load(bytes + 2, 8);
	memcpy(answer.root.bytes, bytes + 10, DIGEST_BYTES);
	answer.text_n = (size_t)load(bytes + 42, 2);
	answer.more_n = (size_t)load(bytes + 44, 2);
	answer.text = (const char *)bytes + SIGNER_HEAD_BYTES;
	answer.more = answer.text + answer.text_n;
	if (answer.text_n > SIGNER_TEXT_MAX ||
	    answer.more_n > SIGNER_TEXT_MAX ||
	    n != SIGNER_HEAD_BYTES + answer.text_n + answer.more_n) {
		return GK_FAIL(
		    err, GK_E_INVALID, "an answer of another length");
	}
	*ret = answer;
	return GK_OK;
}

/* ---- sockets ---- */

int64_t
signer_now_us(void)
{
	struct timespec now;

	GK_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (int64_t)now.tv_sec * GK_US_PER_S + now.tv_nsec / 1000;
}

static enum gk_rc
wait_for(int fd, short what, int64_t end_us, struct gk_err *err)
{
	for (;;) {
		struct pollfd one = {.fd = fd, .events = what};
		int64_t left_us = end_us - signer_now_us();
		int n;

		if (left_us <= 0) {
			return GK_FAIL(err, GK_E_IO, "no answer in time");
		}
		n = poll(&one, 1, (int)(left_us / GK_US_PER_MS) + 1);
		if (n > 0) {
			return GK_OK;
		}
		if (n < 0 && errno != EINTR) {
			return GK_FAIL(
			    err, GK_E_IO, "poll: %s", strerrordesc_np(errno));
		}
	}
}

/* n bytes; *ret_closed: nothing but the end was there. */
static enum gk_rc
read_all(int fd, uint8_t *at, size_t n, int64_t end_us, bool *ret_closed,
    struct gk_err *err)
{
	size_t got = 0;

	*ret_closed = false;
	while (got < n) {
		ssize_t did;

		GK_TRY(wait_for(fd, POLLIN, end_us, err));
		did = recv(fd, at + got, n - got, MSG_DONTWAIT);
		if (did > 0) {
			got += (size_t)did;
		} else if (did == 0 && got == 0) {
			*ret_closed = true;
			return GK_OK;
		} else if (did == 0 || (errno != EINTR && errno != EAGAIN)) {
			return GK_FAIL(err, GK_E_IO, "the connection: %s",
			    did == 0 ? "cut off" : strerrordesc_np(errno));
		}
	}
	return GK_OK;
}

enum gk_rc
signer_frame_read(int fd, size_t cap, int64_t end_us, struct gk_buf *buf,
    bool *ret_closed, struct gk_err *err)
{
	uint8_t length[LENGTH_BYTES], part[4096];
	size_t n;

	gk_buf_clear(buf);
	GK_TRY(read_all(fd, length, sizeof(length), end_us, ret_closed, err));
	if (*ret_closed) {
		return GK_OK;
	}
	n = (size_t)load(length, sizeof(length));
	if (n > cap) {
		return GK_FAIL(err, GK_E_LIMIT, "a frame of %zu bytes", n);
	}
	while (n > 0) {
		size_t step = n < sizeof(part) ? n : sizeof(part);
		bool closed;

		GK_TRY(read_all(fd, part, step, end_us, &closed, err));
		if (closed) {
			return GK_FAIL(err, GK_E_IO, "the connection: cut off");
		}
		GK_TRY(gk_buf_add(buf, part, step, err));
		n -= step;
	}
	return GK_OK;
}

enum gk_rc
signer_frame_write(
    int fd, const struct gk_buf *buf, int64_t end_us, struct gk_err *err)
{
	size_t sent = 0;

	while (sent < buf->len) {
		ssize_t did = send(fd, buf->bytes + sent, buf->len - sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (did >= 0) {
			sent += (size_t)did;
		} else if (errno == EAGAIN) {
			GK_TRY(wait_for(fd, POLLOUT, end_us, err));
		} else if (errno != EINTR) {
			return GK_FAIL(err, GK_E_IO, "the connection: %s",
			    strerrordesc_np(errno));
		}
	}
	return GK_OK;
}
