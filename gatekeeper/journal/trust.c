/*
 * C2SP tlog-policy, read line by line.
 *
 *     log <vkey> [<url>]
 *     witness <name> <vkey> [<url>]
 *     group <name> all|any|<k> <name>...
 *     quorum <name>|none
 *
 * A line refers only to names that were defined above it, and a name is a member of
 * one group at most; so who counts for what is a forest, and a witness counts once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "journal/cosign.h"
#include "journal/trust.h"

enum { WORDS_MAX = 3 + TRUST_WITNESSES_MAX + TRUST_GROUPS_MAX };
enum { NODES_MAX = TRUST_WITNESSES_MAX + TRUST_GROUPS_MAX };

/* A witness or a group.  Members are indexes of nodes that come before. */
struct node {
	const char *name;
	bool is_group;
	bool is_member;   /* of some group */
	unsigned witness; /* its index, where it isn't a group */
	unsigned needed;  /* of the members, where it is one */
	unsigned count;   /* members */
	uint8_t *members;
};

struct trust {
	struct gk_arena arena;
	struct trust_log logs[TRUST_LOGS_MAX];
	size_t log_count;
	struct trust_witness witnesses[TRUST_WITNESSES_MAX];
	size_t witness_count;
	struct node nodes[NODES_MAX];
	size_t node_count, group_count;
	bool has_quorum;
	const struct node *quorum; /* NULL: none */
};

_Static_assert(NODES_MAX <= 256, "an index is a byte");
_Static_assert(TRUST_WITNESSES_MAX <= 64, "a witness is a bit");

/* One line taken apart; its words lie in the trust's arena. */
struct line {
	unsigned number;
	char *words[WORDS_MAX];
	size_t count;
};

static enum gk_rc fail(const struct line *line, struct gk_err *err,
    const char *fmt, ...) GK_PRINTF(3, 4);

static enum gk_rc
fail(const struct line *line, struct gk_err *err, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0) {
		text[0] = '\0';
	}
	va_end(ap);
	(void)GK_FAIL(err, GK_E_INVALID, "%s", text);
	gk_err_where(err, "line %u", line->number);
	return GK_E_INVALID;
}

static struct node *
node_find(struct trust *trust, const char *name)
{
	for (size_t i = 0; i < trust->node_count; i++) {
		if (strcmp(trust->nodes[i].name, name) == 0) {
			return &trust->nodes[i];
		}
	}
	return NULL;
}

static enum gk_rc
node_add(struct trust *trust, const struct line *line, struct node **ret,
    struct gk_err *err)
{
	const char *name = line->words[1];

	if (strcmp(name, "none") == 0) {
		return fail(
		    line, err, "\"none\" names no witness and no group");
	}
	if (strlen(name) > TRUST_NAME_MAX) {
		return fail(
		    line, err, "a name has at most %d bytes", TRUST_NAME_MAX);
	}
	if (node_find(trust, name) != NULL) {
		return fail(line, err, "%.80s is defined already", name);
	}
	*ret = &trust->nodes[trust->node_count++];
	(*ret)->name = name;
	return GK_OK;
}

/* The optional word at that place. */
static enum gk_rc
url_take(
    const struct line *line, size_t at, const char **ret, struct gk_err *err)
{
	if (line->count > at + 1) {
		return fail(line, err, "more words than this line takes");
	}
	if (line->count <= at) {
		return GK_OK;
	}
	if (strlen(line->words[at]) > TRUST_URL_MAX) {
		return fail(
		    line, err, "a URL has at most %d bytes", TRUST_URL_MAX);
	}
	*ret = line->words[at];
	return GK_OK;
}

static bool
same_key(const struct note_vkey *a, const struct note_vkey *b)
{
	return digest_equal(a->public_key, b->public_key, SIGN_PUBLIC_BYTES);
}

static enum gk_rc
read_log(struct trust *trust, const struct line *line, struct gk_err *err)
{
	struct trust_log *log = &trust->logs[trust->log_count];
	struct gk_err why = {.rc = GK_OK};

	if (line->count < 2) {
		return fail(line, err, "expected: log <vkey> [<url>]");
	}
	if (trust->log_count == TRUST_LOGS_MAX) {
		return fail(line, err, "more than %d logs", TRUST_LOGS_MAX);
	}
	if (note_vkey_parse(line->words[1], &log->vkey, &why) != GK_OK) {
		return fail(line, err, "%s", why.text);
	}
	for (size_t i = 0; i < trust->log_count; i++) {
		if (same_key(&trust->logs[i].vkey, &log->vkey)) {
			return fail(
			    line, err, "this log's key was given before");
		}
	}
	GK_TRY(url_take(line, 2, &log->url, err));
	trust->log_count++;
	return GK_OK;
}

