#ifndef GK_MODEL_NAMES_H
#define GK_MODEL_NAMES_H
/* The closed lists of words that requests, events and answers use, and what a well-formed name is. */

#include <stdbool.h>
#include <stddef.h>

/* Zero is the safe value of every enum.  <enum>_words[] gives the word, NULL for "none". */

enum decision {
	DECISION_STOP = 0,
	DECISION_APPROVAL_REQUIRED,
	DECISION_ALLOW,
	DECISION_COUNT,
};
extern const char *const decision_words[DECISION_COUNT];

/* Which layer decided, in the order in which they are judged. */
enum layer {
	LAYER_NONE = 0,
	LAYER_RETRY, /* a recorded allow that no longer holds */
	LAYER_KILL_SWITCH,
	LAYER_ACCESS,
	LAYER_RATE_LIMIT,
	LAYER_BUDGET,
	LAYER_APPROVAL,
	LAYER_JOURNAL, /* no space left to record */
	LAYER_COUNT,
};
extern const char *const layer_words[LAYER_COUNT];

/* What a limit, budget or switch is counted by.  An actor is written "user". */
enum scope {
	SCOPE_NONE = 0,
	SCOPE_GLOBAL,
	SCOPE_TENANT,
	SCOPE_AGENT,
	SCOPE_ACTOR,
	SCOPE_RUN,
	SCOPE_COUNT,
};
extern const char *const scope_words[SCOPE_COUNT]; /* in events: "user" */
extern const char
    *const per_words[SCOPE_COUNT]; /* in policy and switches: "actor" */

enum event_kind {
	EVENT_NONE = 0,
	EVENT_GENESIS,
	EVENT_BOOT,
	EVENT_CLOSE,
	EVENT_POLICY,
	EVENT_DECISION,
	EVENT_RESULT,
	EVENT_VIOLATION,
	EVENT_APPROVAL,
	EVENT_KILL_SWITCH,
	EVENT_RUN,
	EVENT_IDENTITY,
	EVENT_ACCESS,
	EVENT_SNAPSHOT,
	EVENT_RETENTION,
	EVENT_REDACTION,
	EVENT_KEY,
	EVENT_CLOCK,
	EVENT_GAP,
	EVENT_KIND_COUNT,
};
extern const char *const event_kind_words[EVENT_KIND_COUNT];

/* When an event happened relative to the action. */
enum phase {
	PHASE_NONE = 0,
	PHASE_CONTROL,
	PHASE_PRE_EXEC,
	PHASE_POST_EXEC,
	PHASE_APPROVAL,
	PHASE_COUNT,
};
extern const char *const phase_words[PHASE_COUNT];
enum phase event_phase(enum event_kind kind);

/* What an event of a kind says has happened. */
enum change {
	CHANGE_NONE = 0,
	/* approval */
	CHANGE_VOTE,
	CHANGE_GRANTED,
	CHANGE_DENIED,
	CHANGE_EXPIRED,
	CHANGE_REVOKED,
	CHANGE_USED,
	CHANGE_ESCALATED,
	/* result */
	CHANGE_REPORTED,
	CHANGE_UNREPORTED,
	CHANGE_LATE,
	CHANGE_CONFLICTING,
	/* kill_switch (and CHANGE_EXPIRED) */
	CHANGE_THROWN,
	CHANGE_LIFTED,
	/* policy */
	CHANGE_LOADED,
	CHANGE_RELOADED,
	CHANGE_ROLLED_BACK,
	CHANGE_REJECTED,
	/* identity (and CHANGE_REVOKED) */
	CHANGE_CREATED,
	CHANGE_CHANGED,
	/* run */
	CHANGE_ENDED,
	CHANGE_IDLE,
	/* clock */
	CHANGE_JUMPED,
	CHANGE_ACCEPTED,
	/* retention */
	CHANGE_LET_GO,
	CHANGE_HELD,
	CHANGE_RELEASED,
	/* key */
	CHANGE_ROTATED,
	CHANGE_DESTROYED,
	CHANGE_COUNT,
};
extern const char *const change_words[CHANGE_COUNT];

enum result_status {
	RESULT_NONE = 0,
	RESULT_OK,
	RESULT_ERROR,
	RESULT_TIMEOUT,
	RESULT_CANCELLED,
	RESULT_NOT_EXECUTED,
	RESULT_STATUS_COUNT,
};
extern const char *const result_status_words[RESULT_STATUS_COUNT];

enum approval_status {
	APPROVAL_NONE = 0,
	APPROVAL_PENDING,
	APPROVAL_GRANTED,
	APPROVAL_DENIED,
	APPROVAL_EXPIRED,
	APPROVAL_REVOKED,
	APPROVAL_USED,
	APPROVAL_STATUS_COUNT,
};
extern const char *const approval_status_words[APPROVAL_STATUS_COUNT];

/* How much is at stake where a rule asks; what says nothing counts as medium. */
enum risk {
	RISK_NONE = 0, /* not said */
	RISK_LOW,
	RISK_MEDIUM,
	RISK_HIGH,
	RISK_COUNT,
};
extern const char *const risk_words[RISK_COUNT];

enum identity_kind {
	IDENTITY_NONE = 0,
	IDENTITY_AGENT,
	IDENTITY_HUMAN,
	IDENTITY_SERVICE,
	IDENTITY_KIND_COUNT,
};
extern const char *const identity_kind_words[IDENTITY_KIND_COUNT];

/* What a key is for. */
enum key_use {
	KEY_NONE = 0,
	KEY_HASH,    /* HMACs of arguments, outputs … */
	KEY_SIGNING, /* checkpoints */
	KEY_USE_COUNT,
};
extern const char *const key_use_words[KEY_USE_COUNT];

/* What a rule in mode shadow would have done. */
enum shadow_verdict {
	SHADOW_STOPS = 0,
	SHADOW_ASKS,
	SHADOW_PASSES,
	SHADOW_COUNT,
};
extern const char *const shadow_words[SHADOW_COUNT];

/* The value behind a word; 0 when the list has no such word. */
int name_find(const char *const *words, int count, const char *word);

/* Is it of a pseudonym's form, "p", a key's id, "_" and 22 characters?  No caller may use such a name. */
bool name_is_pseudonym(const char *text);
/* 1–128 characters of [A-Za-z0-9._:@/-]: run, tenant, actor, identity … */
bool name_is_id(const char *text);
/* As name_is_id, but without '/'. */
bool name_is_action(const char *text);
/* As name_is_id, and '~' too: the step ids that gatekeeper makes itself. */
bool name_is_step(const char *text);
/* 1–64 characters of [a-z0-9_.]: reasons, rule names may also have '-'. */
bool name_is_code(const char *text);
bool name_is_rule(const char *text);

/* '*' matches any run of characters, everything else itself.  Linear-ish: O(n·m) at worst, no recursion. */
bool name_glob(const char *pattern, const char *text);
bool name_is_glob(const char *text); /* an action or id that may hold '*' */

#endif
