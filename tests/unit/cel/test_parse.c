/* An expression's tree, its ranges, and the words for what is wrong with it. */
#include "cel_tree.h"

#include <stdio.h>

TestSuite(cel_parse, .fini = tree_done);

Test(cel_parse, operators_bind_as_the_table_says)
{
	TREE_IS("1 + 2 * 3 - 4", "(- (+ 1 (* 2 3)) 4)");
	TREE_IS("a / b % c * d", "(* (% (/ a b) c) d)");
	TREE_IS("a < b == c", "(== (< a b) c)");
	TREE_IS("a + 1 in b", "(in (+ a 1) b)");
	TREE_IS("a || b && c || d", "(|| a (&& b c) d)");
	TREE_IS("a && b == c && d", "(&& a (== b c) d)");
	TREE_IS("(a || b) || c", "(|| (|| a b) c)");
	TREE_IS("a ? b : c ? d : e", "(?: a b (?: c d e))");
	TREE_IS("a || b ? c && d : e", "(?: (|| a b) (&& c d) e)");
	TREE_IS("!a.b && -c[0] > 1", "(&& (! (. a 'b')) (> (neg ([] c 0)) 1))");
	TREE_IS("a>=b", "(>= a b)");
	TREE_IS("a<=b!=c", "(!= (<= a b) c)");
}

Test(cel_parse, signs_come_in_runs)
{
	TREE_IS("!!!a", "(! a)");
	TREE_IS("!!a", "(! (! a))");
	TREE_IS("----a", "(neg (neg a))");
	TREE_IS("--1", "(neg -1)");
	TREE_IS("---1", "(neg (neg -1))");
	TREE_IS("-5u", "(neg 5u)");
	TREE_IS("-1.abs()", "(call .abs -1)");
	TREE_IS("-x.abs()", "(neg (call .abs x))");
	TREE_IS("1-1", "(- 1 1)");
	TREE_IS("1--1", "(- 1 -1)");
	TREE_IS("a-b", "(- a b)");
	TREE_IS("-!a", "1-2 expected a value but found '!'");
	TREE_IS("!-a", "1-2 expected a value but found '-'");
	cr_expect_str_eq(tree_ranges("! ! a"), "(! (! a@4-5)@2-5)@0-5");
	cr_expect_str_eq(tree_ranges("- - 1"), "(neg -1@2-5)@0-5");
}

Test(cel_parse, members_follow_one_another)
{
	TREE_IS("a.b.c", "(. (. a 'b') 'c')");
	TREE_IS(".a.b", "(. .a 'b')");
	TREE_IS("a . b", "(. a 'b')");
	TREE_IS("a.`b-c/d.e f`", "(. a 'b-c/d.e f')");
	TREE_IS("a.?b.?`c`", "(.? (.? a 'b') 'c')");
	TREE_IS("a[1][?x]", "([?] ([] a 1) x)");
	TREE_IS("f()", "(call f)");
	TREE_IS(".f(a, b)", "(call /f a b)");
	TREE_IS("a.f(b)[0].g()", "(call .g ([] (call .f a b) 0))");
	TREE_IS("base64.encode(b)", "(call .encode base64 b)");
	TREE_IS("'a'.size()", "(call .size 'a')");
	TREE_IS("[1].size()", "(call .size (list 1))");
	TREE_IS("null.f()", "(call .f null)");
}

Test(cel_parse, lists_and_maps_may_end_in_a_comma)
{
	TREE_IS("[]", "(list)");
	TREE_IS("[,]", "(list)");
	TREE_IS("[1, 2,]", "(list 1 2)");
	TREE_IS("[?a, b]", "(list ?a b)");
	TREE_IS("{}", "(map)");
	TREE_IS("{,}", "(map)");
	TREE_IS("{'a': 1, b ? c : d: 2,}", "(map 'a':1 (?: b c d):2)");
	TREE_IS("{?'a': b, c: d}", "(map ?'a':b c:d)");
	TREE_IS("{1: 2, ?3: 4}", "(map 1:2 ?3:4)");
	TREE_IS("[1,,2]", "3-4 expected a value or ']' but found ','");
	TREE_IS("[,1]", "2-3 expected ']' but found '1'");
	TREE_IS("{1: 2,,}", "6-7 expected a key or '}' but found ','");
	TREE_IS("f(a,)", "4-5 expected a value but found ')'");
}

