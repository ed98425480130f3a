/* Is a target of notifications whole?  What a kind needs, what it doesn't take, and whether its texts can be read. */
#include <string.h>

#include "out/notify_internal.h"
#include "out/out.h"

static bool
is_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NOTIFY_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* scheme://host…, nothing in it that could end a line or a host early. */
static bool
is_url(const char *url, const char *const *schemes, size_t count)
{
	if (url[strcspn(url, " \t\r\n\"<>\\^`{|}@")] != '\0') {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(schemes[i]);

		if (strncmp(url, schemes[i], n) == 0 && url[n] != '\0' &&
		    url[n] != '/' && url[n] != ':') {
			return true;
		}
	}
	return false;
}

static enum gk_rc
check_webhook(const struct notify_target *target, struct gk_err *err)
{
	static const char *const schemes[] = {"https://", "http://"};

	if ((target->url == NULL) == (target->url_file == NULL)) {
		return GK_FAIL(
		    err, GK_E_INVALID, "a webhook needs url or url_file");
	}
	if (target->url != NULL && !is_url(target->url, schemes, 2)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "url: expected https://HOST[:PORT]/PATH");
	}
	if (target->url != NULL && !target->private_addresses &&
	    strncmp(target->url, "https://", 8) != 0) {
		return GK_FAIL(err, GK_E_INVALID,
		    "url: plain http:// is for private_addresses: true");
	}
	return target->secret_count > 0
		   ? GK_OK
		   : GK_FAIL(err, GK_E_INVALID,
			 "a webhook needs secret_files, to sign with");
}

static enum gk_rc
check_slack(const struct notify_target *target, struct gk_err *err)
{
	static const char *const schemes[] = {"https://", "http://"};
	bool url = target->url != NULL || target->url_file != NULL;

	if (target->url != NULL &&
	    (target->url_file != NULL ||
		!is_url(
		    target->url, schemes, target->private_addresses ? 2 : 1))) {
		return GK_FAIL(err, GK_E_INVALID,
		    "url: expected https://HOST[:PORT]/PATH, or url_file");
	}
	if (!url && target->token_file == NULL) {
		return GK_FAIL(err, GK_E_INVALID,
		    "slack needs url_file with an incoming webhook's URL, or "
		    "token_file and channel of a bot");
	}
	if ((target->token_file != NULL) != (target->channel != NULL)) {
		return GK_FAIL(
		    err, GK_E_INVALID, "token_file and channel come together");
	}
	return target->buttons && !target->shown
		   ? GK_FAIL(err, GK_E_INVALID,
			 "buttons: who grants should see what: set shown: "
			 "true, too")
		   : GK_OK;
}

static enum gk_rc
check_email(const struct notify_target *target, struct gk_err *err)
{
	static const char *const schemes[] = {"smtps://", "smtp://"};

	if (target->url == NULL || !is_url(target->url, schemes, 2) ||
	    strchr(strstr(target->url, "://") + 3, '/') != NULL) {
		return GK_FAIL(err, GK_E_INVALID,
		    "url: expected smtps://HOST[:PORT] or smtp://HOST[:PORT]");
	}
	if (target->from == NULL || !out_mail_address_ok(target->from)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "from: expected a bare address, such as "
		    "gatekeeper@example.com");
	}
	if (target->to_count == 0) {
		return GK_FAIL(err, GK_E_INVALID, "to: nobody is named");
	}
	for (size_t i = 0; i < target->to_count; i++) {
		if (!out_mail_address_ok(target->to[i])) {
			return GK_FAIL(err, GK_E_INVALID,
			    "to: \"%.80s\" isn't a bare address",
			    target->to[i]);
		}
	}
	return (target->username != NULL) == (target->password_file != NULL)
		   ? GK_OK
		   : GK_FAIL(err, GK_E_INVALID,
			 "username and password_file come together");
}

/* A key of another kind is a mistake, not a wish. */
static enum gk_rc
check_foreign(const struct notify_target *target, struct gk_err *err)
{
	const struct {
		bool given;
		enum notify_kind kind;
		const char *name;
	} keys[] = {
	    {target->secret_count > 0, NOTIFY_WEBHOOK, "secret_files"},
	    {target->token_file != NULL, NOTIFY_SLACK, "token_file"},
	    {target->channel != NULL, NOTIFY_SLACK, "channel"},
	    {target->buttons, NOTIFY_SLACK, "buttons"},
	    {target->username != NULL, NOTIFY_EMAIL, "username"},
	    {target->password_file != NULL, NOTIFY_EMAIL, "password_file"},
	    {target->from != NULL, NOTIFY_EMAIL, "from"},
	    {target->to_count > 0, NOTIFY_EMAIL, "to"},
	    {target->subject != NULL, NOTIFY_EMAIL, "subject"},
	};

	for (size_t i = 0; i < GK_COUNT(keys); i++) {
		if (keys[i].given && keys[i].kind != target->kind) {
			return GK_FAIL(err, GK_E_INVALID,
			    "%s is a key of kind: %s", keys[i].name,
			    notify_kind_words[keys[i].kind]);
		}
	}
	return GK_OK;
}

static enum gk_rc
check_when(const char *when, struct gk_err *err)
{
	GK_AUTO(condition_freep) struct condition *condition = NULL;
	enum gk_rc rc = condition_new(when, &condition, err);

	if (rc != GK_OK) {
		gk_err_context(err, "when");
	}
	return rc;
}

static enum gk_rc
check_template(const char *name, const char *text, struct gk_err *err)
{
	GK_AUTO(template_freep) struct template *template = NULL;
	enum gk_rc rc;

	if (text == NULL) {
		return GK_OK;
	}
	rc = template_new(text, &template, err);
	if (rc != GK_OK) {
		gk_err_context(err, "%s", name);
	}
	return rc;
}

enum gk_rc
notify_check(const struct notify_target *target, struct gk_err *err)
{
	if (target->name == NULL || !is_name(target->name)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "name: needed, of a to z, digits and '-'");
	}
	GK_TRY(check_when(target->when, err));
	GK_TRY(check_template("template", target->template, err));
	GK_TRY(check_template("subject", target->subject, err));
	GK_TRY(check_foreign(target, err));
	switch (target->kind) {
	case NOTIFY_WEBHOOK:
		return check_webhook(target, err);
	case NOTIFY_SLACK:
		return check_slack(target, err);
	case NOTIFY_EMAIL:
		return check_email(target, err);
	case NOTIFY_NONE:
	case NOTIFY_KIND_COUNT:
		break;
	}
	return GK_FAIL(err, GK_E_INVALID, "kind: webhook, slack or email");
}
