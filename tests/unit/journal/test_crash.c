/*
 * Power cuts, deaths, full and failing disks at every call that a journal makes on its disk.
 *
 * GK_FAULT_SEEDS (default 4) is how many ways of losing what wasn't synced are tried
 * at each place.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "play.h"

static struct play *play;

static void
setup(void)
{
	disk_install();
}

static void
end(void)
{
	if (play != NULL) {
		play_done(play);
		free(play);
		play = NULL;
	}
}

static void
teardown(void)
{
	end();
	play_past_done();
}

TestSuite(crash, .init = setup, .fini = teardown, .timeout = 1800);

static uint64_t
seeds(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): a test has one thread */
	const char *text = getenv("GK_FAULT_SEEDS");
	unsigned long long n = text == NULL ? 4 : strtoull(text, NULL, 10);

	return n == 0 ? 1 : n;
}

/* A life is told by a function. */
typedef void life(struct play *play);

static void
usual_life(struct play *p)
{
	play_life(p, false);
}

static void
large_life(struct play *p)
{
	play_life(p, true);
}

/* A new disk, with or without a journal from a life before. */
static void
begin(life *of)
{
	end();
	play = calloc(1, sizeof(*play));
	cr_assert(play != NULL);
	play_init(play);
	if (of != play_first_life) {
		play_past(play);
		disk_start(play->root);
	}
}

/* Calls of those kinds in a life without a fault. */
static uint64_t
count(life *of, unsigned ops)
{
	begin(of);
	of(play);
	cr_assert(play->answered == play->begun);
	return disk_calls(ops);
}

struct tally {
	uint64_t runs, struck, answered, recovered;
};

static void
tell(const char *what, const struct tally *tally)
{
	(void)fprintf(stderr,
	    "# %s: %" PRIu64 " runs, struck %" PRIu64 ", ended early %" PRIu64
	    ", recovered by an operator %" PRIu64 "\n",
	    what, tally->runs, tally->struck, tally->answered,
	    tally->recovered);
}

/* One life with a fault at one call; then what is found. */
static void
run(life *of, unsigned ops, uint64_t n, enum disk_fault fault, uint64_t seed,
    bool then_power, struct tally *tally)
{
	char story[160];
	bool recovered;

	begin(of);
	disk_arm(ops, n, fault, seed);
	of(play);
	tally->runs++;
	tally->struck += disk_struck();
	(void)snprintf(story, sizeof(story),
	    "fault %d at call %" PRIu64 " of %u (%d %s), seed %" PRIu64 "%s",
	    (int)fault, n, ops, disk_where()->op, disk_where()->path, seed,
	    then_power ? ", then the power goes" : "");
	tally->answered += play->answered < play->begun;
	disk_disarm();
	if (then_power) {
		disk_die(DISK_POWER, seed);
	}
	disk_restore();
	cr_assert(play_start_again(play, &recovered, story));
	tally->recovered += recovered;
	play_check(play, story);
	play_check_future(play, story);
}

/* The power goes at every sync, in several ways each. */
static void
cut_power_at_every_sync(life *of, const char *what)
{
	struct tally tally = {0};
	uint64_t syncs = count(of, DISK_SYNC);

	cr_assert(syncs > 8);
	for (uint64_t n = 1; n <= syncs; n++) {
		for (uint64_t seed = 0; seed < seeds(); seed++) {
			run(of, DISK_SYNC, n, DISK_POWER, n * 1000 + seed,
			    false, &tally);
		}
	}
	cr_assert(tally.struck == syncs * seeds());
	cr_assert(tally.recovered == 0, "a power cut needs no operator");
	tell(what, &tally);
}

Test(crash, the_power_goes_at_every_sync_of_a_life)
{
	cut_power_at_every_sync(large_life, "power cut at every sync");
}

Test(crash, the_power_goes_at_every_sync_of_the_first_life)
{
	cut_power_at_every_sync(
	    play_first_life, "power cut at every sync of a first life");
}

