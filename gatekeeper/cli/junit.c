/* A report of tests as JUnit XML (the JUnit schema of Jenkins' xUnit plugin). */
#include <string.h>

#include "cli/suite.h"
#include "cli/words.h"

/* Text in an attribute or an element: what XML 1.0 can't hold becomes '?'. */
static enum gk_rc
add_escaped(const char *text, struct gk_buf *xml, struct gk_err *err)
{
	static const char special[] = "&<>\"\n";
	static const char *const entities[] = {
	    "&amp;", "&lt;", "&gt;", "&quot;", "&#10;"};

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		const char *found = strchr(special, *text);

		if (found != NULL) {
			GK_TRY(
			    gk_buf_puts(xml, entities[found - special], err));
		} else {
			bool control = c < ' ' || c == 0x7F;

			GK_TRY(gk_buf_putc(
			    xml, (char)(control ? '?' : *text), err));
		}
	}
	return GK_OK;
}

static enum gk_rc
add_attribute(
    const char *name, const char *value, struct gk_buf *xml, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(xml, err, " %s=\"", name));
	GK_TRY(add_escaped(value == NULL ? "" : value, xml, err));
	return gk_buf_putc(xml, '"', err);
}

static enum gk_rc
add_failure(const char *file, const struct json_value *failure,
    struct gk_buf *xml, struct gk_err *err)
{
	const struct json_value *list = words_at(failure, "differences");
	const char *error = words_get(failure, "error");

	GK_TRY(gk_buf_puts(xml, "      <failure", err));
	GK_TRY(add_attribute("message",
	    error != NULL ? error : words_get(failure, "what"), xml, err));
	GK_TRY(gk_buf_putc(xml, '>', err));
	GK_TRY(add_escaped(file, xml, err));
	GK_TRY(gk_buf_printf(xml, err, ":%lld:%lld&#10;",
	    (long long)words_int(failure, "line"),
	    (long long)words_int(failure, "column")));
	for (const struct json_value *one = words_first(list); one != NULL;
	     one = json_next(one)) {
		GK_TRY(add_escaped(words_get(one, "field"), xml, err));
		GK_TRY(gk_buf_puts(xml, ": expected ", err));
		GK_TRY(add_escaped(words_get(one, "expected"), xml, err));
		GK_TRY(gk_buf_puts(xml, ", got ", err));
		GK_TRY(add_escaped(words_get(one, "actual"), xml, err));
		GK_TRY(gk_buf_puts(xml, "&#10;", err));
	}
	return gk_buf_puts(xml, "</failure>\n", err);
}

static enum gk_rc
add_test(const char *file, const struct json_value *test, struct gk_buf *xml,
    struct gk_err *err)
{
	const struct json_value *failures = words_at(test, "failures");

	GK_TRY(gk_buf_puts(xml, "    <testcase", err));
	GK_TRY(add_attribute("classname", file, xml, err));
	GK_TRY(add_attribute("name", words_get(test, "name"), xml, err));
	if (json_count(failures) == 0) {
		return gk_buf_puts(xml, "/>\n", err);
	}
	GK_TRY(gk_buf_puts(xml, ">\n", err));
	for (const struct json_value *one = json_first(failures); one != NULL;
	     one = json_next(one)) {
		GK_TRY(add_failure(file, one, xml, err));
	}
	return gk_buf_puts(xml, "    </testcase>\n", err);
}

static enum gk_rc
add_file(const struct json_value *file, struct gk_buf *xml, struct gk_err *err)
{
	const struct json_value *tests = words_at(file, "tests");
	const char *name = words_get(file, "file");

	GK_TRY(gk_buf_puts(xml, "  <testsuite", err));
	GK_TRY(add_attribute("name", name, xml, err));
	GK_TRY(gk_buf_printf(xml, err, " tests=\"%zu\" failures=\"%lld\">\n",
	    json_count(tests), (long long)words_int(file, "failed")));
	for (const struct json_value *one = words_first(tests); one != NULL;
	     one = json_next(one)) {
		GK_TRY(add_test(name, one, xml, err));
	}
	return gk_buf_puts(xml, "  </testsuite>\n", err);
}

enum gk_rc
suite_junit(
    const struct json_value *report, struct gk_buf *xml, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(xml, err,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<testsuites name=\"gatekeeper policy test\" tests=\"%lld\" "
	    "failures=\"%lld\">\n",
	    (long long)(words_int(report, "passed") +
			words_int(report, "failed")),
	    (long long)words_int(report, "failed")));
	for (const struct json_value *one =
		 words_first(words_at(report, "files"));
	     one != NULL; one = json_next(one)) {
		GK_TRY(add_file(one, xml, err));
	}
	return gk_buf_puts(xml, "</testsuites>\n", err);
}
