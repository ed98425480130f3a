#ifndef GK_GATE_RENDER_H
#define GK_GATE_RENDER_H
/* Answers as canonical JSON: what they say, and the tables that print them. */

#include "codec/digest.h"
#include "gate/gate.h"
#include "ledger/ledger.h"

struct gate_event_ref {
	const char *leaf_hash;
	int64_t seq;
};
struct gate_approval_ref {
	const char *approval_id;
	int status;
	int64_t needed, granted;
	int64_t expires_us;
};
/* The answer to a decision, as api.md has it. */
struct gate_answer {
	const char *action_key;
	struct gate_approval_ref *approval;
	int decision;
	const char *decision_id;
	struct gate_event_ref *event;
	int layer;
	const char *policy;
	const char *reason;
	bool replayed;
	int64_t retry_after_ms;
	const char *rule;
	const char *run_id;
	int scope;
	const char *step_id;
	int64_t valid_until_us;
	const struct json_value *rules; /* explain */
};
extern const struct record_type gate_answer_type;
extern const struct record_type gate_explain_type;
extern const struct record_type gate_event_ref_type;
/* Copy what the answer says of a decision event. */
enum gk_rc gate__answer(const struct event *event, const struct digest *leaf,
    struct gk_arena *arena, struct gate_answer *ret,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc gate__event_ref(uint64_t seq, const struct digest *leaf,
    struct gk_arena *arena, struct gate_event_ref **ret,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc gate__approval_ref(const struct approval_view *view,
    struct gk_arena *arena, struct gate_approval_ref **ret,
    struct gk_err *err) GK_MUST_USE;
/* Append {"<name>":[…]} of count structs. */
enum gk_rc gate__print_list(struct gk_buf *buf, const char *name,
    const struct record_type *type, const void *items, size_t count,
    struct gk_err *err) GK_MUST_USE;
/* An approval as people see it. */
struct gate_bounds {
	int64_t max_ttl_ms, max_uses;
	const char **pins;
	size_t pin_count;
};
struct gate_bound {
	struct grant_bound of;
	int64_t used;
};
struct gate_approval {
	const char *approval_id;
	const char *alike;
	struct actor *actor;
	struct gate_bounds *bounded; /* NULL: no bounded grant can be given */
	struct gate_bound *bound;    /* NULL: the grant isn't bounded */
	struct gate_bounds bounds_room;
	struct gate_bound bound_room;
	struct approval_view view;
	const struct json_value
	    *shown; /* object of opened values; NULL: none */
	const struct json_value
	    *redacted; /* path → seq of the redaction; NULL: none */
};
extern const struct record_type gate_approval_type;
void gate__approval_show(const struct approval_view *view, struct actor *actor,
    struct gate_approval *ret);
/* A copy of the view with every string in arena. */
enum gk_rc gate__view_copy(const struct approval_view *view,
    struct gk_arena *arena, struct approval_view **ret,
    struct gk_err *err) GK_MUST_USE;

#endif
