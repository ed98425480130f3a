/* The outbox: nothing falls out of it, its file reads back or is refused, and waiting grows with jitter. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "out/outbox.h"

static const char leaf[] =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static void
fill(struct outbox *outbox, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		cr_assert(outbox_add(outbox, i, NULL) == GK_OK);
	}
	outbox->next = count;
	strcpy(outbox->leaf, leaf);
}

Test(outbox, the_one_that_waits_least_is_first)
{
	GK_AUTO(outbox_done) struct outbox outbox = {0};

	cr_assert_null(outbox_first(&outbox));
	fill(&outbox, 3);
	outbox.waiting.letters[0].next_us = 300;
	outbox.waiting.letters[1].next_us = 100;
	outbox.waiting.letters[2].next_us = 200;
	cr_assert_eq(outbox_first(&outbox)->seq, 1);
	outbox_remove(&outbox, 1);
	cr_assert_eq(outbox_first(&outbox)->seq, 2);
	outbox_remove(&outbox, 1);
	cr_assert_eq(outbox.waiting.count, 2);
}

Test(outbox, the_same_event_waits_once)
{
	GK_AUTO(outbox_done) struct outbox outbox = {0};

	cr_assert(outbox_add(&outbox, 7, NULL) == GK_OK);
	cr_assert(outbox_add(&outbox, 7, NULL) == GK_OK);
	cr_assert_eq(outbox.waiting.count, 1);
}

Test(outbox, a_full_one_takes_no_more)
{
	GK_AUTO(outbox_done) struct outbox outbox = {0};

	fill(&outbox, OUTBOX_WAITING_MAX - 1);
	cr_assert_not(outbox_full(&outbox));
	cr_assert(outbox_add(&outbox, 5000, NULL) == GK_OK);
	cr_assert(outbox_full(&outbox));
	cr_assert(outbox_add(&outbox, 5001, NULL) == GK_E_LIMIT);
	cr_assert_eq(outbox.waiting.count, OUTBOX_WAITING_MAX);
}

Test(outbox, what_is_given_up_can_wait_again)
{
	GK_AUTO(outbox_done) struct outbox outbox = {0};

	fill(&outbox, 3);
	outbox.waiting.letters[1].tries = 9;
	cr_assert(outbox_give_up(&outbox, 1, 42));
	cr_assert(outbox_give_up(&outbox, 2, 43));
	cr_assert_not(outbox_give_up(&outbox, 2, 44));
	cr_assert_eq(outbox.dead.letters[0].next_us, 42);
	cr_assert_eq(outbox.dead.letters[0].tries, 9);
	cr_assert_eq(outbox_retry(&outbox, 5), 0);
	cr_assert_eq(outbox_retry(&outbox, 1), 1);
	cr_assert_eq(outbox.waiting.letters[1].seq, 1);
	cr_assert_eq(outbox.waiting.letters[1].tries, 0);
	cr_assert_eq(outbox_retry(&outbox, UINT64_MAX), 1);
	cr_assert_eq(outbox.dead.count, 0);
	cr_assert_eq(outbox.waiting.count, 3);
}

Test(outbox, where_there_is_no_room_for_the_dead_they_go_on_waiting)
{
	GK_AUTO(outbox_done) struct outbox outbox = {0};

	fill(&outbox, OUTBOX_DEAD_MAX);
	for (size_t i = 0; i < OUTBOX_DEAD_MAX; i++) {
		cr_assert(outbox_give_up(&outbox, i, 1));
	}
	cr_assert(outbox_add(&outbox, 9000, NULL) == GK_OK);
	cr_assert_not(outbox_give_up(&outbox, 9000, 1));
	cr_assert_eq(outbox.waiting.count, 1);
}

Test(outbox, what_is_printed_reads_back)
{
	GK_AUTO(outbox_done) struct outbox outbox = {0}, again = {0};
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(OUTBOX_FILE_BYTES);

	fill(&outbox, 4);
	strcpy(outbox.waiting.letters[2].error, "the receiver answered 500");
	outbox.waiting.letters[2].tries = 3;
	outbox.waiting.letters[2].first_us = INT64_C(1795000000123456);
	outbox.waiting.letters[2].next_us = INT64_C(1795000000999999);
	cr_assert(outbox_give_up(&outbox, 1, 99));
	cr_assert(outbox_print(&outbox, &buf, NULL) == GK_OK);
	cr_assert(
	    outbox_parse(gk_buf_text(&buf), buf.len, &again, NULL) == GK_OK);
	cr_assert_eq(again.next, 4);
	cr_assert_str_eq(again.leaf, leaf);
	cr_assert_eq(again.waiting.count, 3);
	cr_assert_eq(again.dead.count, 1);
	cr_assert_eq(memcmp(again.waiting.letters, outbox.waiting.letters,
			 3 * sizeof(struct outbox_letter)),
	    0);
	cr_assert_eq(again.dead.letters[0].next_us, 99);
}

Test(outbox, a_whole_one_fits_into_its_file)
{
	GK_AUTO(outbox_done) struct outbox outbox = {0}, again = {0};
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(OUTBOX_FILE_BYTES);
	const uint64_t far = UINT64_C(999999999990000);

	for (size_t i = 0; i < 2 * OUTBOX_DEAD_MAX; i++) {
		cr_assert(outbox_add(&outbox, far + i, NULL) == GK_OK);
		memset(outbox.waiting.letters[outbox.waiting.count - 1].error,
		    'x', OUTBOX_ERROR_BYTES - 1);
		outbox.waiting.letters[outbox.waiting.count - 1].first_us =
		    INT64_C(999999999999999999);
		if (i < OUTBOX_DEAD_MAX) {
			cr_assert(outbox_give_up(
			    &outbox, far + i, INT64_C(999999999999999999)));
		}
	}
	outbox.next = far + 5000;
	cr_assert(outbox_print(&outbox, &buf, NULL) == GK_OK);
	cr_assert(
	    outbox_parse(gk_buf_text(&buf), buf.len, &again, NULL) == GK_OK);
	cr_assert_eq(again.dead.count, OUTBOX_DEAD_MAX);
}

Test(outbox, anything_else_is_refused)
{
	static const char *const bad[] = {"",
	    "gatekeeper outbox 2\nnext 0 -\nend\n",
	    "gatekeeper outbox 1\nnext 0 -\n",
	    "gatekeeper outbox 1\nnext 00 -\nend\n",
	    "gatekeeper outbox 1\nnext x -\nend\n",
	    "gatekeeper outbox 1\nnext 1 abc\nend\n",
	    "gatekeeper outbox 1\nnext 1 -\nend\nmore",
	    "gatekeeper outbox 1\nnext 1 -\nwait 1 0 0 0 "
	    "\nend\n", /* behind the mark */
	    "gatekeeper outbox 1\nnext 9 -\nwait 3 0 0 0 "
	    "\nwait 3 0 0 0 \nend\n",
	    "gatekeeper outbox 1\nnext 9 -\nwait 3 0 0 0 "
	    "\nwait 2 0 0 0 \nend\n",
	    "gatekeeper outbox 1\nnext 9 -\nwait 3 0 0\nend\n",
	    "gatekeeper outbox 1\nnext 9 -\nwait 3 99999999999 "
	    "0 0 \nend\n",
	    "gatekeeper outbox 1\nnext 9 -\nwait 3 0 0 0 "
	    "a\tb\nend\n",
	    "gatekeeper outbox 1\nnext 9 -\ndead 3 0 0 0 "
	    "\nwait 2 0 0 0 \nend\n",
	    "gatekeeper outbox 1\nnext 1234567890123456789 "
	    "-\nend\n"};

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		struct outbox outbox = {0};

		cr_assert(outbox_parse(bad[i], strlen(bad[i]), &outbox, NULL) ==
			      GK_E_CORRUPT,
		    "%s", bad[i]);
		cr_assert_null(outbox.waiting.letters);
	}
}

