#ifndef TEST_CEL_HOSTILE_H
#define TEST_CEL_HOSTILE_H
/* Expressions that want to crash, to last, or to eat memory; for a test and for a bench. */

#include "base/assert.h"
#include "base/attr.h"
#include "base/buf.h"

/* What has to become of it. */
enum hostile_end {
	HOSTILE_ANY,   /* whatever it is, within its limits */
	HOSTILE_SPENT, /* refused, or CEL_F_COST */
	HOSTILE_FAULT, /* refused, or a fault */
	HOSTILE_VALUE, /* harmless: it must have a value */
};

/*
 * head, times × open, core, times × close, tail.  In all of them \1 is the
 * number of the repetition (from 1), \2 the one before, \3 is times.  x is a
 * list of 10 000 ints, s is "a".
 */
struct hostile {
	const char *name;
	enum hostile_end end;
	unsigned times;
	const char *head, *open, *core, *close, *tail;
};

static const struct hostile hostiles[] = {
    /* depth */
    {"parentheses", HOSTILE_FAULT, 8000, "", "(", "1", ")", ""},
    {"unclosed parentheses", HOSTILE_FAULT, 16000, "", "(", "", "", ""},
    {"unclosed brackets", HOSTILE_FAULT, 16000, "", "[", "", "", ""},
    {"unclosed braces", HOSTILE_FAULT, 5000, "", "{1:", "", "", ""},
    {"lists in lists", HOSTILE_FAULT, 8000, "", "[", "", "]", ""},
    {"maps in maps", HOSTILE_FAULT, 4000, "", "{1:", "2", "}", ""},
    {"not not", HOSTILE_ANY, 16000, "", "!", "true", "", ""},
    {"minus minus", HOSTILE_ANY, 16000, "", "-", "s.size()", "", ""},
    {"not and minus", HOSTILE_FAULT, 5000, "", "!-", "true", "", ""},
    {"selections", HOSTILE_FAULT, 7000, "args", ".a", "", "", ""},
    {"optional selections", HOSTILE_FAULT, 5000, "args", ".?a", "", "", ""},
    {"indexes", HOSTILE_FAULT, 5000, "x", "[0]", "", "", ""},
    {"methods", HOSTILE_FAULT, 2000, "s", ".trim()", "", "", ""},
    {"calls", HOSTILE_FAULT, 2500, "", "size(", "s", ")", ""},
    {"sums", HOSTILE_FAULT, 8000, "", "1+", "1", "", ""},
    {"and and", HOSTILE_ANY, 2500, "", "true&&", "true", "", ""},
    {"or or", HOSTILE_ANY, 2500, "", "false||", "true", "", ""},
    {"and or", HOSTILE_ANY, 1500, "", "s==''||s=='a'&&", "true", "", ""},
    {"conditions", HOSTILE_FAULT, 1500, "", "true?", "1", ":2", ""},
    {"conditions right", HOSTILE_FAULT, 2000, "", "false?1:", "1", "", ""},
    {"macros in macros", HOSTILE_FAULT, 800, "", "[1].all(i,", "true", ")", ""},
    {"macros on macros", HOSTILE_FAULT, 800, "[1]", ".map(i,i)", "", "",
	".size()"},
    {"binds in values", HOSTILE_FAULT, 800, "", "cel.bind(a,", "1", ",a)", ""},
    /* size */
    {"a long text", HOSTILE_FAULT, 16400, "'", "a", "", "", "'"},
    {"a long number", HOSTILE_FAULT, 16000, "1", "0", "", "", ""},
    {"a long fraction", HOSTILE_ANY, 16000, "1.", "1", "", "", ""},
    {"a long exponent", HOSTILE_ANY, 16000, "1e", "1", "", "", ""},
    {"a long list", HOSTILE_ANY, 8000, "[", "1,", "1", "", "]"},
    {"a long map", HOSTILE_ANY, 1600, "{", "\1:1,", "0:1", "", "}"},
    {"a long name", HOSTILE_FAULT, 16000, "", "a", "", "", ""},
    {"many unknown names", HOSTILE_FAULT, 1500, "[", "zz\1,", "zz", "", "]"},
    {"an endless comment", HOSTILE_VALUE, 16000, "1 //", "/", "", "", ""},
    {"white space", HOSTILE_VALUE, 16000, "1", " ", "", "", ""},
    /* doubling */
    {"doubled text", HOSTILE_SPENT, 45, "cel.bind(a0,'xxxxxxxx',",
	"cel.bind(a\1,a\2+a\2,", "a\3.size()", ")", ")"},
    {"doubled text of a variable", HOSTILE_SPENT, 45, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "a\3.size()", ")", ")"},
    {"doubled bytes", HOSTILE_SPENT, 45, "cel.bind(a0,bytes(s),",
	"cel.bind(a\1,a\2+a\2,", "a\3.size()", ")", ")"},
    {"doubled list", HOSTILE_SPENT, 45, "cel.bind(a0,x,",
	"cel.bind(a\1,a\2+a\2,", "a\3.size()", ")", ")"},
    {"doubled by replace", HOSTILE_SPENT, 45, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2.replace('a','aa'),", "a\3.size()", ")", ")"},
    {"doubled by an empty replace", HOSTILE_SPENT, 45, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2.replace('','b'),", "a\3.size()", ")", ")"},
    {"doubled by join", HOSTILE_SPENT, 45, "cel.bind(a0,s,",
	"cel.bind(a\1,[a\2,a\2].join(a\2),", "a\3.size()", ")", ")"},
    {"doubled by format", HOSTILE_SPENT, 45, "cel.bind(a0,s,",
	"cel.bind(a\1,'%s%s'.format([a\2,a\2]),", "a\3.size()", ")", ")"},
    {"grown by quote", HOSTILE_SPENT, 45, "cel.bind(a0,'\\\\',",
	"cel.bind(a\1,strings.quote(a\2),", "a\3.size()", ")", ")"},
    {"grown by base64", HOSTILE_SPENT, 45, "cel.bind(a0,s,",
	"cel.bind(a\1,base64.encode(bytes(a\2+a\2)),", "a\3.size()", ")", ")"},
    /* one value seen by many paths: cheap to make, endless to walk */
    {"equality of a shared list", HOSTILE_SPENT, 40,
	"cel.bind(a0,[n],cel.bind(b0,[n],",
	"cel.bind(a\1,[a\2,a\2],cel.bind(b\1,[b\2,b\2],", "a\3==b\3", "))",
	"))"},
    {"equality of a shared map", HOSTILE_SPENT, 40,
	"cel.bind(a0,{1:n},cel.bind(b0,{1:n},",
	"cel.bind(a\1,{1:a\2,2:a\2},cel.bind(b\1,{1:b\2,2:b\2},", "a\3==b\3",
	"))", "))"},
    {"a shared list in a list", HOSTILE_SPENT, 40,
	"cel.bind(a0,[n],cel.bind(b0,[n],",
	"cel.bind(a\1,[a\2,a\2],cel.bind(b\1,[b\2,b\2],", "a\3 in [b\3]", "))",
	"))"},
    {"equality of shared optionals", HOSTILE_SPENT, 30,
	"cel.bind(a0,optional.of([n]),cel.bind(b0,optional.of([n]),",
	"cel.bind(a\1,optional.of([a\2,a\2]),cel.bind(b\1,optional.of([b\2,"
	"b\2]),",
	"a\3==b\3", "))", "))"},
    {"flattening a shared list", HOSTILE_SPENT, 60, "cel.bind(a0,[n],",
	"cel.bind(a\1,dyn([a\2,a\2]),", "a\3.flatten(1000).size()", ")", ")"},
    {"formatting a shared list", HOSTILE_SPENT, 60, "cel.bind(a0,[n],",
	"cel.bind(a\1,[a\2,a\2],", "'%s'.format([a\3])", ")", ")"},
    {"sets of shared lists", HOSTILE_SPENT, 40,
	"cel.bind(a0,[n],cel.bind(b0,[n],",
	"cel.bind(a\1,[a\2,a\2],cel.bind(b\1,[b\2,b\2],",
	"sets.equivalent([a\3],[b\3])", "))", "))"},
    {"distinct shared lists", HOSTILE_SPENT, 40,
	"cel.bind(a0,[n],cel.bind(b0,[n],",
	"cel.bind(a\1,[a\2,a\2],cel.bind(b\1,[b\2,b\2],",
	"[a\3,b\3].distinct()", "))", "))"},
    {"indexOf a shared list's text", HOSTILE_ANY, 60, "cel.bind(a0,[n],",
	"cel.bind(a\1,[a\2,a\2],", "a\3.size()", ")", ")"},
    /* loops in loops */
    {"a bomb of maps", HOSTILE_SPENT, 8, "", "[1,2,3,4,5,6,7,8,9,10].map(i\1,",
	"n", ")", ""},
    {"a bomb of constants", HOSTILE_SPENT, 8, "",
	"[1,2,3,4,5,6,7,8,9,10].map(i\1,", "1", ")", ""},
    {"a bomb of predicates", HOSTILE_SPENT, 8, "",
	"[1,2,3,4,5,6,7,8,9,10].all(i\1,", "n==7", ")", ""},
    {"a bomb of maps of maps", HOSTILE_SPENT, 8, "",
	"{1:1,2:2,3:3,4:4,5:5,6:6}.transformMap(k\1,v\1,", "n", ")", ""},
    {"exists in exists", HOSTILE_ANY, 3, "", "x.exists(i\1,", "i1==-i2", ")",
	""},
    {"exists in exists_one", HOSTILE_SPENT, 1,
	"x.exists_one(i,x.exists(j,i==-j-1))", "", "", "", ""},
    {"map and in", HOSTILE_SPENT, 1, "x.map(i,(i+20000) in x).size()", "", "",
	"", ""},
    {"range", HOSTILE_FAULT, 1, "lists.range(9223372036854775807).size()", "",
	"", "", ""},
    {"range below 2^32", HOSTILE_FAULT, 1, "lists.range(4294967296 + 1).size()",
	"", "", "", ""},
    {"ranges", HOSTILE_ANY, 1,
	"lists.range(9000).map(i,lists.range(9000)).size()", "", "", "", ""},
    {"flatten a list of lists", HOSTILE_SPENT, 1, "x.map(i,x).flatten().size()",
	"", "", "", ""},
    {"sort again and again", HOSTILE_SPENT, 1, "x.map(i,x.sort()[0]).size()",
	"", "", "", ""},
    {"sort by something slow", HOSTILE_FAULT, 1,
	"x.sortBy(i,x.sort()[0]).size()", "", "", "", ""},
    {"sort a range backwards", HOSTILE_ANY, 1, "x.map(i,-i).sort().size()", "",
	"", "", ""},
    {"sort long texts", HOSTILE_ANY, 12, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,",
	"lists.range(300).map(i,a\3+string(i))"
	".sort().size()",
	")", ")"},
    {"distinct", HOSTILE_SPENT, 1, "x.map(i,[i]).distinct().size()", "", "", "",
	""},
    {"distinct ints", HOSTILE_ANY, 1, "x.distinct().size()", "", "", "", ""},
    {"sets.intersects", HOSTILE_SPENT, 1, "sets.intersects(x,x.map(i,i+20000))",
	"", "", "", ""},
    {"sets.contains", HOSTILE_SPENT, 1, "sets.contains(x,x.reverse())", "", "",
	"", ""},
    {"sets.equivalent", HOSTILE_SPENT, 1, "sets.equivalent(x,x.reverse())", "",
	"", "", ""},
    /* texts */
    {"indexOf nearly", HOSTILE_ANY, 15, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "a\3.indexOf(a\3.substring(16000)+'b')", ")",
	")"},
    {"lastIndexOf nearly", HOSTILE_ANY, 15, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "a\3.lastIndexOf('b'+a\3.substring(16000))",
	")", ")"},
    {"contains nearly", HOSTILE_ANY, 15, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "a\3.contains(a\3.substring(16000)+'b')", ")",
	")"},
    {"replace nearly", HOSTILE_ANY, 15, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,",
	"a\3.replace(a\3.substring(16000)+'b','').size()", ")", ")"},
    {"split nearly", HOSTILE_ANY, 15, "cel.bind(a0,s,", "cel.bind(a\1,a\2+a\2,",
	"a\3.split(a\3.substring(16000)+'b').size()", ")", ")"},
    {"split into characters", HOSTILE_ANY, 16, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "a\3.split('').size()", ")", ")"},
    {"charAt of each", HOSTILE_SPENT, 15, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "x.map(i,a\3.charAt(30000)).size()", ")", ")"},
    {"reverse for each", HOSTILE_SPENT, 15, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "x.map(i,a\3.reverse()).size()", ")", ")"},
    {"size of each", HOSTILE_SPENT, 15, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "x.map(i,a\3.size()).size()", ")", ")"},
    {"equality of long texts", HOSTILE_SPENT, 15,
	"cel.bind(a0,s,cel.bind(b0,s,",
	"cel.bind(a\1,a\2+a\2,cel.bind(b\1,b\2+b\2,", "x.all(i,a\3==b\3)", "))",
	"))"},
    {"conversion of each", HOSTILE_SPENT, 15, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "x.map(i,string(bytes(a\3))).size()", ")",
	")"},
    {"a wide format", HOSTILE_FAULT, 1, "'%.1000000000f'.format([1.0])", "", "",
	"", ""},
    {"a wide exponent", HOSTILE_FAULT, 1, "'%.1000000000e'.format([1.5])", "",
	"", "", ""},
    {"a precision of many digits", HOSTILE_FAULT, 9000, "'%.", "9",
	"f'.format([1.0])", "", ""},
    {"many wide formats", HOSTILE_ANY, 1,
	"x.map(i,'%.100f%.100f'.format([1e300,1e300])).size()", "", "", "", ""},
    {"many clauses", HOSTILE_FAULT, 8000, "'", "%s", "", "", "'.format([s])"},
    {"doubles as text", HOSTILE_SPENT, 1,
	"x.map(i,[i,i,i].map(j,string(1.1e300*double(j)))).size()", "", "", "",
	""},
    /* patterns */
    {"a giant repeat", HOSTILE_FAULT, 1, "s.matches('(a{1000}){1000}')", "", "",
	"", ""},
    {"a giant repeat found late", HOSTILE_FAULT, 1,
	"s.matches('('+s+'{1000}){1000}')", "", "", "", ""},
    {"nested repeats", HOSTILE_FAULT, 1,
	"s.matches('((((a{1,100}){1,100}){1,100}){1,100})')", "", "", "", ""},
    {"open groups", HOSTILE_FAULT, 4000, "s.matches('", "(", "", "", "')"},
    {"groups in groups", HOSTILE_ANY, 2000, "s.matches('", "(", "a", ")", "')"},
    {"stars of stars", HOSTILE_ANY, 500, "s.matches('", "(", "a", ")*", "')"},
    {"a pattern too long", HOSTILE_FAULT, 15000, "s.matches('", "a", "", "",
	"')"},
    {"a plus of a plus", HOSTILE_VALUE, 12, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "(a\3+'!').matches('^(a+)+$')", ")", ")"},
    {"alternatives alike", HOSTILE_VALUE, 12, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "(a\3+'!').matches('^(a|aa|a*)+$')", ")", ")"},
    {"a new pattern for each", HOSTILE_SPENT, 1,
	"x.map(i,s.matches('(a{0,500}'+string(i)+'){0,2}')).size()", "", "", "",
	""},
    {"repeats of repeats for each", HOSTILE_SPENT, 1,
	"x.map(i,s.matches('((a{9}){9}){9}'+string(i))).size()", "", "", "",
	""},
    {"classes for each", HOSTILE_SPENT, 1,
	"x.map(i,s.matches('\\\\pL\\\\pN\\\\PS[^a-z]'+string(i))).size()", "",
	"", "", ""},
    {"the shortest pattern for each", HOSTILE_SPENT, 1,
	"x.map(i,s.matches(string(i))).size()", "", "", "", ""},
    {"a wide automaton", HOSTILE_ANY, 12, "cel.bind(a0,s,",
	"cel.bind(a\1,a\2+a\2,", "a\3.matches('(.*a.{200})*b')", ")", ")"},
    /* what looks outside, or is parsed again */
    {"a zone for each", HOSTILE_FAULT, 1,
	"x.map(i,[i,i].map(j,now.getHours('Zone/'+string(j))))", "", "", "",
	""},
    {"a real zone for each", HOSTILE_ANY, 1,
	"x.map(i,now.getHours('Europe/Zurich')).size()", "", "", "", ""},
    {"shell substitutions", HOSTILE_ANY, 5000, "shell.parse('", "$(", "", "",
	"').ok"},
    {"shell words", HOSTILE_ANY, 7000, "shell.parse('", "a ", "", "", "').ok"},
    {"shell for each", HOSTILE_SPENT, 1,
	"x.map(i,shell.parse('sudo env a=b sh -c \"rm -rf / | cat\" "
	"'+string(i))).size()",
	"", "", "", ""},
    {"shell in shell", HOSTILE_ANY, 500, "shell.parse('", "eval ", "ls", "",
	"').ok"},
    {"paths", HOSTILE_ANY, 5000, "path.clean('/", "../", "", "", "')"},
    {"urls", HOSTILE_ANY, 5000, "isURL('http://a/", "%20", "", "", "')"},
    {"addresses", HOSTILE_ANY, 7000, "isIP('", "1:", "", "", "')"},
    {"times for each", HOSTILE_SPENT, 1,
	"x.map(i,[i,i,i].map(j,timestamp('2026-11-23T08:44:00Z')+duration("
	"string(j)+'s'))).size()",
	"", "", "", ""},
    {"many colliding keys", HOSTILE_ANY, 1,
	"x.transformMapEntry(i,v,{v*4294967296:v}).size()", "", "", "", ""},
    {"many keys again and again", HOSTILE_SPENT, 1,
	"x.map(i,x.transformMapEntry(j,v,{v:v})).size()", "", "", "", ""},
};

