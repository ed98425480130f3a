#ifndef TEST_POLICY_SCHEMA_TEST_H
#define TEST_POLICY_SCHEMA_TEST_H
/* Schemas and values from text, for the tests of action schemas. */

#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "policy/schema.h"

/* Both live until schema_test_done(), which is made for .fini of a suite. */
static struct gk_arena schema_arena = GK_ARENA_INIT(64u << 20);
static const struct schema *schema_now;
static struct json_value *schema_value;

static inline void
schema_test_done(void)
{
	schema_done(schema_now);
	schema_now = NULL;
	json_freep(&schema_value);
	gk_arena_done(&schema_arena);
}

static inline enum gk_rc
schema_try(const char *text, struct gk_err *err)
{
	schema_done(schema_now);
	schema_now = NULL;
	gk_arena_clear(&schema_arena);
	return schema_parse(
	    text, strlen(text), &schema_arena, &schema_now, err);
}

static inline const struct schema *
schema_of(const char *text)
{
	struct gk_err err = {0};

	cr_assert(schema_try(text, &err) == GK_OK, "%s: at '%s': %s", text,
	    err.where, err.text);
	return schema_now;
}

static inline const struct json_value *
value_of(const char *text)
{
	static const struct json_limits limits = {8 << 20, 300, 200000};
	struct gk_err err = {0};

	json_freep(&schema_value);
	cr_assert(json_parse(text, strlen(text), &limits, &schema_value,
		      &err) == GK_OK,
	    "%s: %s: %s", text, err.where, err.text);
	return schema_value;
}

/*
 * head, times × text with separators between, times × close, tail; in text \1 is the number of the
 * repetition, from 0, and \2 the next one.  The caller frees it.
 */
static inline char *
schema_text(const char *head, const char *text, unsigned times,
    const char *separator, const char *close, const char *tail)
{
	struct gk_buf buf = GK_BUF_INIT(8u << 20);

	cr_assert(gk_buf_puts(&buf, head, NULL) == GK_OK);
	for (unsigned i = 0; i < times; i++) {
		for (const char *c = text; *c != '\0'; c++) {
			cr_assert(((unsigned char)*c > 2
					  ? gk_buf_putc(&buf, *c, NULL)
					  : gk_buf_printf(&buf, NULL, "%u",
						i + (*c == '\2'))) == GK_OK);
		}
		cr_assert(gk_buf_puts(&buf, i + 1 < times ? separator : "",
			      NULL) == GK_OK);
	}
	for (unsigned i = 0; i < times; i++) {
		cr_assert(gk_buf_puts(&buf, close, NULL) == GK_OK);
	}
	cr_assert(gk_buf_puts(&buf, tail, NULL) == GK_OK);
	return gk_buf_take(&buf);
}

#endif