Test(cel_parse, reserved_words_are_names_of_fields_only)
{
	static const char *const words[] = {"as", "break", "const", "continue",
	    "else", "for", "function", "if", "import", "let", "loop",
	    "namespace", "package", "return", "var", "void", "while"};
	char text[64];

	for (size_t i = 0; i < GK_COUNT(words); i++) {
		(void)snprintf(text, sizeof text, "a.%s", words[i]);
		cr_expect(tree_parse(text, strlen(text)) != NULL, "%s", text);
		(void)snprintf(text, sizeof text, "a.%s()", words[i]);
		cr_expect(tree_parse(text, strlen(text)) != NULL, "%s", text);
		(void)snprintf(text, sizeof text, "%s", words[i]);
		cr_expect(tree_parse(text, strlen(text)) == NULL, "%s", text);
		(void)snprintf(text, sizeof text, "%s(1)", words[i]);
		cr_expect(tree_parse(text, strlen(text)) == NULL, "%s", text);
	}
	TREE_IS("var + 1", "0-3 'var' is a reserved word, not a name");
	TREE_IS("if (a) b", "0-2 'if' is a reserved word, not a name "
			    "[write condition ? value : other]");
	TREE_IS("a.in",
	    "2-4 'in' can't be the name of a field here [write x['name']]");
	TREE_IS("a.true",
	    "2-6 'true' can't be the name of a field here [write x['name']]");
	TREE_IS("a.`in`", "(. a 'in')");
	TREE_IS("iffy && trueish && null_", "(&& iffy trueish null_)");
}

Test(cel_parse, space_and_comments_are_nothing)
{
	TREE_IS("\t\n\f\r 1 //", "1");
	TREE_IS("1 // a\r+ 2", "(+ 1 2)");
	TREE_IS("// \"\n1//\n+//é\n2", "(+ 1 2)");
	TREE_IS("1/2", "(/ 1 2)");
	TREE_IS("1 \v", "2-3 U+000B can't stand here");
	TREE_IS("", "0-0 there is no expression");
	TREE_IS(" // no", "0-6 there is no expression");
}

Test(cel_parse, ranges_are_those_of_the_text)
{
	cr_expect_str_eq(tree_ranges(" a + b "), "(+ a@1-2 b@5-6)@1-6");
	cr_expect_str_eq(
	    tree_ranges("(a + b) * c"), "(* (+ a@1-2 b@5-6)@1-6 c@10-11)@0-11");
	cr_expect_str_eq(
	    tree_ranges("((a)).f( b )"), "(call .f a@2-3 b@9-10)@0-12");
	cr_expect_str_eq(
	    tree_ranges("a ? b : (c)"), "(?: a@0-1 b@4-5 c@9-10)@0-11");
	cr_expect_str_eq(tree_ranges("{1 : [ 2 ]} [ 0 ]"),
	    "([] (map 1@1-2:(list 2@7-8)@5-10)@0-11 0@14-15)@0-17");
	cr_expect_str_eq(tree_ranges(".a.`b`"), "(. .a@0-2 'b')@0-6");
	cr_expect_str_eq(
	    tree_ranges("a || (b) || c "), "(|| a@0-1 b@6-7 c@12-13)@0-13");
}

