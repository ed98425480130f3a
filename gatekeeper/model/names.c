/* The words behind the enums, and the checks of names. */
#include <string.h>

#include "model/names.h"

const char *const decision_words[DECISION_COUNT] = {
    [DECISION_STOP] = "stop",
    [DECISION_APPROVAL_REQUIRED] = "approval_required",
    [DECISION_ALLOW] = "allow",
};

const char *const layer_words[LAYER_COUNT] = {
    [LAYER_RETRY] = "retry",
    [LAYER_KILL_SWITCH] = "kill_switch",
    [LAYER_ACCESS] = "access",
    [LAYER_RATE_LIMIT] = "rate_limit",
    [LAYER_BUDGET] = "budget",
    [LAYER_APPROVAL] = "approval",
    [LAYER_JOURNAL] = "journal",
};

const char *const scope_words[SCOPE_COUNT] = {
    [SCOPE_GLOBAL] = "global",
    [SCOPE_TENANT] = "tenant",
    [SCOPE_AGENT] = "agent",
    [SCOPE_ACTOR] = "user",
    [SCOPE_RUN] = "run",
};

const char *const per_words[SCOPE_COUNT] = {
    [SCOPE_GLOBAL] = "global",
    [SCOPE_TENANT] = "tenant",
    [SCOPE_AGENT] = "agent",
    [SCOPE_ACTOR] = "actor",
    [SCOPE_RUN] = "run",
};

const char *const event_kind_words[EVENT_KIND_COUNT] = {
    [EVENT_GENESIS] = "genesis",
    [EVENT_BOOT] = "boot",
    [EVENT_CLOSE] = "close",
    [EVENT_POLICY] = "policy",
    [EVENT_DECISION] = "decision",
    [EVENT_RESULT] = "result",
    [EVENT_VIOLATION] = "violation",
    [EVENT_APPROVAL] = "approval",
    [EVENT_KILL_SWITCH] = "kill_switch",
    [EVENT_RUN] = "run",
    [EVENT_IDENTITY] = "identity",
    [EVENT_ACCESS] = "access",
    [EVENT_SNAPSHOT] = "snapshot",
    [EVENT_RETENTION] = "retention",
    [EVENT_REDACTION] = "redaction",
    [EVENT_KEY] = "key",
    [EVENT_CLOCK] = "clock",
    [EVENT_GAP] = "gap",
};

const char *const phase_words[PHASE_COUNT] = {
    [PHASE_CONTROL] = "control",
    [PHASE_PRE_EXEC] = "pre_exec",
    [PHASE_POST_EXEC] = "post_exec",
    [PHASE_APPROVAL] = "approval",
};

const char *const change_words[CHANGE_COUNT] = {
    [CHANGE_VOTE] = "vote",
    [CHANGE_GRANTED] = "granted",
    [CHANGE_DENIED] = "denied",
    [CHANGE_EXPIRED] = "expired",
    [CHANGE_REVOKED] = "revoked",
    [CHANGE_USED] = "used",
    [CHANGE_ESCALATED] = "escalated",
    [CHANGE_REPORTED] = "reported",
    [CHANGE_UNREPORTED] = "unreported",
    [CHANGE_LATE] = "late_result",
    [CHANGE_CONFLICTING] = "conflicting_result",
    [CHANGE_THROWN] = "thrown",
    [CHANGE_LIFTED] = "lifted",
    [CHANGE_LOADED] = "loaded",
    [CHANGE_RELOADED] = "reloaded",
    [CHANGE_ROLLED_BACK] = "rolled_back",
    [CHANGE_REJECTED] = "rejected",
    [CHANGE_CREATED] = "created",
    [CHANGE_CHANGED] = "changed",
    [CHANGE_ENDED] = "ended",
    [CHANGE_IDLE] = "idle",
    [CHANGE_JUMPED] = "jumped",
    [CHANGE_ACCEPTED] = "accepted",
    [CHANGE_LET_GO] = "let_go",
    [CHANGE_HELD] = "held",
    [CHANGE_RELEASED] = "released",
    [CHANGE_ROTATED] = "rotated",
    [CHANGE_DESTROYED] = "destroyed",
};