static enum gk_rc
read_witness(struct trust *trust, const struct line *line, struct gk_err *err)
{
	struct trust_witness *witness = &trust->witnesses[trust->witness_count];
	struct gk_err why = {.rc = GK_OK};
	struct node *node;

	if (line->count < 3) {
		return fail(
		    line, err, "expected: witness <name> <vkey> [<url>]");
	}
	if (trust->witness_count == TRUST_WITNESSES_MAX) {
		return fail(
		    line, err, "more than %d witnesses", TRUST_WITNESSES_MAX);
	}
	if (cosign_vkey_parse(line->words[2], &witness->vkey, &why) != GK_OK) {
		return fail(line, err, "%s", why.text);
	}
	for (size_t i = 0; i < trust->witness_count; i++) {
		if (same_key(&trust->witnesses[i].vkey, &witness->vkey)) {
			return fail(
			    line, err, "this witness's key was given before");
		}
	}
	GK_TRY(url_take(line, 3, &witness->url, err));
	GK_TRY(node_add(trust, line, &node, err));
	witness->name = node->name;
	node->witness = (unsigned)trust->witness_count++;
	return GK_OK;
}

/* "all", "any", or a number from 1 to count without leading zeros. */
static bool
needed_parse(const char *text, size_t count, unsigned *ret)
{
	unsigned number = 0;

	if (strcmp(text, "all") == 0 || strcmp(text, "any") == 0) {
		*ret = text[1] == 'l' ? (unsigned)count : 1;
		return true;
	}
	if (text[0] == '0' || strlen(text) > 3) {
		return false;
	}
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9') {
			return false;
		}
		number = number * 10 + (unsigned)(*text - '0');
	}
	*ret = number;
	return number >= 1 && number <= count;
}

static enum gk_rc
read_members(struct trust *trust, const struct line *line, struct node *group,
    struct gk_err *err)
{
	for (size_t i = 3; i < line->count; i++) {
		struct node *member = node_find(trust, line->words[i]);

		if (member == NULL || member == group) {
			return fail(line, err,
			    "%.80s is not defined above this line",
			    line->words[i]);
		}
		if (member->is_member) {
			return fail(line, err,
			    "%.80s is a member of a group already",
			    line->words[i]);
		}
		member->is_member = true;
		group->members[group->count++] =
		    (uint8_t)(member - trust->nodes);
	}
	return GK_OK;
}

static enum gk_rc
read_group(struct trust *trust, const struct line *line, struct gk_err *err)
{
	struct node *group;
	unsigned needed;

	if (line->count < 4) {
		return fail(
		    line, err, "expected: group <name> all|any|<k> <name>...");
	}
	if (trust->group_count == TRUST_GROUPS_MAX) {
		return fail(line, err, "more than %d groups", TRUST_GROUPS_MAX);
	}
	if (!needed_parse(line->words[2], line->count - 3, &needed)) {
		return fail(line, err,
		    "expected all, any, or a number from 1 to that of the "
		    "members, not %.32s",
		    line->words[2]);
	}
	GK_TRY(node_add(trust, line, &group, err));
	group->members = gk_arena_alloc(&trust->arena, line->count);
	if (group->members == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a policy's group");
	}
	group->is_group = true;
	group->needed = needed;
	trust->group_count++;
	return read_members(trust, line, group, err);
}

static enum gk_rc
read_quorum(struct trust *trust, const struct line *line, struct gk_err *err)
{
	if (line->count != 2) {
		return fail(line, err, "expected: quorum <name>, or none");
	}
	if (trust->has_quorum) {
		return fail(line, err, "there is a quorum line already");
	}
	trust->has_quorum = true;
	if (strcmp(line->words[1], "none") == 0) {
		return GK_OK;
	}
	trust->quorum = node_find(trust, line->words[1]);
	return trust->quorum != NULL
		   ? GK_OK
		   : fail(line, err, "%.80s is not defined above this line",
			 line->words[1]);
}

static enum gk_rc
read_line(struct trust *trust, const struct line *line, struct gk_err *err)
{
	static const struct {
		const char *word;
		enum gk_rc (*read)(struct trust *trust, const struct line *line,
		    struct gk_err *err);
	} kinds[] = {
	    {"log", read_log},
	    {"witness", read_witness},
	    {"group", read_group},
	    {"quorum", read_quorum},
	};

	for (size_t i = 0; i < GK_COUNT(kinds); i++) {
		if (strcmp(line->words[0], kinds[i].word) == 0) {
			return kinds[i].read(trust, line, err);
		}
	}
	return fail(line, err,
	    "expected log, witness, group or quorum, not %.32s",
	    line->words[0]);
}

/* Cut a line into words, in place. */
static enum gk_rc
line_split(char *text, struct line *line, struct gk_err *err)
{
	static const char blanks[] = " \t";

	line->count = 0;
	text += strspn(text, blanks);
	if (*text == '#') {
		return GK_OK;
	}
	while (*text != '\0') {
		size_t n = strcspn(text, blanks);

		if (line->count == WORDS_MAX) {
			return fail(line, err, "more than %d words", WORDS_MAX);
		}
		line->words[line->count++] = text;
		if (text[n] != '\0') {
			text[n++] = '\0';
		}
		text += n;
		text += strspn(text, blanks);
	}
	return GK_OK;
}

