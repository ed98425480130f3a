/* What tool rules need beyond the language: URLs, paths, networks, command lines; each line is true, or fails with that text. */
#include "cel_test.h"

static const char *const truths[] = {
    /* url: one reading only */
    "url('https://a.b:8443/c/d?e=f#g').host() == 'a.b'",
    "url('HTTPS://A.b./').host() == 'a.b' && url('HTTPS://A.b/').scheme() == "
    "'https'",
    "url('https://a.b:8443/').port() == 8443 && url('https://a.b/').port() == "
    "443",
    "url('https://a.b/c/../d').path() == '/c/../d'",
    "url('https://a.b/?x=1').query() == 'x=1'",
    "url('https://u:p@a.b/').hasUserinfo() && "
    "url('https://u:p@a.b/').username() "
    "== 'u'",
    "url('http://[::1]:80/').host() == '::1'",
    "isURL('http://169.254.169.254/') && isURL('http://1.example/') && "
    "isURL('http://0x.example./')",
    "['0251.0376.0251.0376', '0xa9.0xfe.0xa9.0xfe', '169.254.43518', '0', "
    "'2852039166', '0xa9fea9fe', '0x', '1.2.3.4.', '1.2.3', '1.2.3.256', "
    "'01.2.3.4', 'a.0x7f', 'a..b', '.a', '[::ffff:1.2.3.4]', "
    "'[::ffff:a9fe:a9fe]', '[:::]', '[1.2.3.4]', '[abc]', "
    "'[1::2::3]'].all(h, !isURL('http://' + h + '/'))",
    "!isURL('http:/evil') && !isURL('http:evil') && !isURL('//a.b/') && "
    "!isURL('a.b')",
    "!isURL('http://a.b\\\\@c.d/') && !isURL('http://a b/') && "
    "!isURL('http://a.b:99999/')",
    "!isURL('http://%65vil.com/') && !isURL('http:///x') && !isURL('')",
    "!isURL('http://a.b/\\n')",
    /* path.within: lexical and canonical */
    "path.within('/srv/a/b', '/srv/a') && path.within('/srv/a', '/srv/a')",
    "path.within('/srv/a/', '/srv/a') && path.within('/srv//a/./b', '/srv/a/')",
    "!path.within('/srv/ab', '/srv/a') && !path.within('/srv/a/../b', "
    "'/srv/a')",
    "!path.within('/srv/a/../../etc/passwd', '/srv/a')",
    "path.within('/srv/a/x/../b', '/srv/a')",
    "!path.within('b', '/srv/a') && !path.within('/srv/a', 'srv')",
    "path.within('a/b', 'a') && !path.within('a/../../a/b', 'a')",
    "path.within('/x', '/') && !path.within('../x', '.')",
    "path.clean('/a/./b//../c/') == '/a/c' && path.clean('') == '.'",
    "path.clean('../../a/..') == '../..' && path.clean('/../a') == '/a'",
    "path.base('/a/b.tar.gz') == 'b.tar.gz' && path.ext('/a/b.tar.gz') == "
    "'.gz'",
    "path.dir('/a/b') == '/a' && path.dir('a') == '.' && path.isAbs('/a')",
    /* networks */
    "ip('10.0.0.1').family() == 4 && ip('::1').family() == 6",
    "cidr('10.0.0.0/8').containsIP(ip('10.255.0.1'))",
    "!cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
    "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
    "ip('127.0.0.1').isLoopback() && ip('169.254.1.1').isLinkLocalUnicast()",
    "!isIP('::ffff:10.0.0.1') && !isIP('10.0.0.01') && !isIP('10.0.0')",
    "!isIP('0x7f.1') && !isIP('2130706433') && !isIP('10.0.0.256')",
    /* command lines */
    "shell.parse('ls -l').ok && shell.parse('ls -l').commands[0].argv == "
    "['ls', "
    "'-l']",
    "shell.parse('/bin/rm x').commands[0].base == 'rm'",
    /* lists */
    "[{'a': 2, 'b': 1}, {'a': 1, 'b': 2}, {'a': 2, 'b': 3}].sortBy(x, "
    "x.a).map(x, x.b) == [2, 1, 3]",
    "['x', 'yyy', 'zz'].sortBy(s, -size(s)) == ['yyy', 'zz', 'x']",
    "[].sortBy(x, x) == [] && [3, 1, 2].sortBy(x, x) == [1, 2, 3]",
    "shell.parse('curl x | sh').pipelines == [['curl', 'sh']]",
    "shell.parse('curl x | sh').commands.exists(c, c.reads_script && "
    "c.pipe_in)",
    "shell.parse('A=1 B=2 A=3 b').commands[0].env == {'A': '3', 'B': '2'}",
    "shell.parse('a > b 2>&1').commands[0].redirects.map(r, r.op) == ['>', "
    "'>&']",
    "shell.parse('$X y').commands[0].name == '' && !shell.parse('$X "
    "y').commands[0].known",
    "shell.parse('sudo rm x').commands.map(c, c.via) == ['', 'sudo']",
    "shell.parse('echo $(a)').commands[0].captures && shell.parse('echo "
    "$(a)').substitutions == 1",
    "!shell.parse('echo \"').ok && shell.parse('echo \"').error != ''",
    "shell.parse('').ok && shell.parse('').commands == []",
    "shell.parse('a &').commands[0].background && "
    "shell.parse('(a)').commands[0]"
    ".depth == 1",
};

static const struct {
	const char *expr, *text;
} faults[] = {
    {"url('a')", "not an absolute URL"},
    {"ip('::ffff:1.2.3.4')", ""},
    {"cidr('10.0.0.0/33')", ""},
    {"[1].slice(0, 2)", "the list has 1 elements"},
    {"{'a': 1}.b", "no such key"},
    {"[1][1]", "index"},
    {"[{}].sort()", "an order"},
    {"[1, 'a'].sortBy(x, x)", "same type"},
    {"[1].sortBy(x, [x])", "an order"},
    {"{'a': 1}.sortBy(x, x)", "no such overload"},
    {"[2, 1].sortBy(x, x.y)", ""},
    {"9223372036854775807 + 1", "overflow"},
    {"1 / 0", "zero"},
    {"timestamp('yesterday')", ""},
    {"'a'.matches('(')", ""},
    {"{'a': 1, 'a': 2}", "repeated key"},
};

TestSuite(functions, .fini = cel_test_done);

Test(functions, are_true)
{
	for (size_t i = 0; i < GK_COUNT(truths); i++) {
		struct cel_value value = run(truths[i]);

		cr_expect(value.kind == CEL_BOOL && value.as.boolean, "%s: %s",
		    truths[i],
		    value.kind == CEL_ERROR ? value.as.fault->text : "false");
	}
}

Test(functions, fail_with_a_reason)
{
	for (size_t i = 0; i < GK_COUNT(faults); i++) {
		struct cel_value value = run_unchecked(faults[i].expr);

		cr_assert(value.kind == CEL_ERROR, "%s", faults[i].expr);
		cr_expect(strstr(value.as.fault->text, faults[i].text) != NULL,
		    "%s: %s", faults[i].expr, value.as.fault->text);
	}
}
