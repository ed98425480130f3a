/* The index finds exactly what comparing every glob would find, and large policies load in time. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "base/time.h"
#include "codec/digest.h"
#include "policy/policy_internal.h"

static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

static unsigned
draw(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % below;
}

/* Few letters, so that much matches; now and then as long as a name may be. */
static void
draw_name(char ret[129], bool glob)
{
	static const char letters[] = "ab.*";
	unsigned n = draw(20) == 0 ? 100 + draw(29) : 1 + draw(7);

	for (unsigned i = 0; i < n; i++) {
		ret[i] = letters[draw(glob ? 4 : 3)];
	}
	ret[n] = '\0';
}

static struct policy *
load(const struct gk_buf *buf)
{
	struct policy_text one = {"p.yaml", buf->bytes, buf->len};
	struct policy_report report = {.errors = 0};
	struct policy *policy = NULL;
	struct gk_err err = {0};

	cr_assert(digest_init(NULL) == GK_OK);
	cr_assert(load_texts(&one, 1, &policy, &report, &err) == GK_OK,
	    "%s: %s", err.text,
	    report.count > 0 ? report.problems[0].text : "");
	policy_report_done(&report);
	return policy;
}

static struct policy *
draw_policy(void)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	char name[129];
	unsigned rules = 1 + draw(60);

	cr_assert(gk_buf_puts(&buf, "policy: p\nlimits:\n", NULL) == GK_OK);
	for (unsigned i = 0; i < rules; i++) {
		unsigned actions = draw(5);

		cr_assert(gk_buf_printf(&buf, NULL,
			      "  - {id: r%u, per: run, max: 5%s", i,
			      actions > 0 ? ", actions: [" : "}\n") == GK_OK);
		for (unsigned k = 0; k < actions; k++) {
			draw_name(name, draw(3) > 0);
			cr_assert(
			    gk_buf_printf(&buf, NULL, "'%s'%s", name,
				k + 1 < actions ? ", " : "]}\n") == GK_OK);
		}
	}
	return load(&buf);
}

static bool
matches(const struct rule *rule, const char *action)
{
	bool any = rule->actions.count == 0;

	for (size_t i = 0; i < rule->actions.count; i++) {
		any = any || name_glob(rule->actions.items[i], action);
	}
	return any;
}

static void
compare(const struct policy *policy, const char *action)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	unsigned *rules;
	size_t count, n = 0;

	cr_assert(
	    index_find(policy, action, &arena, &rules, &count, NULL) == GK_OK);
	for (size_t i = 0; i < policy->rule_count; i++) {
		if (matches(&policy->rules[i], action)) {
			cr_assert(n < count && rules[n] == i,
			    "rule %zu isn't found for %s", i, action);
			n++;
		}
	}
	cr_assert(n == count, "%zu rules too many for %s", count - n, action);
}

Test(index, finds_what_comparing_every_glob_finds)
{
	for (int round = 0; round < 200; round++) {
		struct policy *policy = draw_policy();
		char action[129];

		for (int i = 0; i < 200; i++) {
			draw_name(action, false);
			compare(policy, action);
		}
		policy_unpin(policy);
	}
}

Test(index, a_rule_that_names_an_action_in_many_ways_is_found_once)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct policy *policy;
	unsigned *rules;
	size_t count;

	cr_assert(
	    gk_buf_puts(&buf,
		"policy: p\nallow:\n  - {id: r, actions: [crm.search, "
		"'crm.*', '*.search', '*', 'c*', '*h', '*rm*', crm.search, "
		"'**', 'crm.search*', '*crm.search']}\n",
		NULL) == GK_OK);
	policy = load(&buf);
	cr_assert(index_find(policy, "crm.search", &arena, &rules, &count,
		      NULL) == GK_OK);
	cr_assert(count == 1 && rules[0] == 0);
	policy_unpin(policy);
}

static void
add_rules(struct gk_buf *buf, const char *section, const char *prefix, int n)
{
	cr_assert(gk_buf_printf(buf, NULL, "%s:\n", section) == GK_OK);
	for (int i = 0; i < n; i++) {
		cr_assert(gk_buf_printf(buf, NULL,
			      "  - {id: %s%d, actions: [%s%d, '%s.x%d.*'], "
			      "reason: r}\n",
			      prefix, i, prefix, i, prefix, i) == GK_OK);
	}
}

/* Generous: what is quadratic in 20 000 rules takes minutes. */
Test(index, as_many_rules_as_may_be_load_within_seconds)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(8 << 20);
	int64_t begin = gk_clock_system.boot_us(NULL);
	struct policy *policy;

	cr_assert(gk_buf_puts(&buf, "policy: p\n", NULL) == GK_OK);
	add_rules(&buf, "stop", "s", POLICY_RULES_MAX / 2);
	add_rules(&buf, "allow", "a", POLICY_RULES_MAX / 2);
	policy = load(&buf);
	cr_assert(policy_rule_count(policy) == POLICY_RULES_MAX);
	policy_unpin(policy);
	cr_assert(gk_clock_system.boot_us(NULL) - begin < 30 * GK_US_PER_S);
}

Test(index, one_rule_more_than_may_be_is_refused)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(8 << 20);
	struct policy_report report = {.errors = 0};
	struct policy *policy = NULL;
	struct policy_text one = {.name = "p.yaml"};

	cr_assert(gk_buf_puts(&buf, "policy: p\n", NULL) == GK_OK);
	add_rules(&buf, "allow", "a", POLICY_RULES_MAX + 1);
	one.bytes = buf.bytes;
	one.n = buf.len;
	cr_assert(digest_init(NULL) == GK_OK);
	cr_assert(load_texts(&one, 1, &policy, &report, NULL) == GK_E_INVALID);
	cr_assert_str_eq(report.problems[0].text, "more than 20000 rules");
	policy_report_done(&report);
}

Test(index, advice_on_long_lists_of_actions_ends)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(8 << 20);
	int64_t begin = gk_clock_system.boot_us(NULL);

	cr_assert(gk_buf_puts(&buf, "policy: p\n", NULL) == GK_OK);
	for (int section = 0; section < 2; section++) {
		cr_assert(
		    gk_buf_puts(&buf, section == 0 ? "stop:\n" : "allow:\n",
			NULL) == GK_OK);
		for (int i = 0; i < 300; i++) {
			cr_assert(gk_buf_printf(&buf, NULL,
				      "  - id: %c%d\n    actions: [",
				      'a' + section, i) == GK_OK);
			for (int k = 0; k < 900; k++) {
				cr_assert(gk_buf_printf(
					      &buf, NULL, "a%d, ", k) == GK_OK);
			}
			cr_assert(
			    gk_buf_puts(&buf, section == 0 ? "b]\n" : "c]\n",
				NULL) == GK_OK);
		}
	}
	policy_unpin(load(&buf));
	cr_assert(gk_clock_system.boot_us(NULL) - begin < 30 * GK_US_PER_S);
}
