/*
 * A witness at work: judge a request, keep what was cosigned, and only then cosign.
 *
 * For each log it knows one thing: the last checkpoint that it cosigned.  That lies
 * in dir/state/<hash of the origin>, as a signed note: the log's own signature and
 * the witness's cosignature make it its own proof, so a file that was touched is
 * noticed at the next start.  A new checkpoint is judged against it, replaces it on
 * the disk (temporary file, fsync, rename, fsync of the folder), and only then is the
 * cosignature given away.  A process that is killed in between has cosigned nothing
 * that anybody holds, and knows as much as before, or more.
 *
 * One lock is held from looking to answering: two requests for one log can't both
 * follow from the same head.
 *
 * When the disk has failed once, what lies on it is unknown, so nothing is cosigned
 * any more until the next start has read it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "journal/cosign.h"
#include "journal/journal_internal.h"
#include "journal/witness.h"

#define WITNESS_KEY   "witness.key"
#define WITNESS_STATE "state"

enum { KEY_FILE_CAP = 1024, NAME_RANDOM = 8, STATE_NAME_BYTES = 64 };

/* What is known of one log. */
struct known {
	const struct trust_log *log; /* the first of its origin */
	char file[STATE_NAME_BYTES]; /* in state/ */
	struct note_checkpoint head; /* of size 0 before the first */
};

struct witness {
	int dir, state, lock_fd;
	struct note_vkey vkey; /* a cosigner's */
	char vkey_text[NOTE_VKEY_BYTES];
	struct sign_key key;
	struct gk_clock clock;
	const struct trust *logs;
	pthread_mutex_t lock; /* of all below */
	struct known *known;
	size_t known_count;
	bool broken;
};

/* ---- its key ---- */

static enum gk_rc
key_make(struct witness *witness, const char *name, struct gk_err *err)
{
	char origin[NOTE_ORIGIN_MAX + 1], hex[2 * NAME_RANDOM + 1];
	uint8_t seed[SIGN_SEED_BYTES], random[NAME_RANDOM];
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(KEY_FILE_CAP);
	struct note_vkey vkey;
	enum gk_rc rc;
	int n;

	digest_random(random, sizeof(random));
	(void)digest_hex(random, sizeof(random), hex);
	n = name != NULL ? snprintf(origin, sizeof(origin), "%s", name)
			 : snprintf(origin, sizeof(origin),
			       "gatekeeper.local/witness-%s", hex);
	if (n <= 0 || (size_t)n >= sizeof(origin)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a witness's name has 1 to %d bytes", NOTE_ORIGIN_MAX);
	}
	digest_random(seed, sizeof(seed));
	sign_key_from_seed(seed, &witness->key);
	rc = note_vkey_make(origin, witness->key.public_key, &vkey, err);
	if (rc == GK_OK) {
		rc = note_skey_print(&vkey, seed, &text, err);
	}
	if (rc == GK_OK) {
		rc = journal__file_create(
		    witness->dir, WITNESS_KEY, text.bytes, text.len, 0600, err);
	}
	digest_wipe(seed, sizeof(seed));
	if (text.bytes != NULL) {
		digest_wipe(text.bytes, text.len);
	}
	return rc;
}

