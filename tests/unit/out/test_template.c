/* Templates and escapes: values stay values, whatever they hold; headers and mail bodies too. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/attr.h"
#include "out/notify_internal.h"
#include "out/out.h"

static const char *
print(const char *text, enum escape escape, struct gk_buf *buf)
{
	static const char fine[] =
	    "{\"agent_id\":\"a<b>&c\",\"kind\":\"policy\",\"note\":\"one\\r\\n"
	    "Bcc: x@y.z\\u0007\",\"reason\":\"r\",\"seq\":7}";
	const struct notice notice = {fine, sizeof(fine) - 1};
	GK_AUTO(template_freep) struct template *template = NULL;
	struct gk_err err = {.rc = GK_OK};

	gk_buf_clear(buf);
	cr_assert(template_new(text, &template, &err) == GK_OK, "%s", err.text);
	cr_assert(template_print(template, &notice, "https://x/#/runs/1",
		      escape, buf, NULL) == GK_OK);
	return gk_buf_text(buf);
}

Test(template, fields_braces_line_and_link)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(4000);

	cr_assert_str_eq(print("", ESCAPE_PLAIN, &buf), "");
	cr_assert_str_eq(print("{{{seq}}} {kind}{reason}", ESCAPE_PLAIN, &buf),
	    "{7} policyr");
	cr_assert_str_eq(
	    print("{link}", ESCAPE_PLAIN, &buf), "https://x/#/runs/1");
	cr_assert_str_eq(print("{line}", ESCAPE_MRKDWN, &buf),
	    "a&lt;b&gt;&amp;c: policy, reason=r, policy=");
	cr_assert_str_eq(print("{tenant_id}|", ESCAPE_PLAIN, &buf), "|");
}

Test(template, values_cant_end_a_line_or_be_markup)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(4000);

	for (int escape = ESCAPE_PLAIN; escape <= ESCAPE_HEADER; escape++) {
		cr_assert_str_eq(print("{note}", (enum escape)escape, &buf),
		    "one  Bcc: x@y.z ");
	}
	cr_assert_str_eq(print("*{agent_id}* <b>\n", ESCAPE_MRKDWN, &buf),
	    "*a&lt;b&gt;&amp;c* <b>\n");
	cr_assert_str_eq(print("{agent_id}", ESCAPE_PLAIN, &buf), "a<b>&c");
}

Test(template, what_isnt_one_is_refused_and_says_what_was_meant)
{
	static const char *const bad[] = {"{", "}", "{}", "{kind", "kind}",
	    "{ki{nd}}", "{knid}", "{Kind}", "{kind }", "{args}"};
	GK_AUTO(template_freep) struct template *template = NULL;
	struct gk_err err = {.rc = GK_OK};
	char text[TEMPLATE_BYTES_MAX + 2];

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert(template_new(bad[i], &template, &err) == GK_E_INVALID,
		    "%s", bad[i]);
		cr_assert_null(template);
	}
	(void)!template_new("{tenant}", &template, &err);
	cr_assert_not_null(strstr(err.text, "'tenant_id'"), "%s", err.text);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_assert(template_new(text, &template, NULL) == GK_E_INVALID);
	memset(text, '{', 1000);
	text[1000] = '\0';
	cr_assert(template_new(text, &template, NULL) == GK_E_INVALID);
}

/* ---- mails ---- */

Test(email, a_header_is_ascii_or_encoded_words)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(4000);
	static const char text[] =
	    "Überweisung über fünfzig Euro, für die jemand Grünes Licht geben "
	    "müsste";
	const char *at;

	cr_assert(email__add_words("plain", 5, &buf, NULL) == GK_OK);
	cr_assert_str_eq(gk_buf_text(&buf), "plain");
	gk_buf_clear(&buf);
	cr_assert(email__add_words(text, strlen(text), &buf, NULL) == GK_OK);
	for (at = gk_buf_text(&buf); *at != '\0';) {
		size_t n = strcspn(at, "\r");

		cr_assert_leq(n, 76);
		cr_assert_eq(strncmp(at + (*at == ' '), "=?UTF-8?B?", 10), 0);
		cr_assert_eq(strncmp(at + n - 2, "?=", 2), 0);
		at += n;
		at += *at == '\r' ? 2 : 0;
	}
	gk_buf_clear(&buf);
	cr_assert(email__add_words("a\r\nBcc: x", 9, &buf, NULL) == GK_OK);
	cr_assert_null(strchr(gk_buf_text(&buf), '\n'));
}

Test(email, a_body_is_quoted_printable_in_short_lines)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(4000);
	char text[400];

	cr_assert(
	    email__add_quoted("a=b\xc3\xbc \n.\n", 9, &buf, NULL) == GK_OK);
	cr_assert_str_eq(gk_buf_text(&buf), "a=3Db=C3=BC=20\r\n.\r\n\r\n");
	memset(text, 'x', sizeof(text));
	gk_buf_clear(&buf);
	cr_assert(email__add_quoted(text, sizeof(text), &buf, NULL) == GK_OK);
	for (const char *at = gk_buf_text(&buf); *at != '\0';) {
		size_t n = strcspn(at, "\r");

		cr_assert_leq(n, 76);
		at += n + 2;
	}
}

Test(email, bare_addresses_alone)
{
	static const char *const good[] = {
	    "a@b", "first.last+tag@mail.example.com", "x_y@1.example"};
	static const char *const bad[] = {"", "@", "a@", "@b", "a", "a@b@c",
	    "a b@c", "a@b c", "<a@b>", "a@b\r\nRCPT TO:<c@d>", "a@b,c@d",
	    "\"a\"@b", "a@.b", "-a@b", "a@-b", "a@b;c", "a@[1.2.3.4]"};

	for (size_t i = 0; i < GK_COUNT(good); i++) {
		cr_assert(out_mail_address_ok(good[i]), "%s", good[i]);
	}
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert_not(out_mail_address_ok(bad[i]), "%s", bad[i]);
	}
}

Test(slack, answers_go_to_slack_or_where_the_messages_go)
{
	const struct notify_target target = {
	    .url = "http://127.0.0.1:8080/hook"};
	static const char *const good[] = {
	    "https://hooks.slack.com/actions/T/1/x",
	    "http://127.0.0.1:8080/reply"};
	static const char *const bad[] = {
	    "https://hooks.slack.com.evil.example/",
	    "https://hooks.slack.com@evil.example/",
	    "http://hooks.slack.com/actions", "http://127.0.0.1:8081/reply",
	    "http://127.0.0.1:80800/reply", "https://127.0.0.1:8080/reply",
	    "http://127.0.0.1:8080@evil.example/", "", "x",
	    "https://hooks.slack.com/a b", "https://hooks.slack.com\\@evil"};

	for (size_t i = 0; i < GK_COUNT(good); i++) {
		cr_assert(slack__reply_ok(&target, good[i]), "%s", good[i]);
	}
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert_not(slack__reply_ok(&target, bad[i]), "%s", bad[i]);
	}
}