/*
 * A sync fails once; what it should have written reads back fine and is never
 * written any more.  Then the power goes: at once, after the next start, or at any
 * sync of the next start.
 */
static void
forget_pages(life *of, uint64_t n, uint64_t again, struct tally *tally)
{
	char story[160];
	bool recovered;

	begin(of);
	disk_arm(DISK_SYNC, n, DISK_CLEAN, n);
	of(play);
	tally->runs++;
	tally->struck += disk_struck();
	tally->answered += play->answered < play->begun;
	(void)snprintf(story, sizeof(story),
	    "sync %" PRIu64 " (%s) failed and forgot its pages, power cut at "
	    "sync %" PRIu64 " after it",
	    n, disk_where()->path, again);
	if (again > 0) {
		disk_arm(DISK_SYNC, again, DISK_POWER, n);
		if (play_start_again(play, &recovered, story)) {
			play_check(play, story);
		}
		tally->recovered += recovered;
	}
	disk_die(DISK_POWER, n); /* at the latest now */
	log_close(&play->log);
	disk_restore();
	cr_assert(play_start_again(play, &recovered, story));
	tally->recovered += recovered;
	play_check(play, story);
	play_check_future(play, story);
}

Test(crash, a_sync_fails_once_and_its_pages_read_well_until_the_power_goes)
{
	struct tally tally = {0};
	uint64_t syncs = count(large_life, DISK_SYNC);

	for (uint64_t n = 1; n <= syncs; n++) {
		for (uint64_t again = 0; again < 10; again++) {
			forget_pages(large_life, n, again, &tally);
		}
	}
	cr_assert(tally.struck == syncs * 10);
	cr_assert(tally.recovered > 0 && tally.answered > 0);
	tell("a sync that fails once and forgets", &tally);
}

/* In a long row of the same calls the first, the last and every 29th stand for all. */
static bool
is_worth(const struct disk_story *stories, size_t count, size_t i)
{
	enum { SIDE = 3, EVERY = 29 };
	size_t before = 0, after = 0;

	while (before < SIDE && before < i &&
	       memcmp(&stories[i - before - 1], &stories[i],
		   sizeof(*stories)) == 0) {
		before++;
	}
	while (after < SIDE && i + after + 1 < count &&
	       memcmp(&stories[i + after + 1], &stories[i], sizeof(*stories)) ==
		   0) {
		after++;
	}
	return before < SIDE || after < SIDE || i % EVERY == 0;
}

/* Every call of a life meets the fault, one after the other. */
static void
walk(life *of, enum disk_fault fault, const char *what)
{
	struct tally tally = {0};
	const struct disk_story *now;
	struct disk_story *stories;
	size_t calls, skipped = 0;

	(void)count(of, DISK_ANY);
	now = disk_stories(&calls);
	stories = malloc(calls * sizeof(*stories));
	cr_assert(stories != NULL && calls > 20);
	memcpy(stories, now, calls * sizeof(*stories));
	for (size_t i = 0; i < calls; i++) {
		if (!is_worth(stories, calls, i)) {
			skipped++;
			continue;
		}
		run(of, DISK_ANY, i + 1, fault, i, i % 2 == 1, &tally);
	}
	free(stories);
	cr_assert(tally.struck == calls - skipped);
	tell(what, &tally);
}

#define WALK(name, fault)                                           \
	Test(crash, every_call_##name)                              \
	{                                                           \
		walk(usual_life, fault, #name);                     \
	}                                                           \
	Test(crash, every_call_of_the_first_life_##name)            \
	{                                                           \
		walk(play_first_life, fault, #name ", first life"); \
	}

WALK(fails_once_with_eio, DISK_EIO)
WALK(finds_no_space_once, DISK_FULL)
WALK(and_all_after_it_fail_with_eio, DISK_BROKEN)
WALK(is_the_last_of_its_process, DISK_KILL)
WALK(is_the_last_before_the_power_goes, DISK_POWER)
