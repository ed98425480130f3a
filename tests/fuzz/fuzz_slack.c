/* Any bytes as what Slack posts: a press whose parts are ids, or a refusal; and as what it signs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "http/slack_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slack *
open_once(void)
{
	static struct slack *slack;
	char path[] = "/tmp/gk-fuzz-slack-XXXXXX";
	int fd;

	if (slack == NULL) {
		fd = mkstemp(path);
		GK_ASSERT(fd >= 0 && write(fd, "secret\n", 7) == 7);
		(void)close(fd);
		GK_ASSERT(slack_new(path, &slack, NULL) == GK_OK);
		(void)unlink(path);
	}
	return slack;
}

static void
check_press(const struct slack_press *press)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	GK_ASSERT(press->user[0] != '\0' && press->approval_id[0] != '\0');
	GK_ASSERT(press->user[strspn(press->user, fine)] == '\0');
	GK_ASSERT(press->approval_id[strspn(press->approval_id, fine)] == '\0');
	GK_ASSERT(press->team[strspn(press->team, fine)] == '\0');
	GK_ASSERT(
	    press->response_url == NULL || strlen(press->response_url) < 512);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	const char *body = (const char *)data;
	struct slack_press press;
	struct gk_err err = {.rc = GK_OK};
	char text[128];
	size_t n = size < sizeof(text) - 1 ? size : sizeof(text) - 1;

	if (size > 65536) {
		return 0;
	}
	if (slack_parse(body, size, &arena, &press, &err) == GK_OK) {
		check_press(&press);
	} else {
		GK_ASSERT(err.text[0] != '\0');
	}
	memcpy(text, data, n);
	text[n] = '\0';
	GK_ASSERT(slack_verify(open_once(), "1531420618", text, body, size,
		      1531420618) == SLACK_FORGED);
	(void)slack_verify(open_once(), text, text, body, size, 1531420618);
	return 0;
}
