/* What `gatekeeper policy explain` says to people. */
#include "cli/explanation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/table.h"
#include "cli/words.h"
#include "gate/trial.h"

enum {
	PARTS_MAX = 64,
	ID_WIDTH = 28,
	PART_WIDTH = 48,
	SHOWN_MAX = 96, /* bytes of a part, or of a value */
	SHOWN_ROOM = 104,
};

struct part {
	int64_t begin, end;
	const char *text, *value;
};

/* How many parts it stands in. */
static int
depth_of(const struct part *parts, size_t count, size_t i)
{
	int depth = 0;

	for (size_t k = 0; k < count; k++) {
		depth += k != i && parts[k].begin <= parts[i].begin &&
			 parts[k].end >= parts[i].end;
	}
	return depth;
}

/* A piece of an expression in one line of at most SHOWN_MAX bytes. */
static void
one_line(const char *text, char line[SHOWN_ROOM])
{
	size_t n = 0;

	for (; *text != '\0' && n < SHOWN_MAX; text++) {
		bool blank = *text == ' ' || *text == '\n' || *text == '\t';

		if (!blank) {
			line[n++] = *text;
		} else if (n > 0 && line[n - 1] != ' ') {
			line[n++] = ' ';
		}
	}
	while (
	    *text != '\0' && n > 0 && ((unsigned char)*text & 0xC0) == 0x80) {
		text--;
		n--;
	}
	(void)snprintf(line + n, SHOWN_ROOM - n, "%s",
	    *text == '\0' ? "" : "\xe2\x80\xa6");
}

static void
print_part(FILE *out, const struct part *part, int depth)
{
	char text[SHOWN_ROOM], value[SHOWN_ROOM];
	int width;

	one_line(part->text, text);
	one_line(part->value, value);
	width = 2 * depth + (int)table_width(text);
	(void)fprintf(out, "      %*s", 2 * depth, "");
	table_print_safe(text, out);
	(void)fprintf(
	    out, "%*s  ", width < PART_WIDTH ? PART_WIDTH - width : 0, "");
	table_print_safe(value, out);
	(void)fputc('\n', out);
}

/* The outer parts first, each with those that it is made of under it. */
static void
print_parts(FILE *out, const struct json_value *list)
{
	struct part parts[PARTS_MAX];
	size_t count = 0;

	for (const struct json_value *one = words_first(list);
	     one != NULL && count < PARTS_MAX; one = json_next(one)) {
		struct part part = {.begin = words_int(one, "column"),
		    .text = words_get(one, "text"),
		    .value = words_get(one, "value")};
		size_t at = count++;

		part.end = part.begin + (int64_t)strlen(part.text);
		while (at > 0 && (parts[at - 1].begin > part.begin ||
				     (parts[at - 1].begin == part.begin &&
					 parts[at - 1].end < part.end))) {
			parts[at] = parts[at - 1];
			at--;
		}
		parts[at] = part;
	}
	for (size_t i = 0; i < count; i++) {
		/* "50.0 is 50.0" tells nothing */
		if (strcmp(parts[i].text, parts[i].value) != 0) {
			print_part(out, &parts[i], depth_of(parts, count, i));
		}
	}
}

/* "applies", and why not, or why although its condition says nothing. */
static void
print_verdict(struct cli *cli, const struct json_value *rule, bool reached)
{
	const char *value = words_get(words_at(rule, "when"), "value");
	const char *why = words_get(rule, "why");
	bool fails = value != NULL && strcmp(value, "true") != 0 &&
		     strcmp(value, "false") != 0;

	if (words_true(rule, "matches") && !reached) {
		(void)fputs("would apply, but isn't reached", cli->out);
	} else if (words_true(rule, "matches")) {
		(void)fputs(
		    fails ? "applies, for its condition fails" : "applies",
		    cli->out);
	} else if (value != NULL) {
		(void)fprintf(cli->out, "doesn't apply: its condition %s",
		    fails ? "fails" : "is false");
	} else {
		(void)fprintf(cli->out, "doesn't apply: %s", why);
	}
	(void)fputs(
	    words_true(rule, "shadow") ? " (shadow: only recorded)\n" : "\n",
	    cli->out);
}

static const char *
mark_of(const struct explanation *explanation, const struct json_value *rule,
    bool reached)
{
	const char *decides = explanation->answer->rule;

	/* also an allow rule that doesn't apply, for its condition fails */
	if (decides != NULL && strcmp(decides, words_get(rule, "id")) == 0) {
		return "\xe2\x86\x92";
	}
	return words_true(rule, "matches") && reached ? "+" : "\xc2\xb7";
}

static void
print_rule(const struct explanation *explanation, const struct json_value *rule,
    bool reached)
{
	struct cli *cli = explanation->cli;
	const struct json_value *when = words_at(rule, "when");

	(void)fprintf(cli->out, "  %s %-*s ",
	    mark_of(explanation, rule, reached), ID_WIDTH,
	    words_get(rule, "id"));
	table_print_safe(words_get(rule, "file"), cli->out);
	(void)fprintf(cli->out, ":%" PRId64 "  ", words_int(rule, "line"));
	print_verdict(cli, rule, reached);
	if (when == NULL) {
		return;
	}
	(void)fputs("    when: ", cli->out);
	table_print_safe(words_get(when, "value"), cli->out);
	(void)fputc('\n', cli->out);
	print_parts(cli->out, words_at(when, "parts"));
}

