/* A replayed use of a grant that was asked for under an older hash key. */
#include <string.h>

#include "gate/gate_internal.h"
#include "gate/replay_grant.h"

enum gk_rc
replay_older_hashes(struct journal_reader *reader, const struct event *event,
    struct gk_arena *arena, struct ask_hashes *ret, bool *ret_older,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
	int64_t key = event_key_of(event->action_key);
	struct event asked;
	uint64_t seq;
	bool found = false;

	*ret_older = false;
	if (event->decision != DECISION_ALLOW || event->reason == NULL ||
	    strcmp(event->reason, "approval_granted") != 0 ||
	    !id_seq(ID_APPROVAL, event->approval_id, &seq)) {
		return GK_OK;
	}
	GK_TRY(journal_read(reader, seq, &bytes, NULL, &found, err));
	if (!found ||
	    event_decode(bytes.bytes, bytes.len, arena, &asked, err) != GK_OK ||
	    event_key_of(asked.action_key) == key) {
		return GK_OK; /* let go, or the same key */
	}
	*ret = (struct ask_hashes){.key = event_key_of(asked.action_key),
	    .action_key = asked.action_key,
	    .args_hash = asked.args_hash,
	    .context_hash = asked.context_hash,
	    .actor = asked.actor == NULL ? NULL : asked.actor->id};
	*ret_older = true;
	return GK_OK;
}