Test(cel_parse, what_is_wrong_is_said_in_words)
{
	TREE_IS("(1 x", "3-4 expected ')' but found 'x'");
	TREE_IS("(1", "2-2 expected ')' but found the end");
	TREE_IS("f(1 'abc')", "4-9 expected ',' or ')' but found 'abc'");
	TREE_IS("[1 2]", "3-4 expected ',' or ']' but found '2'");
	TREE_IS("{1, 2}", "2-3 expected ':' but found ','");
	TREE_IS("a ? b", "5-5 expected ':' but found the end");
	TREE_IS("a ? b ? c : d : e", "6-7 expected ':' but found '?' "
				     "[put the inner condition in brackets]");
	TREE_IS("a.", "2-2 expected a name after '.' but found the end");
	TREE_IS("a.1", "1-3 expected an operator or the end but found '.1'");
	TREE_IS("a.'b'", "2-5 expected a name after '.' but found 'b'");
	TREE_IS("a.(b)", "2-3 expected a name after '.' but found '('");
	TREE_IS("1 +", "3-3 expected a value but found the end");
	TREE_IS("a b_very_long_name_that_goes_on",
	    "2-31 expected an operator or the end but found "
	    "'b_very_long_name_that_go…'");
	TREE_IS("a)", "1-2 expected an operator or the end but found ')'");
	TREE_IS("Type{f: 1}",
	    "0-5 there are no messages, and so no literals of them "
	    "[write a map: {'name': value}]");
	TREE_IS("a.b.Type{}",
	    "0-9 there are no messages, and so no literals of them "
	    "[write a map: {'name': value}]");
	TREE_IS("a.?b(1)", "4-5 expected an operator or the end but found '('");
}

Test(cel_parse, other_languages_get_a_hint)
{
	TREE_IS("a = b", "2-3 '=' can't stand here [use == to compare]");
	TREE_IS("a === b", "4-5 '=' can't stand here [use == to compare]");
	TREE_IS("a & b", "2-3 '&' can't stand here [use &&]");
	TREE_IS("a | b", "2-3 '|' can't stand here [use ||]");
	TREE_IS("a and b",
	    "2-5 expected an operator or the end but found 'and' "
	    "[use && instead of and]");
	TREE_IS("not a", "4-5 expected an operator or the end but found 'a' "
			 "[use ! instead of not]");
	TREE_IS("a not in b",
	    "2-5 expected an operator or the end but found 'not' "
	    "[use ! instead of not]");
	TREE_IS("a !in b", "2-3 expected an operator or the end but found '!' "
			   "[write !(x in y)]");
	TREE_IS("a IN b",
	    "2-4 expected an operator or the end but found 'IN' [use in]");
	TREE_IS("a contains 'b'",
	    "2-10 expected an operator or the end but found 'contains' "
	    "[write x.contains(y)]");
	TREE_IS("a;", "1-2 ';' can't stand here [an expression has no ';']");
	TREE_IS("\u201ca\u201d", "0-3 U+201C can't stand here [use ' or \"]");
	TREE_IS("a\u00a0", "1-3 U+00A0 can't stand here "
			   "[use an ordinary space]");
	TREE_IS("größe", "2-4 'ö' can't stand here");
	TREE_IS("`a`", "0-3 expected a value but found '`a`' "
		       "[`…` is the name of a field: x.`…`]");
	TREE_IS("a.`b", "2-3 `…` isn't closed");
	TREE_IS("a.``", "2-4 there is no name in ``");
	TREE_IS("a.`b:c`",
	    "2-4 a name in `…` has only letters, digits, '_', '.', '-', '/' "
	    "and spaces [write x['…']]");
}

Test(cel_parse, text_that_is_none_is_refused)
{
	cr_expect_str_eq(
	    tree_within("1\0", 2, false), "1-2 U+0000 can't stand here");
	cr_expect_str_eq(
	    tree_within("1 //\0", 5, false), "4-5 U+0000 can't stand here");
	TREE_IS("'a\xff'", "2-3 this isn't UTF-8");
	TREE_IS("1 // \xed\xa0\x80", "5-6 this isn't UTF-8");
	cr_expect(tree_parse("'a\0b'", 5) != NULL);
}

