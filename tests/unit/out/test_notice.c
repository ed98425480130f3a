/* What notifications see of an event: fields, alerts, the line; conditions over them. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/attr.h"
#include "out/condition.h"

static const char asked[] =
    "{\"action\":\"refund.create\",\"actor\":{\"id\":\"u_7\",\"roles\":["
    "\"support\",\"lead\"],\"type\":\"user\"},\"agent_id\":\"support-agent\","
    "\"approval\":{\"id\":\"apr_1\",\"rules\":[{\"groups\":[\"finance\","
    "\"legal\"],\"risk\":\"low\",\"rule\":\"a\"},{\"groups\":[\"ops\"],"
    "\"rule\":\"b\"}]},"
    "\"approval_id\":\"apr_1\",\"decision\":\"approval_required\",\"kind\":"
    "\"decision\",\"reason\":\"refund_over_50\",\"run_id\":\"run_981\","
    "\"seq\":1041,\"tenant_id\":\"t_42\",\"timestamp\":"
    "\"2026-11-23T08:14:00.123456Z\",\"v\":1}";
static const char spent[] =
    "{\"charges\":[{\"key\":\"t_42\",\"kind\":\"rate\",\"rule\":\"r\"},"
    "{\"key\":\"t_42\",\"kind\":\"budget\",\"micros\":\"1\",\"reached\":83,"
    "\"rule\":\"spend\"}],\"decision\":\"allow\",\"kind\":\"decision\","
    "\"seq\":3,\"v\":1}";

static struct notice
notice_of(const char *row)
{
	return (struct notice){row, strlen(row)};
}

static const char *
print(const char *row, enum notice_field field, struct gk_buf *buf)
{
	struct notice notice = notice_of(row);

	gk_buf_clear(buf);
	cr_assert(notice_print(&notice, field, buf, NULL) == GK_OK);
	return gk_buf_text(buf);
}

static bool
holds(const char *condition, const char *row)
{
	GK_AUTO(condition_freep) struct condition *compiled = NULL;
	struct notice notice = notice_of(row);
	struct gk_err err = {.rc = GK_OK};

	cr_assert(condition_new(condition, &compiled, &err) == GK_OK, "%s: %s",
	    condition, err.text);
	return condition_holds(compiled, &notice);
}

Test(notice, fields_are_found_by_name_wherever_they_lie)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1000);

	cr_assert_str_eq(print(asked, NOTICE_ACTION, &buf), "refund.create");
	cr_assert_str_eq(print(asked, NOTICE_ACTOR_ID, &buf), "u_7");
	cr_assert_str_eq(print(asked, NOTICE_ROLES, &buf), "support, lead");
	cr_assert_str_eq(
	    print(asked, NOTICE_GROUPS, &buf), "finance, legal, ops");
	cr_assert_str_eq(print(asked, NOTICE_SEQ, &buf), "1041");
	cr_assert_str_eq(print(asked, NOTICE_STATUS, &buf), "");
	cr_assert_str_eq(print(asked, NOTICE_BUDGET, &buf), "");
	cr_assert_str_eq(print(spent, NOTICE_BUDGET, &buf), "spend");
	cr_assert_str_eq(print(spent, NOTICE_PERCENT, &buf), "83");
}

Test(notice, escapes_are_undone)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1000);
	static const char row[] =
	    "{\"kind\":\"policy\",\"note\":\"a \\\"b\\\", "
	    "c\\n\\u001b\",\"seq\":1}";

	cr_assert_str_eq(print(row, NOTICE_NOTE, &buf), "a \"b\", c\n\x1b");
}

Test(notice, alerts_are_what_the_document_says)
{
	static const struct {
		const char *row;
		enum alert alert;
	} rows[] = {
	    {asked, ALERT_APPROVAL},
	    {spent, ALERT_BUDGET},
	    {"{\"decision\":\"stop\",\"kind\":\"decision\"}", ALERT_NONE},
	    {"{\"decision\":\"approval_required\",\"kind\":\"decision\"}",
		ALERT_NONE}, /* it joined one that was told */
	    {"{\"decision\":\"stop\",\"kind\":\"decision\",\"reason\":"
	     "\"approval_flood\"}",
		ALERT_FLOOD},
	    {"{\"change\":\"escalated\",\"groups\":[\"heads\"],\"kind\":"
	     "\"approval\"}",
		ALERT_ESCALATION},
	    {"{\"change\":\"granted\",\"kind\":\"approval\"}", ALERT_NONE},
	    {"{\"kind\":\"violation\"}", ALERT_VIOLATION},
	    {"{\"change\":\"unreported\",\"kind\":\"result\"}",
		ALERT_UNREPORTED},
	    {"{\"change\":\"reported\",\"kind\":\"result\"}", ALERT_NONE},
	    {"{\"change\":\"lifted\",\"kind\":\"kill_switch\"}",
		ALERT_KILL_SWITCH},
	    {"{\"change\":\"rejected\",\"kind\":\"policy\"}",
		ALERT_POLICY_CHANGE},
	    {"{\"change\":\"jumped\",\"kind\":\"clock\"}", ALERT_CLOCK},
	    {"{\"change\":\"accepted\",\"kind\":\"clock\"}", ALERT_NONE},
	    {"{\"gap\":{\"what\":\"witness\"},\"kind\":\"gap\"}",
		ALERT_WITNESS},
	    {"{\"gap\":{\"what\":\"space_warn\"},\"kind\":\"gap\"}",
		ALERT_SPACE},
	    {"{\"gap\":{\"what\":\"sign_in\"},\"kind\":\"gap\"}", ALERT_NONE},
	    {"{}", ALERT_NONE},
	};

	for (size_t i = 0; i < GK_COUNT(rows); i++) {
		struct notice notice = notice_of(rows[i].row);

		cr_assert_eq(
		    notice_alert(&notice), rows[i].alert, "%s", rows[i].row);
	}
}

