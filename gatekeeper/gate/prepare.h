#ifndef GK_GATE_PREPARE_H
#define GK_GATE_PREPARE_H
/* A decision request made ready for the commit thread: checked, hashed, judged. */

#include "gate/gate_internal.h"

enum decide_again { AGAIN_NO = 0, AGAIN_STALE, AGAIN_GRANTED };

/* What is asked, hashed under one key; context_hash "": none. */
struct prepared_hashes {
	char action_key[GATE_HASH_BYTES];
	char args_hash[GATE_HASH_BYTES];
	char context_hash[GATE_HASH_BYTES];
	char actor[GATE_HASH_BYTES]; /* a pseudonym; "": there is none */
};

/* One decision on its way; lies in the call's arena. */
struct decide {
	struct decision_request request;
	const struct identity
	    *asker; /* the caller; for explain: whom it is about */
	const char *tenant;
	struct prepared_hashes *hashes; /* under each key, the newest first */
	struct ask_hashes *older;       /* all but the newest */
	size_t older_count;
	const struct record_pair *pins; /* under the newest key */
	size_t pin_count;
	uint64_t key_generation;
	int64_t asked_at_us;
	struct policy *policy; /* pinned while findings are used; NULL: not */
	struct findings findings;
	struct gate_openings shown;
	const char *granted_step;
	unsigned tries;
	enum decide_again again;
	struct gate_answer answer;
	struct gate_identities *table; /* explain: pinned */
};

/* Decode, check, hash.  False: the call has been ended. */
bool prepare_request(struct gate *gate, struct gate_call *call,
    struct decide *decide, const struct json_value *body);
/* Hash again, under the keys that there are now.  False: the call has been ended. */
bool prepare_hashes(
    struct gate *gate, struct gate_call *call, struct decide *decide);
/* What the judge looks at. */
struct policy_input prepare_input(
    const struct gate *gate, const struct decide *decide);
/* Pin the policy and judge.  False: the call has been ended. */
bool prepare_judge(
    struct gate *gate, struct gate_call *call, struct decide *decide);

/* In the commit thread: settle, bringing the run back where that is needed. */
enum gk_rc decide_settle(struct gate *gate, const struct decide *decide,
    struct settlement *ret, struct gk_err *err) GK_MUST_USE;

#endif
