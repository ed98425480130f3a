/* The chain of signing keys: built from events, asked by size. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "journal/chain.h"

/* A log's name has no space, so no checkpoint begins like this. */
#define HANDOVER_MARK "gatekeeper signing key\n"

enum { HANDOVER_TEXT_CAP = 1024 };

void
chain_done(struct chain *chain)
{
	free(chain->links);
	*chain = (struct chain){.links = NULL};
}

static enum gk_rc
add(struct chain *chain, const struct note_vkey *vkey, uint64_t from,
    struct gk_err *err)
{
	if (chain->count == chain->room) {
		size_t room = chain->room == 0 ? 4 : chain->room * 2;
		struct chain_link *all =
		    realloc(chain->links, room * sizeof(*all));

		if (all == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "a chain of keys");
		}
		chain->links = all;
		chain->room = room;
	}
	chain->links[chain->count++] = (struct chain_link){*vkey, from};
	return GK_OK;
}

enum gk_rc
chain_begin(
    struct chain *chain, const struct note_vkey *vkey, struct gk_err *err)
{
	GK_ASSERT(chain->count == 0);
	return add(chain, vkey, 0, err);
}

/* What the old key signs. */
static enum gk_rc
handover_print(const struct note_vkey *next, uint64_t seq, struct gk_buf *buf,
    struct gk_err *err)
{
	char vkey[NOTE_VKEY_BYTES];

	(void)note_vkey_print(next, vkey);
	return gk_buf_printf(buf, err, HANDOVER_MARK "%s\n%" PRIu64 "\n%s\n",
	    next->origin, seq, vkey);
}

enum gk_rc
chain_handover(const struct sign_key *old, const struct note_vkey *next,
    uint64_t seq, char ret[CHAIN_HANDOVER_BYTES], struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(HANDOVER_TEXT_CAP);
	uint8_t signature[SIGN_BYTES];

	_Static_assert(CHAIN_HANDOVER_BYTES >= DIGEST_B64_ROOM(SIGN_BYTES),
	    "a signature's text");
	GK_TRY(handover_print(next, seq, &text, err));
	sign_message(old, text.bytes, text.len, signature);
	(void)digest_b64(signature, sizeof(signature), ret);
	return GK_OK;
}

enum gk_rc
chain_sign_both(const struct note_checkpoint *checkpoint,
    const struct note_vkey *old_vkey, const struct sign_key *old,
    const struct note_vkey *next_vkey, const struct sign_key *next,
    struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf other = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	const char *lines;

	GK_TRY(note_checkpoint_sign(checkpoint, old_vkey, old, buf, err));
	GK_TRY(note_checkpoint_sign(checkpoint, next_vkey, next, &other, err));
	lines = memmem(other.bytes, other.len, "\n\n", 2);
	GK_ASSERT(lines != NULL);
	lines += 2;
	return gk_buf_add(
	    buf, lines, (size_t)(other.bytes + other.len - lines), err);
}

static bool
is_handed_over(const struct note_vkey *old, const struct note_vkey *next,
    uint64_t seq, const char *handover)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(HANDOVER_TEXT_CAP);
	uint8_t signature[SIGN_BYTES];
	size_t n;

	return handover != NULL &&
	       digest_from_b64(handover, strlen(handover), signature,
		   sizeof(signature), &n) &&
	       n == sizeof(signature) &&
	       handover_print(next, seq, &text, NULL) == GK_OK &&
	       sign_verify(old->public_key, text.bytes, text.len, signature);
}

/* The verifier key that an event names; NULL: none. */
static const char *
vkey_of(const struct event *event)
{
	if (event->kind == EVENT_GENESIS && event->process != NULL) {
		return event->process->vkey;
	}
	return event->kind == EVENT_KEY && event->key != NULL &&
		       event->key->what == KEY_SIGNING
		   ? event->key->vkey
		   : NULL;
}

bool
chain_names(const struct event *event)
{
	return vkey_of(event) != NULL;
}