Test(notice, the_line_is_the_one_that_people_know)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1000);
	struct notice notice = notice_of(asked);

	cr_assert(notice_print_line(&notice, &buf, NULL) == GK_OK);
	cr_assert_str_eq(gk_buf_text(&buf),
	    "support-agent: decision=approval_required, "
	    "reason=refund_over_50, tenant=t_42, run_id=run_981");
}

Test(condition, conditions_see_the_fields)
{
	cr_assert(holds("alert == \"approval\"", asked));
	cr_assert(holds("\"legal\" in groups && seq > 1000", asked));
	/* of a low one and one that says nothing, the higher */
	cr_assert(holds("risk == \"medium\"", asked));
	cr_assert(holds("risk == \"\"", spent));
	cr_assert(holds("roles.exists(r, r == \"lead\")", asked));
	cr_assert(holds("percent >= 80 && budget.startsWith(\"sp\")", spent));
	cr_assert_not(holds("alert == \"approval\"", spent));
	cr_assert_not(holds("tenant_id != \"\"", spent));
	cr_assert_not(holds("size(groups) > 0 || count > 0", spent));
}

Test(condition, one_that_fails_tells)
{
	cr_assert(holds("1 / count == 2", asked));
	cr_assert(holds("int(reason) == 2", asked));
}

Test(condition, what_isnt_one_is_refused_with_a_hint)
{
	static const char *const bad[] = {"", "seq", "kind ==", "kind == 1",
	    "knid == \"x\"", "decision", "args.amount > 1.0"};
	GK_AUTO(condition_freep) struct condition *condition = NULL;
	struct gk_err err = {.rc = GK_OK};

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert(
		    condition_new(bad[i], &condition, &err) == GK_E_INVALID,
		    "%s", bad[i]);
		cr_assert_null(condition);
	}
	(void)!condition_new("knid == \"x\"", &condition, &err);
	cr_assert_not_null(strstr(err.text, "'kind'"), "%s", err.text);
}

Test(condition, one_may_be_asked_again_and_again)
{
	GK_AUTO(condition_freep) struct condition *condition = NULL;
	struct notice yes = notice_of(asked), no = notice_of(spent);

	cr_assert(condition_new("size(groups) + size(roles) == 5", &condition,
		      NULL) == GK_OK);
	for (int i = 0; i < 1000; i++) {
		cr_assert(condition_holds(condition, &yes));
		cr_assert_not(condition_holds(condition, &no));
	}
}