static enum gk_rc
key_read(struct witness *witness, bool *ret_found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(KEY_FILE_CAP);
	struct note_vkey log_vkey;
	struct stat st;
	enum gk_rc rc;

	GK_TRY(journal__file_load(
	    witness->dir, WITNESS_KEY, &text, ret_found, err));
	if (!*ret_found) {
		return GK_OK;
	}
	if (fstatat(witness->dir, WITNESS_KEY, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
		return GK_FAIL(err, GK_E_IO,
		    WITNESS_KEY " must be a file that only its owner may read "
				"(chmod 600)");
	}
	if (text.len > 0 && text.bytes[text.len - 1] == '\n') {
		text.bytes[--text.len] = '\0';
	}
	rc =
	    note_skey_parse(gk_buf_text(&text), &log_vkey, &witness->key, NULL);
	if (text.bytes != NULL) {
		digest_wipe(text.bytes, text.len);
	}
	if (rc != GK_OK) {
		return GK_FAIL(
		    err, GK_E_CORRUPT, WITNESS_KEY " is not a signing key");
	}
	return cosign_vkey_make(
	    log_vkey.origin, witness->key.public_key, &witness->vkey, err);
}

static enum gk_rc
vkey_publish(struct witness *witness, struct gk_err *err)
{
	char line[NOTE_VKEY_BYTES + 1];
	int n;

	(void)cosign_vkey_print(&witness->vkey, witness->vkey_text);
	if (journal__file_exists(witness->dir, JOURNAL_VKEY)) {
		return GK_OK;
	}
	n = snprintf(line, sizeof(line), "%s\n", witness->vkey_text);
	return journal__file_replace(
	    witness->dir, JOURNAL_VKEY, line, (size_t)n, 0644, err);
}

/* Made only where nothing was cosigned: a witness that lost its key is another one. */
static enum gk_rc
key_load(struct witness *witness, const char *name, struct gk_err *err)
{
	bool found;

	GK_TRY(key_read(witness, &found, err));
	if (!found && journal__file_exists(witness->dir, JOURNAL_VKEY)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    WITNESS_KEY " is missing, and the witness was at work "
				"here: put the key back");
	}
	if (!found) {
		GK_TRY(key_make(witness, name, err));
		GK_TRY(key_read(witness, &found, err));
	}
	if (name != NULL && strcmp(name, witness->vkey.origin) != 0) {
		return GK_FAIL(err, GK_E_INVALID,
		    "this witness is called %s, not %s", witness->vkey.origin,
		    name);
	}
	return vkey_publish(witness, err);
}

/* ---- what it knows ---- */

/* Believe a checkpoint by any of the keys that the origin may sign with; *ret_log is the one. */
static enum gk_rc
log_verify(const struct witness *witness, const char *note, size_t n,
    const char *origin, const struct trust_log **ret_log,
    struct note_checkpoint *ret, struct gk_err *err)
{
	enum gk_rc rc = GK_E_CORRUPT;

	for (size_t i = 0; i < trust_log_count(witness->logs); i++) {
		const struct trust_log *log = trust_log_at(witness->logs, i);

		if (strcmp(log->vkey.origin, origin) != 0) {
			continue;
		}
		rc = note_checkpoint_verify(note, n, &log->vkey, ret, err);
		if (rc == GK_OK) {
			*ret_log = log;
			return GK_OK;
		}
	}
	return rc;
}

static enum gk_rc
known_load(struct witness *witness, struct known *known, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT((size_t)2 * NOTE_CHECKPOINT_MAX);
	const char *origin = known->log->vkey.origin;
	const struct trust_log *log;
	struct cosign_found own;
	size_t text_n;
	bool found;

	known->head = (struct note_checkpoint){.size = 0};
	digest_sha256(NULL, 0, &known->head.root);
	GK_TRY(journal__file_load(
	    witness->state, known->file, &note, &found, err));
	if (!found) {
		return GK_OK;
	}
	text_n = note_text_bytes(gk_buf_text(&note), note.len);
	if (log_verify(witness, gk_buf_text(&note), note.len, origin, &log,
		&known->head, err) != GK_OK ||
	    cosign_find(note.bytes, text_n, note.bytes + text_n + 1,
		note.len - text_n - 1, &witness->vkey, &own, err) != GK_OK ||
	    !own.found) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "%s/%s: not the checkpoint of %.64s that was cosigned",
		    WITNESS_STATE, known->file, origin);
	}
	return GK_OK;
}

static struct known *
known_find(struct witness *witness, const char *origin)
{
	for (size_t i = 0; i < witness->known_count; i++) {
		if (strcmp(witness->known[i].log->vkey.origin, origin) == 0) {
			return &witness->known[i];
		}
	}
	return NULL;
}

static void
known_name(struct known *known)
{
	const char *origin = known->log->vkey.origin;
	const struct digest_part part = {origin, strlen(origin)};
	char hex[DIGEST_HEX];
	struct digest digest;

	digest_sha256(&part, 1, &digest);
	(void)digest_hex(digest.bytes, DIGEST_BYTES, hex);
	(void)snprintf(known->file, sizeof(known->file), "%.32s", hex);
}

