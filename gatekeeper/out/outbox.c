/*
 * A target's outbox as lines of text:
 *
 *   gatekeeper outbox 1
 *   next <seq> <leaf hash of the event before, or "-">
 *   wait <seq> <tries> <first try, µs> <not before, µs> <error>
 *   dead <seq> <tries> <first try, µs> <given up, µs> <error>
 *   end
 *
 * Each list is sorted by seq.  Replaced by rename, file and folder synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "out/outbox.h"

enum { PATH_BYTES = 4300, ROOM_FIRST = 16, DIGITS_MAX = 18 };

#define BACKOFF_FIRST_US GK_US_PER_S

static const char head[] = "gatekeeper outbox 1\n";

void
outbox_done(struct outbox *outbox)
{
	free(outbox->waiting.letters);
	free(outbox->dead.letters);
	*outbox = (struct outbox){0};
}

/* ---- lists ---- */

/* Where seq stands, or would. */
static size_t
place(const struct outbox_list *list, uint64_t seq)
{
	size_t i = list->count;

	while (i > 0 && list->letters[i - 1].seq >= seq) {
		i--;
	}
	return i;
}

static bool
has(const struct outbox_list *list, uint64_t seq)
{
	size_t i = place(list, seq);

	return i < list->count && list->letters[i].seq == seq;
}

static enum gk_rc
insert(struct outbox_list *list, const struct outbox_letter *letter, size_t max,
    struct gk_err *err)
{
	size_t at = place(list, letter->seq);

	if (list->count >= max) {
		return GK_FAIL(err, GK_E_LIMIT, "the outbox is full");
	}
	if (list->count == list->room) {
		size_t room = list->room == 0 ? ROOM_FIRST : 2 * list->room;
		struct outbox_letter *more =
		    reallocarray(list->letters, room, sizeof(*more));

		if (more == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "out of memory");
		}
		list->letters = more;
		list->room = room;
	}
	memmove(list->letters + at + 1, list->letters + at,
	    (list->count - at) * sizeof(*letter));
	list->letters[at] = *letter;
	list->count++;
	return GK_OK;
}

static void
take_out(struct outbox_list *list, size_t at)
{
	list->count--;
	memmove(list->letters + at, list->letters + at + 1,
	    (list->count - at) * sizeof(list->letters[0]));
}

enum gk_rc
outbox_add(struct outbox *outbox, uint64_t seq, struct gk_err *err)
{
	const struct outbox_letter letter = {.seq = seq};

	return has(&outbox->waiting, seq)
		   ? GK_OK
		   : insert(&outbox->waiting, &letter, OUTBOX_WAITING_MAX, err);
}

bool
outbox_full(const struct outbox *outbox)
{
	return outbox->waiting.count >= OUTBOX_WAITING_MAX;
}

struct outbox_letter *
outbox_first(const struct outbox *outbox)
{
	struct outbox_letter *first = NULL;

	for (size_t i = 0; i < outbox->waiting.count; i++) {
		struct outbox_letter *letter = &outbox->waiting.letters[i];

		if (first == NULL || letter->next_us < first->next_us) {
			first = letter;
		}
	}
	return first;
}

void
outbox_remove(struct outbox *outbox, uint64_t seq)
{
	if (has(&outbox->waiting, seq)) {
		take_out(&outbox->waiting, place(&outbox->waiting, seq));
	}
}

bool
outbox_give_up(struct outbox *outbox, uint64_t seq, int64_t now_us)
{
	size_t at = place(&outbox->waiting, seq);
	struct outbox_letter letter;

	if (!has(&outbox->waiting, seq)) {
		return false;
	}
	letter = outbox->waiting.letters[at];
	letter.next_us = now_us;
	if (insert(&outbox->dead, &letter, OUTBOX_DEAD_MAX, NULL) != GK_OK) {
		return false;
	}
	take_out(&outbox->waiting, at);
	return true;
}

size_t
outbox_retry(struct outbox *outbox, uint64_t seq)
{
	size_t count = 0, i = 0;

	while (i < outbox->dead.count && !outbox_full(outbox)) {
		const struct outbox_letter *dead = &outbox->dead.letters[i];

		if ((seq != UINT64_MAX && dead->seq != seq) ||
		    outbox_add(outbox, dead->seq, NULL) != GK_OK) {
			i++;
			continue;
		}
		take_out(&outbox->dead, i);
		count++;
	}
	return count;
}

