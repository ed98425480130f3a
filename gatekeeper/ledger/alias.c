/*
 * The names under which an actor may stand in the record: its id, or pseudonyms of it.
 *
 * Where ids are pseudonymized, the record has "p<k>_…", the id's keyed hash.  What
 * was recorded before that was asked for, or under an older key, has another name
 * for the same actor.  A request therefore comes with all of them, and whatever was
 * recorded of the actor is looked for under each; what it adds is recorded under one.
 */
#include "ledger/ledger_internal.h"

const char *
alias_now(const struct decision_ask *ask)
{
	if (ask->request->actor == NULL) {
		return NULL;
	}
	return ask->pseudonymize && ask->actor_alias != NULL
		   ? ask->actor_alias
		   : ask->request->actor->id;
}

size_t
alias_all(const struct decision_ask *ask, const char *ret_names[ALIASES_MAX])
{
	size_t n = 0;

	if (ask->request->actor == NULL) {
		return 0;
	}
	ret_names[n++] = alias_now(ask);
	if (ask->actor_alias == NULL) {
		return n;
	}
	ret_names[n++] =
	    ask->pseudonymize ? ask->request->actor->id : ask->actor_alias;
	for (size_t i = 0; i < ask->older_count && n < ALIASES_MAX; i++) {
		if (ask->older[i].actor != NULL) {
			ret_names[n++] = ask->older[i].actor;
		}
	}
	return n;
}

size_t
alias_under(const struct decision_ask *ask, const struct ask_hashes *hashes,
    const char *ret_names[2])
{
	size_t n = 0;

	if (ask->request->actor == NULL) {
		return 0;
	}
	if (hashes->actor != NULL) {
		ret_names[n++] = hashes->actor;
	}
	ret_names[n++] = ask->request->actor->id;
	return n;
}

bool
alias_event(const struct decision_ask *ask, const struct ask_hashes *hashes,
    const struct event *draft, size_t i, struct alias_event *ret)
{
	const char *names[2];
	size_t n = alias_under(ask, hashes, names);

	if (i >= (n == 0 ? 1 : n)) {
		return false;
	}
	ret->event = *draft;
	ret->event.action_key = hashes->action_key;
	ret->event.context_hash = hashes->context_hash;
	if (n > 0) {
		ret->actor = *draft->actor;
		ret->actor.id = names[i];
		ret->event.actor = &ret->actor;
	}
	return true;
}

struct ask_hashes
alias_newest(const struct decision_ask *ask)
{
	return (struct ask_hashes){event_key_of(ask->action_key),
	    ask->action_key, ask->args_hash, ask->context_hash, ask->pins,
	    ask->actor_alias};
}