enum gk_rc
chain_take(struct chain *chain, const struct event *event, struct gk_err *err)
{
	const char *text = vkey_of(event);
	const struct chain_link *last;
	struct note_vkey vkey;

	GK_ASSERT(text != NULL);
	if (note_vkey_parse(text, &vkey, err) != GK_OK) {
		gk_err_context(
		    err, "the verifier key in seq %" PRIu64, event->seq);
		return GK_E_CORRUPT;
	}
	if (chain->count == 0 || event->kind == EVENT_GENESIS) {
		return chain->count == 0 && event->kind == EVENT_GENESIS &&
			       event->seq == 0
			   ? add(chain, &vkey, 0, err)
			   : GK_FAIL(err, GK_E_CORRUPT,
				 "seq %" PRIu64 ": a key out of order",
				 event->seq);
	}
	last = &chain->links[chain->count - 1];
	if (strcmp(vkey.origin, last->vkey.origin) != 0 ||
	    event->seq + 1 <= last->from ||
	    !is_handed_over(
		&last->vkey, &vkey, event->seq, event->key->handover)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "seq %" PRIu64
		    ": a new signing key that the key before hasn't signed",
		    event->seq);
	}
	return add(chain, &vkey, event->seq + 1, err);
}

const struct chain_link *
chain_at(const struct chain *chain, uint64_t size,
    const struct chain_link **ret_before)
{
	size_t i = chain->count;

	GK_ASSERT(chain->count > 0);
	while (i > 1 && chain->links[i - 1].from > size) {
		i--;
	}
	*ret_before = i > 1 && chain->links[i - 1].from == size
			  ? &chain->links[i - 2]
			  : NULL;
	return &chain->links[i - 1];
}

bool
chain_is_key(const struct note_vkey *vkey, const char *text)
{
	char own[NOTE_VKEY_BYTES];

	(void)note_vkey_print(vkey, own);
	return strcmp(own, text) == 0;
}

const struct note_vkey *
chain_newest(const struct chain *chain)
{
	GK_ASSERT(chain->count > 0);
	return &chain->links[chain->count - 1].vkey;
}

static bool
same_key(const struct note_vkey *a, const struct note_vkey *b)
{
	return strcmp(a->origin, b->origin) == 0 &&
	       digest_equal(a->public_key, b->public_key, SIGN_PUBLIC_BYTES);
}

bool
chain_has(const struct chain *chain, const struct note_vkey *vkey)
{
	for (size_t i = 0; i < chain->count; i++) {
		if (same_key(&chain->links[i].vkey, vkey)) {
			return true;
		}
	}
	return false;
}

/* It isn't signed by the key of its size: by one whose time is over, or not yet? */
static enum gk_rc
wrong_time(const struct chain *chain, const struct chain_link *valid,
    const struct chain_link *before, const char *bytes, size_t n,
    struct gk_err *err)
{
	struct note_checkpoint checkpoint;

	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_link *link = &chain->links[i];

		if (link == valid || link == before ||
		    note_checkpoint_verify(
			bytes, n, &link->vkey, &checkpoint, NULL) != GK_OK) {
			continue;
		}
		return link->from > checkpoint.size
			   ? GK_FAIL(err, GK_E_CORRUPT,
				 "signed by a key that begins at %" PRIu64
				 " events only",
				 link->from)
			   : GK_FAIL(err, GK_E_CORRUPT,
				 "signed by a key whose time ended at %" PRIu64
				 " events",
				 link[1].from);
	}
	return GK_E_CORRUPT; /* as it was told */
}

enum gk_rc
chain_verify(const struct chain *chain, const char *bytes, size_t n,
    struct note_checkpoint *ret, struct gk_err *err)
{
	const struct chain_link *link, *before;
	struct note_checkpoint checkpoint;
	enum gk_rc rc;

	GK_TRY(note_checkpoint_parse(bytes, n, &checkpoint, err));
	link = chain_at(chain, checkpoint.size, &before);
	rc = note_checkpoint_verify(bytes, n, &link->vkey, &checkpoint, err);
	if (rc == GK_E_CORRUPT && chain->count > 1) {
		return wrong_time(chain, link, before, bytes, n, err);
	}
	GK_TRY(rc);
	if (before != NULL) {
		GK_TRY(note_checkpoint_verify(
		    bytes, n, &before->vkey, &checkpoint, err));
	}
	*ret = checkpoint;
	return GK_OK;
}