static enum gk_rc
known_load_all(struct witness *witness, struct gk_err *err)
{
	size_t count = trust_log_count(witness->logs);

	witness->known = calloc(count + 1, sizeof(*witness->known));
	if (witness->known == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a witness's logs");
	}
	for (size_t i = 0; i < count; i++) {
		const struct trust_log *log = trust_log_at(witness->logs, i);
		struct known *known = &witness->known[witness->known_count];

		if (known_find(witness, log->vkey.origin) != NULL) {
			continue; /* another key of the same log */
		}
		known->log = log;
		known_name(known);
		GK_TRY(known_load(witness, known, err));
		witness->known_count++;
	}
	return GK_OK;
}

/* ---- open and close ---- */

void
witness_close(struct witness *witness)
{
	if (witness == NULL) {
		return;
	}
	free(witness->known);
	digest_wipe(&witness->key, sizeof(witness->key));
	journal__fd_close(&witness->state);
	journal__fd_close(&witness->dir);
	journal__fd_close(&witness->lock_fd);
	(void)pthread_mutex_destroy(&witness->lock);
	free(witness);
}

static void
witness_closep(struct witness **witness)
{
	witness_close(*witness);
}

enum gk_rc
witness_open(const struct witness_options *options, struct witness **ret,
    struct gk_err *err)
{
	GK_AUTO(witness_closep)
	struct witness *witness = calloc(1, sizeof(*witness));

	if (witness == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a witness");
	}
	witness->dir = witness->state = witness->lock_fd = -1;
	witness->logs = options->logs;
	witness->clock =
	    options->clock == NULL ? gk_clock_system : *options->clock;
	(void)pthread_mutex_init(&witness->lock, NULL);
	GK_TRY(digest_init(err));
	GK_TRY(journal__dir_open(
	    AT_FDCWD, options->dir, true, &witness->dir, err));
	GK_TRY(journal__lock_take(witness->dir, 0, &witness->lock_fd, err));
	GK_TRY(key_load(witness, options->name, err));
	GK_TRY(journal__dir_open(
	    witness->dir, WITNESS_STATE, true, &witness->state, err));
	GK_TRY(journal__dir_sync(witness->dir, err));
	GK_TRY(known_load_all(witness, err));
	*ret = GK_TAKE(witness);
	return GK_OK;
}

const char *
witness_vkey(const struct witness *witness)
{
	return witness->vkey_text;
}

/* ---- judging ---- */

/* A judgement on its way. */
struct judging {
	struct witness_request request;
	struct note_checkpoint checkpoint;
	struct known *known;
	const struct trust_log *log; /* whose key signed it */
};

/* Read it and find its log; false: *ret_word says what is wrong. */
static bool
judge_sender(struct witness *witness, const char *bytes, size_t n,
    struct judging *ret, enum witness_word *ret_word, struct gk_err *err)
{
	const struct witness_request *request = &ret->request;
	char origin[NOTE_ORIGIN_MAX + 1];

	*ret_word = WITNESS_MALFORMED;
	if (witness_request_parse(bytes, n, &ret->request, err) != GK_OK ||
	    note_checkpoint_parse(request->note, request->note_n,
		&ret->checkpoint, err) != GK_OK) {
		return false;
	}
	memcpy(origin, ret->checkpoint.origin, sizeof(origin));
	ret->known = known_find(witness, origin);
	if (ret->known == NULL) {
		*ret_word = WITNESS_UNKNOWN_LOG;
		(void)GK_FAIL(err, GK_E_INVALID,
		    "%.64s is not a log that this witness knows", origin);
		return false;
	}
	if (log_verify(witness, request->note, request->note_n, origin,
		&ret->log, &ret->checkpoint, err) != GK_OK) {
		*ret_word = WITNESS_UNKNOWN_KEY;
		return false;
	}
	if (request->old_size > ret->checkpoint.size) {
		(void)GK_FAIL(err, GK_E_INVALID,
		    "the size before is larger than the checkpoint's");
		return false;
	}
	return true;
}