enum { HOSTILE_COUNT = GK_COUNT(hostiles) };

/* Append a piece with its numbers. */
static inline void
hostile_piece(
    struct gk_buf *buf, const char *piece, unsigned number, unsigned times)
{
	for (; *piece != '\0'; piece++) {
		enum gk_rc rc =
		    *piece == '\1' ? gk_buf_printf(buf, NULL, "%u", number)
		    : *piece == '\2'
			? gk_buf_printf(buf, NULL, "%u", number - 1)
		    : *piece == '\3' ? gk_buf_printf(buf, NULL, "%u", times)
				     : gk_buf_putc(buf, *piece, NULL);

		GK_ASSERT(rc == GK_OK);
	}
}

/* The text of an expression, in place of what buf held. */
static inline void
hostile_print(const struct hostile *hostile, struct gk_buf *buf)
{
	unsigned times = hostile->times;

	gk_buf_clear(buf);
	hostile_piece(buf, hostile->head, 0, times);
	for (unsigned i = 1; i <= times; i++) {
		hostile_piece(buf, hostile->open, i, times);
	}
	hostile_piece(buf, hostile->core, 0, times);
	for (unsigned i = times; i > 0; i--) {
		hostile_piece(buf, hostile->close, i, times);
	}
	hostile_piece(buf, hostile->tail, 0, times);
}

#endif
