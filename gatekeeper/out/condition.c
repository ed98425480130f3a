/* Conditions over events: CEL whose variables are the fields of notice.def. */
#include <stdlib.h>
#include <string.h>

#include "cel/cel.h"
#include "out/condition.h"
#include "out/notice_internal.h"

enum { VALUES_CAP = 4 << 20, LIST_MAX = 256, DIGITS_MAX = 18 };

struct condition {
	struct cel_env *env;
	struct cel_program *program;
	struct gk_arena types, values;
	const struct notice *notice; /* while condition_holds() runs */
};

static enum gk_rc
no_memory(struct gk_err *err)
{
	return GK_FAIL(err, GK_E_NOMEM, "no memory for a condition");
}

static enum gk_rc
make_env(struct condition *condition, struct gk_err *err)
{
	struct cel_variable variables[NOTICE_FIELD_COUNT];

	for (size_t i = 0; i < NOTICE_FIELD_COUNT; i++) {
		const struct cel_type *string = cel_type_of(CEL_T_STRING);

		variables[i].name = notice_names[i];
		variables[i].type =
		    notice__types[i].is == NOTICE_IS_TEXT ? string
		    : notice__types[i].is == NOTICE_IS_INT
			? cel_type_of(CEL_T_INT)
			: cel_type_list(string, &condition->types);
		if (variables[i].type == NULL) {
			return no_memory(err);
		}
	}
	return cel_env_new(
	    "", variables, NOTICE_FIELD_COUNT, NULL, 0, &condition->env, err);
}

/* The first problem in words. */
static enum gk_rc
tell(const struct cel_report *report, struct gk_err *err)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct cel_problem *problem = &report->problems[i];

		if (!problem->warning) {
			return GK_FAIL(err, GK_E_INVALID,
			    "%.140s at its byte %u%s%.60s%s", problem->text,
			    problem->begin + 1,
			    problem->hint != NULL ? " (" : "",
			    problem->hint != NULL ? problem->hint : "",
			    problem->hint != NULL ? ")" : "");
		}
	}
	return GK_FAIL(err, GK_E_INVALID, "not a condition");
}

static enum gk_rc
compile(struct condition *condition, const char *text, struct gk_err *err)
{
	const struct cel_options options = {.expect = cel_type_of(CEL_T_BOOL)};
	struct cel_report report = {.count = 0};
	enum gk_rc rc = cel_compile(condition->env, text, strlen(text),
	    &options, &condition->program, &report, err);

	if (rc == GK_E_INVALID) {
		rc = tell(&report, err);
	}
	cel_report_done(&report);
	return rc;
}

enum gk_rc
condition_new(
    const char *text, struct condition **ret_condition, struct gk_err *err)
{
	GK_AUTO(condition_freep)
	struct condition *condition = calloc(1, sizeof(*condition));

	if (condition == NULL) {
		return no_memory(err);
	}
	condition->types.cap = VALUES_CAP;
	condition->values.cap = VALUES_CAP;
	GK_TRY(make_env(condition, err));
	GK_TRY(compile(condition, text, err));
	*ret_condition = GK_TAKE(condition);
	return GK_OK;
}

void
condition_free(struct condition *condition)
{
	if (condition != NULL) {
		cel_program_free(condition->program);
		cel_env_free(condition->env);
		gk_arena_done(&condition->types);
		gk_arena_done(&condition->values);
		free(condition);
	}
}

void
condition_freep(struct condition **condition)
{
	condition_free(*condition);
}

/* ---- values ---- */

static bool
bind_text(struct condition *condition, unsigned slot, struct cel_value *ret)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(EVENT_ROW_MAX);
	char *text;

	if (notice_print(condition->notice, (enum notice_field)slot, &buf,
		NULL) != GK_OK) {
		return false;
	}
	text = gk_arena_strndup(&condition->values, gk_buf_text(&buf), buf.len);
	if (text == NULL) {
		return false;
	}
	*ret = cel_string(text, buf.len);
	return true;
}

static bool
bind_int(struct condition *condition, unsigned slot, struct cel_value *ret)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(EVENT_ROW_MAX);
	int64_t number = 0; /* none of them is below */

	if (notice_print(condition->notice, (enum notice_field)slot, &buf,
		NULL) != GK_OK) {
		return false;
	}
	for (size_t i = 0; i < buf.len && i < DIGITS_MAX; i++) {
		number = number * 10 + (buf.bytes[i] - '0');
	}
	*ret = cel_int(number);
	return true;
}

struct listing {
	struct condition *condition;
	struct cel_value *items;
	size_t count;
};

/* Ids and names: none of them has a comma or a blank, or needs an escape. */
static enum gk_rc
list_texts(void *ctx, const struct entry_text *array, struct gk_err *err)
{
	struct listing *listing = ctx;
	const char *at = array->at;
	const char *end = at == NULL ? NULL : at + array->n;

	while (at < end && listing->count < LIST_MAX) {
		const char *from = memchr(at, '"', (size_t)(end - at));
		const char *to = from == NULL ? NULL
					      : memchr(from + 1, '"',
						    (size_t)(end - from) - 1);
		char *text;

		if (to == NULL) {
			break;
		}
		text = gk_arena_strndup(&listing->condition->values, from + 1,
		    (size_t)(to - from) - 1);
		if (text == NULL) {
			return no_memory(err);
		}
		listing->items[listing->count++] = cel_text(text);
		at = to + 1;
	}
	return GK_OK;
}

static bool
bind_texts(struct condition *condition, unsigned slot, struct cel_value *ret)
{
	struct listing listing = {condition,
	    gk_arena_calloc(
		&condition->values, LIST_MAX, sizeof(struct cel_value)),
	    0};
	struct entry_text array;
	enum gk_rc rc;

	if (listing.items == NULL) {
		return false;
	}
	if (slot == NOTICE_GROUPS) {
		rc = notice__each_groups(
		    condition->notice, list_texts, &listing, NULL);
	} else {
		array = notice__raw(condition->notice, (enum notice_field)slot);
		rc = list_texts(&listing, &array, NULL);
	}
	*ret = cel_list(listing.items, listing.count);
	return rc == GK_OK;
}

static bool
bind(void *ctx, unsigned slot, struct cel_value *ret)
{
	struct condition *condition = ctx;

	switch (notice__types[slot].is) {
	case NOTICE_IS_TEXT:
		return bind_text(condition, slot, ret);
	case NOTICE_IS_INT:
		return bind_int(condition, slot, ret);
	case NOTICE_IS_TEXTS:
		return bind_texts(condition, slot, ret);
	}
	return false;
}

bool
condition_holds(struct condition *condition, const struct notice *notice)
{
	struct cel_value slots[NOTICE_FIELD_COUNT] = {0}, value;
	const struct cel_activation activation = {slots, bind, condition};

	condition->notice = notice;
	gk_arena_clear(&condition->values);
	value = cel_eval(condition->program, &activation, &condition->values,
	    &cel_limits_default, NULL, NULL);
	return value.kind != CEL_BOOL || value.as.boolean;
}