int64_t
outbox_backoff_us(unsigned tries, int64_t max_us, uint32_t random)
{
	int64_t us = BACKOFF_FIRST_US < max_us ? BACKOFF_FIRST_US : max_us;

	while (tries-- > 1 && us < max_us) {
		us = us < max_us / 2 ? us * 2 : max_us;
	}
	return us - (int64_t)((uint64_t)random * (uint64_t)(us / 2) >> 32);
}

/* ---- text ---- */

static enum gk_rc
print_list(const struct outbox_list *list, const char *word, struct gk_buf *buf,
    struct gk_err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct outbox_letter *letter = &list->letters[i];

		GK_TRY(gk_buf_printf(buf, err,
		    "%s %" PRIu64 " %u %" PRId64 " %" PRId64 " %s\n", word,
		    letter->seq, letter->tries, letter->first_us,
		    letter->next_us, letter->error));
	}
	return GK_OK;
}

enum gk_rc
outbox_print(
    const struct outbox *outbox, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(buf, err, "%snext %" PRIu64 " %s\n", head,
	    outbox->next, outbox->leaf[0] != '\0' ? outbox->leaf : "-"));
	GK_TRY(print_list(&outbox->waiting, "wait", buf, err));
	GK_TRY(print_list(&outbox->dead, "dead", buf, err));
	return gk_buf_puts(buf, "end\n", err);
}

/* What is left of the text. */
struct cursor {
	const char *at, *end;
};

static bool
take_word(struct cursor *cursor, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(cursor->end - cursor->at) < n ||
	    memcmp(cursor->at, word, n) != 0) {
		return false;
	}
	cursor->at += n;
	return true;
}

/* Digits, at most 18, no leading zero, and the blank behind them. */
static bool
take_number(struct cursor *cursor, uint64_t *ret)
{
	const char *from = cursor->at;
	uint64_t number = 0;

	while (cursor->at < cursor->end && *cursor->at >= '0' &&
	       *cursor->at <= '9' && cursor->at - from < DIGITS_MAX) {
		number = number * 10 + (uint64_t)(*cursor->at++ - '0');
	}
	*ret = number;
	return cursor->at > from &&
	       (from[0] != '0' || cursor->at == from + 1) &&
	       take_word(cursor, " ");
}

/* The rest of the line, printable ASCII, shorter than room. */
static bool
take_line(struct cursor *cursor, char *ret, size_t room)
{
	size_t n = 0;

	while (cursor->at < cursor->end && *cursor->at >= ' ' &&
	       *cursor->at <= '~' && n + 1 < room) {
		ret[n++] = *cursor->at++;
	}
	ret[n] = '\0';
	return take_word(cursor, "\n");
}

static bool
take_leaf(struct cursor *cursor, struct outbox *outbox)
{
	char *leaf = outbox->leaf;

	if (!take_line(cursor, leaf, TAIL_LEAF_BYTES)) {
		return false;
	}
	if (strcmp(leaf, "-") == 0) {
		leaf[0] = '\0';
		return true;
	}
	return strlen(leaf) == TAIL_LEAF_BYTES - 1 &&
	       strspn(leaf, "0123456789abcdef") == TAIL_LEAF_BYTES - 1;
}

static bool
take_letter(struct cursor *cursor, struct outbox_letter *ret)
{
	uint64_t tries, first, next;

	*ret = (struct outbox_letter){0};
	if (!take_number(cursor, &ret->seq) || !take_number(cursor, &tries) ||
	    tries > UINT32_MAX || !take_number(cursor, &first) ||
	    !take_number(cursor, &next)) {
		return false;
	}
	ret->tries = (unsigned)tries;
	ret->first_us = (int64_t)first;
	ret->next_us = (int64_t)next;
	return take_line(cursor, ret->error, sizeof(ret->error));
}

