/* Prefer: wait=N among all that RFC 7240 lets stand beside it. */
#include <criterion/criterion.h>

#include "http/prefer.h"

static void
waits(const char *text, int64_t seconds)
{
	int64_t got = prefer_wait(text);

	cr_expect(got == seconds, "%s: %lld", text, (long long)got);
}

Test(prefer, finds_the_wait_wherever_it_stands)
{
	waits("wait=30", 30);
	waits("WAIT=30", 30);
	waits("respond-async, wait=10", 10);
	waits("wait=10, respond-async", 10);
	waits("  wait = 5 ", 5);
	waits("wait=\"7\"", 7);
	waits("wait=7; x=y", 7);
	waits("return=minimal; foo=\"a, wait=1\", wait=2", 2);
	waits("foo=\"a\\\", wait=1\", wait=3", 3);
	waits(", ,wait=4", 4);
	waits("wait=0", 0);
}

Test(prefer, takes_the_first_of_two)
{
	waits("wait=1, wait=2", 1);
	waits("wait=x, wait=2", -1);
}

Test(prefer, waits_five_minutes_at_most)
{
	waits("wait=300", 300);
	waits("wait=301", 300);
	waits("wait=99999999999999999999999999", 300);
}

Test(prefer, passes_over_what_it_cannot_read)
{
	waits("", -1);
	waits("wait", -1);
	waits("wait=", -1);
	waits("wait=-1", -1);
	waits("wait=+1", -1);
	waits("wait=1.5", -1);
	waits("wait=1s", -1);
	waits("wait=\"", -1);
	waits("wait=\"1", -1);
	waits("await=3", -1);
	waits("wait;wait=3", -1);
	waits("\"wait=3", -1);
}