const char *const result_status_words[RESULT_STATUS_COUNT] = {
    [RESULT_OK] = "ok",
    [RESULT_ERROR] = "error",
    [RESULT_TIMEOUT] = "timeout",
    [RESULT_CANCELLED] = "cancelled",
    [RESULT_NOT_EXECUTED] = "not_executed",
};

const char *const approval_status_words[APPROVAL_STATUS_COUNT] = {
    [APPROVAL_PENDING] = "pending",
    [APPROVAL_GRANTED] = "granted",
    [APPROVAL_DENIED] = "denied",
    [APPROVAL_EXPIRED] = "expired",
    [APPROVAL_REVOKED] = "revoked",
    [APPROVAL_USED] = "used",
};

const char *const risk_words[RISK_COUNT] = {
    [RISK_LOW] = "low",
    [RISK_MEDIUM] = "medium",
    [RISK_HIGH] = "high",
};

const char *const identity_kind_words[IDENTITY_KIND_COUNT] = {
    [IDENTITY_AGENT] = "agent",
    [IDENTITY_HUMAN] = "human",
    [IDENTITY_SERVICE] = "service",
};

const char *const key_use_words[KEY_USE_COUNT] = {
    [KEY_HASH] = "hash",
    [KEY_SIGNING] = "signing",
};

const char *const shadow_words[SHADOW_COUNT] = {
    [SHADOW_STOPS] = "stop",
    [SHADOW_ASKS] = "approval_required",
    [SHADOW_PASSES] = "pass",
};

enum phase
event_phase(enum event_kind kind)
{
	if (kind == EVENT_DECISION) {
		return PHASE_PRE_EXEC;
	}
	if (kind == EVENT_RESULT || kind == EVENT_VIOLATION) {
		return PHASE_POST_EXEC;
	}
	return kind == EVENT_APPROVAL ? PHASE_APPROVAL : PHASE_CONTROL;
}

int
name_find(const char *const *words, int count, const char *word)
{
	for (int i = 0; i < count; i++) {
		if (words[i] != NULL && strcmp(words[i], word) == 0) {
			return i;
		}
	}
	return 0;
}

/* Are all of 1..max characters alphanumeric (lower case only if so said) or in extra? */
static bool
name_of(const char *text, size_t max, bool upper, const char *extra)
{
	size_t n = 0;

	for (; text[n] != '\0'; n++) {
		char c = text[n];

		if (n == max ||
		    !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			(upper && c >= 'A' && c <= 'Z') ||
			strchr(extra, c) != NULL)) {
			return false;
		}
	}
	return n > 0;
}

bool
name_is_id(const char *text)
{
	return name_of(text, 128, true, "._:@/-");
}

bool
name_is_pseudonym(const char *text)
{
	enum { TAIL = 22 };
	size_t digits = text[0] != 'p' ? 0 : strspn(text + 1, "0123456789");

	return digits >= 1 && digits <= 9 && text[1] != '0' &&
	       text[1 + digits] == '_' && strlen(text + 2 + digits) == TAIL &&
	       strspn(text + 2 + digits,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		   "0123456789-_") == TAIL;
}

bool
name_is_action(const char *text)
{
	return name_of(text, 128, true, "._:@-");
}

bool
name_is_step(const char *text)
{
	return name_of(text, 160, true, "._:@/-~");
}

bool
name_is_code(const char *text)
{
	return name_of(text, 64, false, "_.");
}

bool
name_is_rule(const char *text)
{
	return name_of(text, 64, true, "_.-");
}

bool
name_is_glob(const char *text)
{
	return name_of(text, 128, true, "._:@/-*");
}

bool
name_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*') {
		pattern++;
	}
	return *pattern == '\0';
}
