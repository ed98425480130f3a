/* Any bytes as an outbox: one that prints as the same bytes, or a refusal; and as a template. */
#include <string.h>

#include "base/assert.h"
#include "out/outbox.h"
#include "out/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_outbox(const char *text, size_t n)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(OUTBOX_FILE_BYTES);
	GK_AUTO(outbox_done) struct outbox outbox = {0};
	struct gk_err err = {.rc = GK_OK};

	if (outbox_parse(text, n, &outbox, &err) != GK_OK) {
		GK_ASSERT(err.text[0] != '\0');
		return;
	}
	GK_ASSERT(outbox.waiting.count <= OUTBOX_WAITING_MAX);
	GK_ASSERT(outbox_print(&outbox, &buf, &err) == GK_OK);
	GK_ASSERT(buf.len == n && memcmp(gk_buf_text(&buf), text, n) == 0);
}

static void
check_template(const char *text)
{
	static const char row[] =
	    "{\"agent_id\":\"a<\\n&\",\"kind\":\"policy\"}";
	const struct notice notice = {row, sizeof(row) - 1};
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	GK_AUTO(template_freep) struct template *template = NULL;
	struct gk_err err = {.rc = GK_OK};

	if (template_new(text, &template, &err) != GK_OK) {
		GK_ASSERT(err.text[0] != '\0');
		return;
	}
	GK_ASSERT(template_print(template, &notice, "l", ESCAPE_MRKDWN, &buf,
		      &err) == GK_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEMPLATE_BYTES_MAX + 64];
	size_t n = size < sizeof(text) - 1 ? size : sizeof(text) - 1;

	if (size > OUTBOX_FILE_BYTES) {
		return 0;
	}
	check_outbox((const char *)data, size);
	memcpy(text, data, n);
	text[n] = '\0';
	check_template(text);
	return 0;
}
