#ifndef GK_TESTS_UNIT_GATE_FIXTURE_H
#define GK_TESTS_UNIT_GATE_FIXTURE_H
/* A gate in a temporary folder with a clock that stands still until it is moved. */

#include <stdatomic.h>

#include "gate/gate.h"

/* One gate; zeroed by house_open(). */
struct house {
	struct gate *gate;
	struct gate_options options;
	char root[64], data[96], policies[96];
	struct gk_clock clock;
	_Atomic int64_t wall_us, boot_us;
	_Atomic int alerts;
	char last_alert[64];
};

/* What came back of one call. */
struct answer {
	enum gate_outcome outcome;
	char code[64];
	char *text;              /* owned; "" when empty */
	struct json_value *json; /* NULL: no JSON */
	bool more;
};

extern const char house_policy[];

/* Make the folders and a policy; options may be changed before house_start(). */
void house_init(struct house *house, const char *policy);
void house_write_policy(struct house *house, const char *text);
void house_start(struct house *house); /* gate_open, gate_start */
void house_stop(struct house *house);  /* gate_stop, gate_close */
void house_done(
    struct house *house); /* stop if needed, and remove the folder */
void house_pass(struct house *house, int64_t us); /* time passes */

/* Who calls: made by the operator; lives until house_done(). */
const struct identity *house_identity(struct house *house, const char *json);
extern const struct identity house_operator; /* the admin socket */

/* Fill a call; body may be NULL. */
void house_call(struct gate_call *call, enum gate_verb verb,
    const struct identity *caller, const char *target, struct json_value *body);
struct json_value *house_json(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* Do one call.  params are "name", "value" pairs, NULL ends. */
struct answer house_do(struct house *house, enum gate_verb verb,
    const struct identity *caller, const char *target, const char *body,
    const char *const *params);
void answer_done(struct answer *answer);

/* The member at a JSON Pointer as text: strings plain, others as JSON; "" when absent. */
const char *answer_text(const struct answer *answer, const char *pointer);
int64_t answer_int(const struct answer *answer, const char *pointer);

/* Ask for a decision with the usual agent's fields. */
struct answer house_ask(struct house *house, const struct identity *agent,
    const char *run, const char *step, const char *action, const char *more);

/* Wait (really) until the check is true; false after 10 s. */
bool house_until(bool (*check)(void *ctx), void *ctx);

/* Does any file of the data folder hold the text? */
bool house_holds(struct house *house, const char *text);

#endif
