#ifndef GK_OUT_TEMPLATE_H
#define GK_OUT_TEMPLATE_H
/* Templates of messages: text with {fields} of an event, each written as its target needs it. */

#include "out/notice.h"

/* How a value is written, so that it can't be more than a value.  Control characters become blanks in all of them. */
enum escape {
	ESCAPE_PLAIN,  /* mail bodies; JSON strings, which are quoted later */
	ESCAPE_MRKDWN, /* Slack: & < > become entities */
	ESCAPE_HEADER, /* one line */
};

enum gk_rc escape_add(enum escape escape, const char *text, size_t n,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

#define TEMPLATE_BYTES_MAX 4000 /* of a template's text */

struct template;

/*
 * Read "{agent_id} waits for {groups}\n{link}": the names of notice.def, line
 * (notice_print_line()) and link; "{{" and "}}" are braces.
 * Errors: GK_E_INVALID (the text says which name, and what was meant), GK_E_NOMEM.
 */
enum gk_rc template_new(const char *text, struct template **ret_template,
    struct gk_err *err) GK_MUST_USE;
void template_free(struct template *template);
void template_freep(struct template **template);

/* Append it: what the operator wrote as it is, values escaped.  link may be "". */
enum gk_rc template_print(const struct template *template,
    const struct notice *notice, const char *link, enum escape escape,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

#endif