/* It was never about this request: neither roles nor a condition decided that. */
static bool
is_other(const struct json_value *rule)
{
	const char *why = words_get(rule, "why");

	return why != NULL && strcmp(why, "its condition") != 0 &&
	       strcmp(why, "none of its roles") != 0;
}

/* The sections in the order in which they are judged. */
static const char *const sections[] = {
    "stop", "allow", "limits", "budgets", "approvals"};

static const char *
section_of(const struct json_value *rules, const char *id)
{
	const struct json_value *rule = words_first(rules);

	while (rule != NULL && strcmp(words_get(rule, "id"), id) != 0) {
		rule = json_next(rule);
	}
	return words_get(rule, "section");
}

/* How many sections were looked at until it was decided. */
static size_t
count_reached(const struct explanation *explanation)
{
	const struct trial_answer *answer = explanation->answer;
	const char *last = answer->rule == NULL
			       ? NULL
			       : section_of(explanation->rules, answer->rule);
	size_t i = 0;

	if (answer->refused != NULL) {
		return 0;
	}
	if (answer->decision == DECISION_ALLOW) {
		return GK_COUNT(sections);
	}
	if (last == NULL && answer->layer == LAYER_ACCESS) {
		/* by default, after every allow; else before any rule */
		return strcmp(answer->reason, "no_rule_allows") == 0 ? 2 : 0;
	}
	while (last != NULL && i < GK_COUNT(sections) &&
	       strcmp(sections[i], last) != 0) {
		i++;
	}
	return last == NULL || i == GK_COUNT(sections) ? GK_COUNT(sections)
						       : i + 1;
}

static size_t
print_section(
    const struct explanation *explanation, const char *section, bool reached)
{
	struct cli *cli = explanation->cli;
	size_t hidden = 0;
	bool any = false;

	for (const struct json_value *rule = words_first(explanation->rules);
	     rule != NULL; rule = json_next(rule)) {
		if (strcmp(words_get(rule, "section"), section) != 0) {
			continue;
		}
		if (is_other(rule) && !cli_has_flag(cli, "all")) {
			hidden++;
			continue;
		}
		if (!any) {
			(void)fprintf(cli->out, "%s\n", section);
		}
		any = true;
		print_rule(explanation, rule, reached);
	}
	return hidden;
}

static void
print_head(const struct explanation *explanation)
{
	FILE *out = explanation->cli->out;

	(void)fprintf(out, "%s, agent ", explanation->action);
	table_print_safe(explanation->agent, out);
	(void)fprintf(out, ", tenant %s, for %s\n",
	    explanation->tenant == NULL ? "none" : explanation->tenant,
	    explanation->actor == NULL ? "nobody" : explanation->actor);
	if (!explanation->actor_permitted) {
		(void)fputs("The caller may not speak for this actor, or for "
			    "these roles: nothing else is judged.\n",
		    out);
	}
	if (explanation->args != NULL &&
	    strcmp(explanation->args, "fit") != 0) {
		(void)fputs(
		    "The arguments don't fit the action's schema: ", out);
		table_print_safe(explanation->args, out);
		(void)fputc('\n', out);
	}
	(void)fputc('\n', out);
}

static void
print_answer(const struct explanation *explanation)
{
	const struct trial_answer *answer = explanation->answer;
	const char *layer = layer_words[answer->layer];

	if (answer->refused != NULL) {
		(void)fprintf(explanation->cli->out, "refused: %s%s%s\n",
		    answer->refused, explanation->detail == NULL ? "" : ": ",
		    explanation->detail == NULL ? "" : explanation->detail);
		return;
	}
	(void)fprintf(explanation->cli->out,
	    "%s: layer %s, rule %s, reason %s\n",
	    decision_words[answer->decision], layer == NULL ? "-" : layer,
	    answer->rule == NULL ? "none" : answer->rule,
	    answer->reason == NULL ? "-" : answer->reason);
}

/* Is any rule about the action?  None: its name may be a slip. */
static bool
is_named(const struct json_value *rules)
{
	for (const struct json_value *rule = json_first(rules); rule != NULL;
	     rule = json_next(rule)) {
		const char *why = words_get(rule, "why");

		if (why == NULL || strcmp(why, "another action") != 0) {
			return true;
		}
	}
	return false;
}

void
explanation_print(const struct explanation *explanation)
{
	struct cli *cli = explanation->cli;
	size_t reached = count_reached(explanation);
	size_t hidden = 0;

	print_head(explanation);
	for (size_t i = 0; i < GK_COUNT(sections); i++) {
		hidden += print_section(explanation, sections[i], i < reached);
	}
	if (hidden > 0) {
		(void)fprintf(cli->out,
		    "%zu %s about other actions, agents or tenants: "
		    "see --all\n",
		    hidden, hidden == 1 ? "rule is" : "rules are");
	}
	if (!is_named(explanation->rules) || explanation->hint != NULL) {
		(void)fprintf(cli->out, "No rule names the action '%s'%s%s\n",
		    explanation->action, explanation->hint == NULL ? "." : ": ",
		    explanation->hint == NULL ? "" : explanation->hint);
	}
	(void)fputc('\n', cli->out);
	print_answer(explanation);
}