/* Only these octets may stand in the file. */
static bool
is_text(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f) {
			return false;
		}
	}
	return true;
}

static enum gk_rc
read_lines(struct trust *trust, char *text, size_t n, struct gk_err *err)
{
	char *const end = text + n;
	struct line line = {.number = 0};

	while (text < end) {
		char *newline = memchr(text, '\n', (size_t)(end - text));

		line.number++;
		if (newline == NULL) {
			return fail(&line, err, "the line doesn't end");
		}
		*newline = '\0';
		if (!is_text(text, (size_t)(newline - text))) {
			return fail(&line, err, "a control character");
		}
		GK_TRY(line_split(text, &line, err));
		if (line.count > 0) {
			GK_TRY(read_line(trust, &line, err));
		}
		text = newline + 1;
	}
	return trust->has_quorum ? GK_OK
				 : fail(&line, err, "there is no quorum line");
}

enum gk_rc
trust_parse(const char *bytes, size_t n, struct trust **ret, struct gk_err *err)
{
	GK_AUTO(trust_freep) struct trust *trust = NULL;
	char *text;

	if (n > TRUST_BYTES_MAX) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "a policy of %zu bytes; at most %u are read", n,
		    TRUST_BYTES_MAX);
	}
	trust = calloc(1, sizeof(*trust));
	if (trust == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a policy of trust");
	}
	trust->arena.cap = (size_t)4 * TRUST_BYTES_MAX;
	text = gk_arena_alloc(&trust->arena, n + 1);
	if (text == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a policy of trust");
	}
	(void)memcpy(text, bytes, n);
	text[n] = '\0';
	GK_TRY(read_lines(trust, text, n, err));
	*ret = GK_TAKE(trust);
	return GK_OK;
}

static void
fd_close(const int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
	}
}

static enum gk_rc
file_read(const char *path, struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char part[4096];
	ssize_t n;

	if (fd < 0) {
		return GK_FAIL(err, GK_E_IO, "%s", strerrordesc_np(errno));
	}
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return GK_FAIL(
			    err, GK_E_IO, "%s", strerrordesc_np(errno));
		}
		GK_TRY(gk_buf_add(buf, part, (size_t)n, err));
	}
	return GK_OK;
}

enum gk_rc
trust_load(const char *path, struct trust **ret, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(TRUST_BYTES_MAX);
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc = file_read(path, &buf, &why);

	if (rc == GK_OK) {
		rc = trust_parse(gk_buf_text(&buf), buf.len, ret, &why);
	}
	if (rc != GK_OK) {
		(void)GK_FAIL(err, rc, "%s", why.text);
		gk_err_where(err, "%.120s%s%s", path,
		    why.where[0] != '\0' ? ", " : "", why.where);
	}
	return rc;
}

void
trust_free(struct trust *trust)
{
	if (trust != NULL) {
		gk_arena_done(&trust->arena);
		free(trust);
	}
}

void
trust_freep(struct trust **trust)
{
	trust_free(*trust);
}

size_t
trust_log_count(const struct trust *trust)
{
	return trust->log_count;
}

const struct trust_log *
trust_log_at(const struct trust *trust, size_t i)
{
	return i < trust->log_count ? &trust->logs[i] : NULL;
}

const struct trust_log *
trust_log_find(const struct trust *trust, const char *origin)
{
	for (size_t i = 0; i < trust->log_count; i++) {
		if (strcmp(trust->logs[i].vkey.origin, origin) == 0) {
			return &trust->logs[i];
		}
	}
	return NULL;
}

size_t
trust_witness_count(const struct trust *trust)
{
	return trust->witness_count;
}

const struct trust_witness *
trust_witness_at(const struct trust *trust, size_t i)
{
	return i < trust->witness_count ? &trust->witnesses[i] : NULL;
}

bool
trust_asks_none(const struct trust *trust)
{
	return trust->quorum == NULL;
}

/* Members come before their groups: one pass in order settles all. */
bool
trust_quorum(const struct trust *trust, uint64_t cosigned)
{
	bool met[NODES_MAX] = {false};

	if (trust->quorum == NULL) {
		return true;
	}
	for (size_t i = 0; i < trust->node_count; i++) {
		const struct node *node = &trust->nodes[i];
		unsigned count = 0;

		if (!node->is_group) {
			met[i] = (cosigned >> node->witness & 1) != 0;
			continue;
		}
		for (unsigned m = 0; m < node->count; m++) {
			count += met[node->members[m]];
		}
		met[i] = count >= node->needed;
	}
	return met[trust->quorum - trust->nodes];
}