static enum gk_rc
take_list(struct cursor *cursor, const char *word, size_t max, uint64_t before,
    struct outbox_list *list, struct gk_err *err)
{
	while (take_word(cursor, word)) {
		struct outbox_letter letter;

		if (!take_letter(cursor, &letter) || letter.seq >= before ||
		    (list->count > 0 &&
			letter.seq <= list->letters[list->count - 1].seq)) {
			return GK_FAIL(err, GK_E_CORRUPT,
			    "line %zu of what %s isn't a letter",
			    list->count + 1, word);
		}
		GK_TRY(insert(list, &letter, max, err));
	}
	return GK_OK;
}

enum gk_rc
outbox_parse(const char *text, size_t n, struct outbox *ret, struct gk_err *err)
{
	struct cursor cursor = {text, text + n};
	GK_AUTO(outbox_done) struct outbox outbox = {0};

	if (n > OUTBOX_FILE_BYTES) {
		return GK_FAIL(err, GK_E_LIMIT, "an outbox of %zu bytes", n);
	}
	if (!take_word(&cursor, head) || !take_word(&cursor, "next ") ||
	    !take_number(&cursor, &outbox.next) ||
	    !take_leaf(&cursor, &outbox)) {
		return GK_FAIL(err, GK_E_CORRUPT, "no outbox begins like that");
	}
	GK_TRY(take_list(&cursor, "wait ", OUTBOX_WAITING_MAX, outbox.next,
	    &outbox.waiting, err));
	GK_TRY(take_list(
	    &cursor, "dead ", OUTBOX_DEAD_MAX, outbox.next, &outbox.dead, err));
	if (!take_word(&cursor, "end\n") || cursor.at != cursor.end) {
		return GK_FAIL(err, GK_E_CORRUPT, "no outbox ends like that");
	}
	*ret = outbox;
	outbox = (struct outbox){0};
	return GK_OK;
}

/* ---- file ---- */

static enum gk_rc
io_error(const char *path, struct gk_err *err)
{
	return GK_FAIL(err, GK_E_IO, "%s: %s", path, strerrordesc_np(errno));
}

static void
closep(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
}

static enum gk_rc
read_all(int fd, const char *path, struct gk_buf *buf, struct gk_err *err)
{
	for (;;) {
		char piece[4096];
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0) {
			return io_error(path, err);
		}
		if (n == 0) {
			return GK_OK;
		}
		GK_TRY(gk_buf_add(buf, piece, (size_t)n, err));
	}
}

enum gk_rc
outbox_load(const char *data_dir, const char *name, struct outbox *ret,
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(OUTBOX_FILE_BYTES);
	char path[PATH_BYTES];
	GK_AUTO(closep) int fd = -1;
	enum gk_rc rc;

	(void)snprintf(path, sizeof(path), "%s/notify", data_dir);
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		return io_error(path, err);
	}
	(void)snprintf(
	    path, sizeof(path), "%s/notify/%s.outbox", data_dir, name);
	*ret_found = false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return errno == ENOENT ? GK_OK : io_error(path, err);
	}
	GK_TRY(read_all(fd, path, &buf, err));
	rc = outbox_parse(gk_buf_text(&buf), buf.len, ret, err);
	if (rc != GK_OK) {
		gk_err_context(err,
		    "%s (remove it, and the target begins at the log's end)",
		    path);
		return rc == GK_E_LIMIT ? GK_E_CORRUPT : rc;
	}
	*ret_found = true;
	return GK_OK;
}

static enum gk_rc
write_synced(const char *path, const struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0) {
		return io_error(path, err);
	}
	for (size_t at = 0; at < buf->len;) {
		ssize_t n = write(fd, buf->bytes + at, buf->len - at);

		if (n < 0) {
			return io_error(path, err);
		}
		at += (size_t)n;
	}
	return fsync(fd) == 0 ? GK_OK : io_error(path, err);
}

enum gk_rc
outbox_store(const char *data_dir, const char *name, const struct gk_buf *text,
    struct gk_err *err)
{
	char path[PATH_BYTES], fresh[PATH_BYTES + 4];
	GK_AUTO(closep) int folder = -1;

	(void)snprintf(
	    path, sizeof(path), "%s/notify/%s.outbox", data_dir, name);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	GK_TRY(write_synced(fresh, text, err));
	if (rename(fresh, path) != 0) {
		return io_error(path, err);
	}
	*strrchr(path, '/') = '\0';
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder >= 0 && fsync(folder) == 0 ? GK_OK : io_error(path, err);
}
