/*
 * Verification, the second thread: hashes and decodes a chunk of events while the first one reads the next.
 *
 * Hashing, decoding and computing what the search columns should hold needs nothing
 * but the event's bytes, and is half of the work.  What it finds lies in the chunk, and the
 * first thread comes to it in the order of the log, so that the first fault that is
 * told is the first that there is.  A chunk belongs to one thread at a time:
 * decoder_give() hands it over, decoder_take() has it back.
 *
 * Where no thread can be had the chunk is decoded on the spot.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "journal/verify_internal.h"

enum {
	CHUNK_BYTES = 1 << 20, /* a chunk is full from here on */
	ARENA_BYTES =
	    64 << 20, /* strings and structs of a full one, at worst */
};

struct decoder {
	struct chunk chunks[2];
	pthread_t thread;
	bool threaded;
	pthread_mutex_t lock;
	pthread_cond_t given, done;
	/* under lock */
	struct chunk *work; /* given and not done */
	bool stop;
};

static void
decode_one(struct chunk *chunk, size_t i)
{
	const struct body_row *row = &chunk->rows[i];

	chunk->events[i] = gk_arena_alloc(&chunk->arena, sizeof(struct event));
	if (chunk->events[i] == NULL) {
		chunk->rc = GK_FAIL(&chunk->why, GK_E_NOMEM, "an event");
		return;
	}
	merkle_leaf(row->bytes, row->n, &chunk->leaves[i]);
	chunk->rc = event_decode(
	    row->bytes, row->n, &chunk->arena, chunk->events[i], &chunk->why);
	if (chunk->rc == GK_OK) {
		journal__row_of(chunk->events[i], &chunk->want[i]);
	}
}

static void
decode_all(struct chunk *chunk)
{
	gk_arena_clear(&chunk->arena);
	chunk->rc = GK_OK;
	for (chunk->decoded = 0; chunk->decoded < chunk->count;
	     chunk->decoded++) {
		decode_one(chunk, chunk->decoded);
		if (chunk->rc != GK_OK) {
			return;
		}
	}
}

static void *
decoder_main(void *ctx)
{
	struct decoder *decoder = ctx;

	(void)pthread_mutex_lock(&decoder->lock);
	for (;;) {
		struct chunk *work;

		while (decoder->work == NULL && !decoder->stop) {
			(void)pthread_cond_wait(
			    &decoder->given, &decoder->lock);
		}
		work = decoder->work;
		if (work == NULL) {
			break;
		}
		(void)pthread_mutex_unlock(&decoder->lock);
		decode_all(work);
		(void)pthread_mutex_lock(&decoder->lock);
		decoder->work = NULL;
		(void)pthread_cond_signal(&decoder->done);
	}
	(void)pthread_mutex_unlock(&decoder->lock);
	return NULL;
}

enum gk_rc
journal__decoder_start(struct decoder **ret_decoder, struct gk_err *err)
{
	struct decoder *decoder = calloc(1, sizeof(*decoder));

	if (decoder == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a verification");
	}
	for (size_t i = 0; i < GK_COUNT(decoder->chunks); i++) {
		decoder->chunks[i].bytes = (struct gk_buf)GK_BUF_INIT(
		    CHUNK_BYTES + EVENT_BYTES_MAX + 1);
		decoder->chunks[i].arena =
		    (struct gk_arena)GK_ARENA_INIT(ARENA_BYTES);
	}
	if (pthread_mutex_init(&decoder->lock, NULL) != 0) {
		free(decoder);
		return GK_FAIL(err, GK_E_NOMEM, "a verification");
	}
	(void)pthread_cond_init(&decoder->given, NULL);
	(void)pthread_cond_init(&decoder->done, NULL);
	decoder->threaded =
	    pthread_create(&decoder->thread, NULL, decoder_main, decoder) == 0;
	*ret_decoder = decoder;
	return GK_OK;
}

void
journal__decoder_stop(struct decoder *decoder)
{
	if (decoder == NULL) {
		return;
	}
	if (decoder->threaded) {
		(void)pthread_mutex_lock(&decoder->lock);
		decoder->stop = true;
		(void)pthread_cond_signal(&decoder->given);
		(void)pthread_mutex_unlock(&decoder->lock);
		(void)pthread_join(decoder->thread, NULL);
	}
	(void)pthread_cond_destroy(&decoder->given);
	(void)pthread_cond_destroy(&decoder->done);
	(void)pthread_mutex_destroy(&decoder->lock);
	for (size_t i = 0; i < GK_COUNT(decoder->chunks); i++) {
		gk_buf_done(&decoder->chunks[i].bytes);
		gk_arena_done(&decoder->chunks[i].arena);
	}
	free(decoder);
}

struct chunk *
journal__decoder_chunk(struct decoder *decoder, unsigned which)
{
	struct chunk *chunk = &decoder->chunks[which % 2];

	gk_buf_clear(&chunk->bytes);
	chunk->count = chunk->decoded = 0;
	chunk->missing = false;
	chunk->read_rc = GK_OK;
	chunk->read_why = (struct gk_err){.rc = GK_OK};
	chunk->why = (struct gk_err){.rc = GK_OK};
	return chunk;
}

bool
journal__chunk_is_full(const struct chunk *chunk)
{
	return chunk->count == CHUNK_EVENTS || chunk->bytes.len >= CHUNK_BYTES;
}

enum gk_rc
journal__chunk_add(
    struct chunk *chunk, const struct body_row *row, struct gk_err *err)
{
	GK_ASSERT(!journal__chunk_is_full(chunk));
	/* one byte too many says as much as all */
	size_t n = row->n > EVENT_BYTES_MAX ? EVENT_BYTES_MAX + 1 : row->n;
	struct body_row *to = &chunk->rows[chunk->count];

	*to = *row;
	to->n = n;
	chunk->at[chunk->count] = chunk->bytes.len;
	chunk->count++;
	return gk_buf_add(&chunk->bytes, row->bytes, n, err);
}

void
journal__decoder_give(struct decoder *decoder, struct chunk *chunk)
{
	for (size_t i = 0; i < chunk->count; i++) {
		chunk->rows[i].bytes = chunk->bytes.bytes + chunk->at[i];
	}
	if (!decoder->threaded) {
		decode_all(chunk);
		return;
	}
	(void)pthread_mutex_lock(&decoder->lock);
	GK_ASSERT(decoder->work == NULL);
	decoder->work = chunk;
	(void)pthread_cond_signal(&decoder->given);
	(void)pthread_mutex_unlock(&decoder->lock);
}

void
journal__decoder_take(struct decoder *decoder)
{
	if (!decoder->threaded) {
		return;
	}
	(void)pthread_mutex_lock(&decoder->lock);
	while (decoder->work != NULL) {
		(void)pthread_cond_wait(&decoder->done, &decoder->lock);
	}
	(void)pthread_mutex_unlock(&decoder->lock);
}