Test(outbox, waiting_doubles_up_to_its_most_and_chance_takes_away_half_at_most)
{
	const int64_t most = 60 * GK_US_PER_S;

	cr_assert_eq(outbox_backoff_us(1, most, 0), GK_US_PER_S);
	cr_assert_eq(outbox_backoff_us(2, most, 0), 2 * GK_US_PER_S);
	cr_assert_eq(outbox_backoff_us(6, most, 0), 32 * GK_US_PER_S);
	cr_assert_eq(outbox_backoff_us(7, most, 0), most);
	cr_assert_eq(outbox_backoff_us(4000000000u, most, 0), most);
	cr_assert_eq(outbox_backoff_us(0, most, 0), GK_US_PER_S);
	cr_assert_eq(outbox_backoff_us(5, 1000, 0), 1000);
	cr_assert_eq(
	    outbox_backoff_us(2, most, UINT32_MAX / 2 + 1), 1500 * 1000);
	for (unsigned tries = 1; tries < 12; tries++) {
		int64_t whole = outbox_backoff_us(tries, most, 0);
		int64_t least = outbox_backoff_us(tries, most, UINT32_MAX);

		cr_assert_geq(least, whole / 2);
		cr_assert_leq(least, whole / 2 + 1);
	}
}

Test(outbox, the_file_is_replaced_and_read_back)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(OUTBOX_FILE_BYTES);
	char folder[] = "/tmp/gk-outbox-XXXXXX", path[100];
	GK_AUTO(outbox_done) struct outbox outbox = {0}, again = {0};
	bool found = true;

	cr_assert_not_null(mkdtemp(folder));
	cr_assert(outbox_load(folder, "ops", &again, &found, NULL) == GK_OK);
	cr_assert_not(found);
	fill(&outbox, 2);
	cr_assert(outbox_print(&outbox, &buf, NULL) == GK_OK);
	cr_assert(outbox_store(folder, "ops", &buf, NULL) == GK_OK);
	gk_buf_clear(&buf);
	outbox_remove(&outbox, 0);
	cr_assert(outbox_print(&outbox, &buf, NULL) == GK_OK);
	cr_assert(outbox_store(folder, "ops", &buf, NULL) == GK_OK);
	gk_buf_clear(&buf);
	cr_assert(outbox_load(folder, "ops", &again, &found, NULL) == GK_OK);
	cr_assert(found);
	cr_assert_eq(again.waiting.count, 1);
	(void)snprintf(path, sizeof(path), "%s/notify/ops.outbox", folder);
	cr_assert_eq(truncate(path, 40), 0);
	outbox_done(&again);
	cr_assert(
	    outbox_load(folder, "ops", &again, &found, NULL) == GK_E_CORRUPT);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/notify", folder);
	(void)rmdir(path);
	(void)rmdir(folder);
}