/* head, count times part, tail */
static const struct cel_node *
repeated(const char *head, const char *part, size_t count, const char *tail)
{
	static char text[CEL_TEXT_MAX + 1];
	size_t n = strlen(head), step = strlen(part);

	cr_assert(n + step * count + strlen(tail) <= CEL_TEXT_MAX);
	memcpy(text, head, n + 1);
	for (size_t i = 0; i < count; i++, n += step) {
		memcpy(text + n, part, step + 1);
	}
	memcpy(text + n, tail, strlen(tail) + 1);
	(void)tree_within(text, strlen(text), false);
	return tree_program.root;
}

Test(cel_parse, depth_is_bounded)
{
	cr_expect(repeated("a", ".b", CEL_DEPTH_MAX - 1, "") != NULL);
	cr_expect(repeated("a", ".b", CEL_DEPTH_MAX, "") == NULL);
	cr_expect(repeated("a", "+1", CEL_DEPTH_MAX - 1, "") != NULL);
	cr_expect(repeated("a", "+1", CEL_DEPTH_MAX, "") == NULL);
	cr_expect_str_eq(
	    tree_report.problems[0].text, "this is more than 96 levels deep");
	cr_expect(repeated("", "(", CEL_DEPTH_MAX, "1") == NULL);
	cr_expect(repeated("", "a?b:", CEL_DEPTH_MAX - 1, "c") != NULL);
	cr_expect(repeated("", "a?b:", CEL_DEPTH_MAX, "c") == NULL);
}

Test(cel_parse, chains_of_and_and_or_are_flat)
{
	cr_assert(repeated("a", "||a", 5000, "") != NULL);
	cr_expect(tree_program.root->arg_count == 5001);
	cr_assert(repeated("a", "&&a", 5000, "") != NULL);
	cr_expect(tree_program.root->arg_count == 5001);
	cr_assert(repeated("[1", ",1", 8000, "]") != NULL);
	cr_expect(repeated("[1", "+1+1+1+1+1,1", 1300, "]") == NULL);
	cr_expect_str_eq(tree_report.problems[0].text,
	    "an expression has at most 8192 parts");
}

Test(cel_parse, hostile_texts_end_quickly)
{
	static const char *const parts[] = {"(", "[", "{", "{1:", "!", "-", "?",
	    "f(", "a.", "a[", "a?", "a?b:", "'", "'''", "\"", "r'", "\\", "/",
	    "//", "/ ", "`", ".", ",", "1", "0x", "1.", "1e", "a", "a ", "&&",
	    "||", "1+", "1*", "a.b(", "[?", "{?", ".?", "[1,", "\xc3",
	    "a.all(a,", "has(", "a<", "a in ", "b'", "\t", "\r", "-1", "!-",
	    "a||b&&c==d+e*(", ".all(a,"};

	for (size_t i = 0; i < GK_COUNT(parts); i++) {
		size_t count = CEL_TEXT_MAX / strlen(parts[i]);

		(void)repeated("", parts[i], count, "");
		(void)repeated("a", parts[i], count - 1, "");
	}
}

/* Every beginning of these, and each with one byte changed. */
Test(cel_parse, damaged_texts_do_no_harm)
{
	static const char *const texts[] = {
	    "has(a.?b) && [1, ?2u][0] == {'a': b'\\xff'}.`a-b` ? -1 : 0x1f",
	    "x.all(i, v, v in [r'''a''', \"\\u00e9\"]) || !!y.f(-9.5e-3) // z",
	    "cel.bind(a, .b.c(1 % 2), a[?'k'].optMap(k, k * 2 / 3 - 4 + 5))"};
	char copy[128];

	for (size_t i = 0; i < GK_COUNT(texts); i++) {
		size_t n = strlen(texts[i]);

		cr_assert(tree_parse(texts[i], n) != NULL, "%s", texts[i]);
		for (size_t at = 0; at < n; at++) {
			(void)tree_within(texts[i], at, true);
			for (int c = 0; c < 256; c++) {
				memcpy(copy, texts[i], n);
				copy[at] = (char)c;
				(void)tree_within(copy, n, true);
			}
		}
	}
}
