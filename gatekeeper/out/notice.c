/* An event's fields by name, read from its canonical bytes when they are asked for. */
#include <string.h>

#include "codec/json.h"
#include "model/entry.h"
#include "model/names.h"
#include "out/notice_internal.h"

const char *const alert_words[ALERT_COUNT] = {"", "approval", "escalation",
    "flood", "violation", "unreported", "kill_switch", "policy_change",
    "budget", "witness", "space", "clock"};

#define OWN_string NOTICE_IS_TEXT
#define OWN_int    NOTICE_IS_INT
#define OWN_list   NOTICE_IS_TEXTS

const struct notice_type notice__types[NOTICE_FIELD_COUNT] = {
#define NOTICE_TEXT(id, name, outer, inner, text) \
	[NOTICE_##id] = {NOTICE_IS_TEXT, outer, inner},
#define NOTICE_INT(id, name, outer, inner, text) \
	[NOTICE_##id] = {NOTICE_IS_INT, outer, inner},
#define NOTICE_TEXTS(id, name, outer, inner, text) \
	[NOTICE_##id] = {NOTICE_IS_TEXTS, outer, inner},
#define NOTICE_OWN(id, name, type, text) \
	[NOTICE_##id] = {OWN_##type, NULL, NULL},
#include "out/notice.def"
#undef NOTICE_TEXT
#undef NOTICE_INT
#undef NOTICE_TEXTS
#undef NOTICE_OWN
};

const char *const notice_names[NOTICE_FIELD_COUNT] = {
#define NOTICE_TEXT(id, name, ...)  [NOTICE_##id] = name,
#define NOTICE_INT(id, name, ...)   [NOTICE_##id] = name,
#define NOTICE_TEXTS(id, name, ...) [NOTICE_##id] = name,
#define NOTICE_OWN(id, name, ...)   [NOTICE_##id] = name,
#include "out/notice.def"
#undef NOTICE_TEXT
#undef NOTICE_INT
#undef NOTICE_TEXTS
#undef NOTICE_OWN
};

struct entry_text
notice__raw(const struct notice *notice, enum notice_field field)
{
	const struct notice_type *type = &notice__types[field];
	struct entry_text text = {NULL, 0};

	if (type->outer != NULL) {
		text = entry_get(notice->row, notice->n, type->outer);
	}
	if (type->inner != NULL && text.at != NULL) {
		text = entry_get(text.at, text.n, type->inner);
	}
	return text;
}

/* ---- strings ---- */

/* Walks the elements of a canonical array; begin with *at = 1. */
static bool
next_element(const struct entry_text *array, size_t *at, struct entry_text *ret)
{
	size_t depth = 0, i = *at;
	bool quoted = false;

	if (array->at == NULL || array->n < 2 || array->at[0] != '[' ||
	    i >= array->n - 1) {
		return false;
	}
	for (; i < array->n - 1 && (quoted || depth > 0 || array->at[i] != ',');
	     i++) {
		char c = array->at[i];

		if (quoted && c == '\\') {
			i++;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted) {
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
		}
	}
	*ret = (struct entry_text){array->at + *at, i - *at};
	*at = i + 1;
	return true;
}

/* Append what a JSON string says. */
static enum gk_rc
add_string(
    const struct entry_text *text, struct gk_buf *buf, struct gk_err *err)
{
	const struct json_limits limits = {text->n, 1, 1};
	GK_AUTO(json_freep) struct json_value *value = NULL;

	if (text->n >= 2 && memchr(text->at, '\\', text->n) == NULL) {
		return gk_buf_add(buf, text->at + 1, text->n - 2, err);
	}
	GK_TRY(json_parse(text->at, text->n, &limits, &value, err));
	return gk_buf_puts(
	    buf, json_string(value) != NULL ? json_string(value) : "", err);
}

static bool
is_string(const struct entry_text *text)
{
	return text->at != NULL && text->n >= 2 && text->at[0] == '"';
}

/* ---- what isn't a member ---- */

/* The charge that brought a budget to 80 % or over 100 %, if one did. */
static struct entry_text
full_budget(const struct notice *notice)
{
	struct entry_text charges =
	    entry_get(notice->row, notice->n, "charges");
	struct entry_text charge;
	size_t at = 1;

	while (next_element(&charges, &at, &charge)) {
		uint64_t percent;

		if (entry_int(charge.at, charge.n, "reached", &percent) &&
		    percent >= NOTICE_BUDGET_PERCENT) {
			return charge;
		}
	}
	return (struct entry_text){NULL, 0};
}

static bool
is_word(const struct notice *notice, enum notice_field field, const char *word)
{
	struct entry_text text = notice__raw(notice, field);
	size_t n = strlen(word);

	return is_string(&text) && text.n == n + 2 &&
	       memcmp(text.at + 1, word, n) == 0;
}

static enum alert
alert_of_gap(const struct notice *notice)
{
	if (is_word(notice, NOTICE_GAP, "witness")) {
		return ALERT_WITNESS;
	}
	return is_word(notice, NOTICE_GAP, "space") ||
		       is_word(notice, NOTICE_GAP, "space_warn") ||
		       is_word(notice, NOTICE_GAP, "space_reserve")
		   ? ALERT_SPACE
		   : ALERT_NONE;
}

static enum alert
alert_of_decision(const struct notice *notice)
{
	if (entry_get(notice->row, notice->n, "approval").at != NULL) {
		return ALERT_APPROVAL;
	}
	if (is_word(notice, NOTICE_REASON, "approval_flood") &&
	    is_word(notice, NOTICE_DECISION, "stop")) {
		return ALERT_FLOOD;
	}
	return full_budget(notice).at != NULL ? ALERT_BUDGET : ALERT_NONE;
}

enum alert
notice_alert(const struct notice *notice)
{
	static const struct {
		const char *kind, *change; /* change NULL: any */
		enum alert alert;
	} rows[] = {
	    {"violation", NULL, ALERT_VIOLATION},
	    {"result", "unreported", ALERT_UNREPORTED},
	    {"kill_switch", NULL, ALERT_KILL_SWITCH},
	    {"policy", NULL, ALERT_POLICY_CHANGE},
	    {"clock", "jumped", ALERT_CLOCK},
	    {"approval", "escalated", ALERT_ESCALATION},
	};

	if (is_word(notice, NOTICE_KIND, "decision")) {
		return alert_of_decision(notice);
	}
	if (is_word(notice, NOTICE_KIND, "gap")) {
		return alert_of_gap(notice);
	}
	for (size_t i = 0; i < GK_COUNT(rows); i++) {
		if (is_word(notice, NOTICE_KIND, rows[i].kind) &&
		    (rows[i].change == NULL ||
			is_word(notice, NOTICE_CHANGE, rows[i].change))) {
			return rows[i].alert;
		}
	}
	return ALERT_NONE;
}

/* ---- text ---- */

static enum gk_rc
add_joined(const struct entry_text *array, bool *any, struct gk_buf *buf,
    struct gk_err *err)
{
	struct entry_text element;
	size_t at = 1;

	while (next_element(array, &at, &element)) {
		GK_TRY(gk_buf_puts(buf, *any ? ", " : "", err));
		GK_TRY(add_string(&element, buf, err));
		*any = true;
	}
	return GK_OK;
}

/* The groups of all rules that asked; of an escalation: those that are asked from then on. */
enum gk_rc
notice__each_groups(const struct notice *notice,
    enum gk_rc (*each)(
	void *ctx, const struct entry_text *groups, struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	struct entry_text terms = entry_get(notice->row, notice->n, "approval");
	struct entry_text rules = {NULL, 0}, rule;
	size_t at = 1;

	if (is_word(notice, NOTICE_CHANGE, "escalated")) {
		rule = entry_get(notice->row, notice->n, "groups");
		GK_TRY(each(ctx, &rule, err));
	}
	if (terms.at != NULL) {
		rules = entry_get(terms.at, terms.n, "rules");
	}
	while (next_element(&rules, &at, &rule)) {
		struct entry_text groups = entry_get(rule.at, rule.n, "groups");

		GK_TRY(each(ctx, &groups, err));
	}
	return GK_OK;
}

struct join {
	struct gk_buf *buf;
	bool any;
};

static enum gk_rc
join_groups(void *ctx, const struct entry_text *groups, struct gk_err *err)
{
	struct join *join = ctx;

	return add_joined(groups, &join->any, join->buf, err);
}

/* The highest of the rules that ask; what says nothing counts as medium. */
static enum risk
risk_of(const struct notice *notice)
{
	struct entry_text terms = entry_get(notice->row, notice->n, "approval");
	struct entry_text rules = {NULL, 0}, rule;
	enum risk most = RISK_NONE;
	size_t at = 1;

	if (terms.at != NULL) {
		rules = entry_get(terms.at, terms.n, "rules");
	}
	while (next_element(&rules, &at, &rule)) {
		enum risk risk = RISK_MEDIUM;

		for (int i = RISK_LOW; i < RISK_COUNT; i++) {
			if (entry_is(rule.at, rule.n, "risk", risk_words[i])) {
				risk = (enum risk)i;
			}
		}
		most = risk > most ? risk : most;
	}
	return most;
}

static enum gk_rc
print_own(const struct notice *notice, enum notice_field field,
    struct gk_buf *buf, struct gk_err *err)
{
	struct entry_text charge, text = {NULL, 0};
	struct join join = {buf, false};

	if (field == NOTICE_ALERT) {
		return gk_buf_puts(buf, alert_words[notice_alert(notice)], err);
	}
	if (field == NOTICE_GROUPS) {
		return notice__each_groups(notice, join_groups, &join, err);
	}
	if (field == NOTICE_RISK) {
		enum risk risk = risk_of(notice);

		return risk == RISK_NONE
			   ? GK_OK
			   : gk_buf_puts(buf, risk_words[risk], err);
	}
	charge = full_budget(notice);
	if (charge.at != NULL) {
		text = entry_get(charge.at, charge.n,
		    field == NOTICE_BUDGET ? "rule" : "reached");
	}
	if (is_string(&text)) {
		return add_string(&text, buf, err);
	}
	return text.at == NULL ? GK_OK : gk_buf_add(buf, text.at, text.n, err);
}

enum gk_rc
notice_print(const struct notice *notice, enum notice_field field,
    struct gk_buf *buf, struct gk_err *err)
{
	struct entry_text text = notice__raw(notice, field);
	bool any = false;

	if (notice__types[field].outer == NULL) {
		return print_own(notice, field, buf, err);
	}
	if (text.at == NULL) {
		return GK_OK;
	}
	if (notice__types[field].is == NOTICE_IS_TEXTS) {
		return add_joined(&text, &any, buf, err);
	}
	return is_string(&text) ? add_string(&text, buf, err)
				: gk_buf_add(buf, text.at, text.n, err);
}

bool
notice_has(const struct notice *notice, enum notice_field field)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(EVENT_ROW_MAX);

	return notice_print(notice, field, &buf, NULL) == GK_OK && buf.len > 0;
}

/* ---- the line ---- */

/* Who did it: the agent, else the caller, else nobody else than gatekeeper. */
static enum gk_rc
print_who(const struct notice *notice, struct gk_buf *buf, struct gk_err *err)
{
	static const enum notice_field who[] = {NOTICE_AGENT, NOTICE_CALLER};
	size_t before = buf->len;

	for (size_t i = 0; i < GK_COUNT(who); i++) {
		GK_TRY(notice_print(notice, who[i], buf, err));
		if (buf->len > before) {
			return GK_OK;
		}
	}
	return gk_buf_puts(buf, "gatekeeper", err);
}

/* "decision=stop", "kill_switch=thrown", "gap=space", or the bare kind. */
static enum gk_rc
print_what(const struct notice *notice, struct gk_buf *buf, struct gk_err *err)
{
	enum notice_field field = NOTICE_CHANGE;

	if (is_word(notice, NOTICE_KIND, "decision")) {
		field = NOTICE_DECISION;
	} else if (is_word(notice, NOTICE_KIND, "gap")) {
		field = NOTICE_GAP;
	}
	GK_TRY(notice_print(notice, NOTICE_KIND, buf, err));
	if (!notice_has(notice, field)) {
		return GK_OK;
	}
	GK_TRY(gk_buf_putc(buf, '=', err));
	return notice_print(notice, field, buf, err);
}

enum gk_rc
notice_print_line(
    const struct notice *notice, struct gk_buf *buf, struct gk_err *err)
{
	static const struct {
		const char *name;
		enum notice_field field;
	} parts[] = {{"reason", NOTICE_REASON}, {"budget", NOTICE_BUDGET},
	    {"percent", NOTICE_PERCENT}, {"scope", NOTICE_SWITCH_SCOPE},
	    {"subject", NOTICE_SUBJECT}, {"action", NOTICE_SWITCH_ACTION},
	    {"identity", NOTICE_IDENTITY}, {"access", NOTICE_ACCESS},
	    {"tenant", NOTICE_TENANT}, {"run_id", NOTICE_RUN}};

	GK_TRY(print_who(notice, buf, err));
	GK_TRY(gk_buf_puts(buf, ": ", err));
	GK_TRY(print_what(notice, buf, err));
	for (size_t i = 0; i < GK_COUNT(parts); i++) {
		if (!notice_has(notice, parts[i].field)) {
			continue;
		}
		GK_TRY(gk_buf_printf(buf, err, ", %s=", parts[i].name));
		GK_TRY(notice_print(notice, parts[i].field, buf, err));
	}
	if (notice_has(notice, NOTICE_COUNT)) { /* how many, or seconds */
		GK_TRY(gk_buf_puts(buf,
		    is_word(notice, NOTICE_GAP, "admission") ||
			    is_word(notice, NOTICE_GAP, "sign_in")
			? ", count="
			: ", over_after_s=",
		    err));
		GK_TRY(notice_print(notice, NOTICE_COUNT, buf, err));
	}
	if (is_word(notice, NOTICE_KIND, "policy")) {
		GK_TRY(gk_buf_puts(buf, ", policy=", err));
		GK_TRY(notice_print(notice, NOTICE_POLICY, buf, err));
	}
	return GK_OK;
}