/* Does it follow from what is known? */
static enum witness_word
judge_step(const struct judging *judging, struct gk_err *err)
{
	const struct witness_request *request = &judging->request;
	const struct note_checkpoint *head = &judging->known->head;
	const struct note_checkpoint *next = &judging->checkpoint;
	bool follows;

	if (request->old_size != head->size) {
		(void)GK_FAIL(err, GK_E_INVALID,
		    "the last size cosigned is %" PRIu64, head->size);
		return WITNESS_CONFLICT;
	}
	if (next->size == head->size) {
		follows = digest_equal(
		    next->root.bytes, head->root.bytes, DIGEST_BYTES);
		if (!follows) {
			(void)GK_FAIL(err, GK_E_CORRUPT,
			    "another root was cosigned at this size");
			return WITNESS_CONFLICT;
		}
		follows = request->proof_count == 0;
	} else if (head->size == 0) {
		follows = request->proof_count == 0;
	} else {
		follows = merkle_check_consistency(head->size, next->size,
		    &head->root, &next->root, request->proof,
		    request->proof_count);
	}
	if (!follows) {
		(void)GK_FAIL(err, GK_E_CORRUPT,
		    "the proof doesn't lead from %" PRIu64 " to %" PRIu64,
		    head->size, next->size);
	}
	return follows ? WITNESS_COSIGNED : WITNESS_UNPROVEN;
}

/* On the disk first; what others have cosigned isn't ours to keep. */
static enum gk_rc
state_store(struct witness *witness, const struct judging *judging,
    size_t text_n, const struct gk_buf *line, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT((size_t)2 * NOTE_CHECKPOINT_MAX);
	const struct witness_request *request = &judging->request;

	GK_TRY(gk_buf_add(&note, request->note, text_n + 1, err));
	GK_TRY(note_line_of(
	    request->note, request->note_n, &judging->log->vkey, &note, err));
	GK_TRY(gk_buf_add(&note, line->bytes, line->len, err));
	return journal__file_replace(witness->state, judging->known->file,
	    note.bytes, note.len, 0644, err);
}

static enum gk_rc
cosign(struct witness *witness, const struct judging *judging,
    struct gk_buf *answer, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf line = GK_BUF_INIT(1024);
	int64_t now_s =
	    witness->clock.wall_us(witness->clock.ctx) / GK_US_PER_S;
	size_t text_n =
	    note_text_bytes(judging->request.note, judging->request.note_n);

	GK_TRY(cosign_sign(judging->request.note, text_n, now_s < 0 ? 0 : now_s,
	    &witness->vkey, &witness->key, &line, err));
	if (state_store(witness, judging, text_n, &line, err) != GK_OK) {
		witness->broken = true;
		return GK_E_IO;
	}
	judging->known->head = judging->checkpoint;
	return gk_buf_add(answer, line.bytes, line.len, err);
}

static enum gk_rc
judge(struct witness *witness, const char *bytes, size_t n,
    struct judging *judging, enum witness_word *ret_word, struct gk_buf *answer,
    struct gk_err *err)
{
	if (!judge_sender(witness, bytes, n, judging, ret_word, err)) {
		return GK_OK;
	}
	*ret_word = judge_step(judging, err);
	if (*ret_word == WITNESS_CONFLICT) {
		return gk_buf_printf(
		    answer, err, "%" PRIu64 "\n", judging->known->head.size);
	}
	return *ret_word == WITNESS_COSIGNED
		   ? cosign(witness, judging, answer, err)
		   : GK_OK;
}

enum gk_rc
witness_add(struct witness *witness, const char *bytes, size_t n,
    enum witness_word *ret_word, struct gk_buf *answer, struct gk_err *err)
{
	struct judging *judging = calloc(1, sizeof(*judging));
	enum gk_rc rc = GK_E_IO;

	if (judging == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a request");
	}
	(void)pthread_mutex_lock(&witness->lock);
	if (witness->broken) {
		(void)GK_FAIL(err, GK_E_IO,
		    "the disk has failed: the witness must be started anew");
	} else {
		rc = judge(witness, bytes, n, judging, ret_word, answer, err);
	}
	(void)pthread_mutex_unlock(&witness->lock);
	free(judging);
	return rc;
}
