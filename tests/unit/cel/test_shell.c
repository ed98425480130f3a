/* What the shell's parser sees in command lines: a table, and the limits. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "cel/shell.h"

/*
 * Commands with "; " between them.  In each: "via:" of what runs it, "|" where
 * it reads a pipe, "NAME=value" of its variables, its words, where "?" is
 * before those that only a shell knows, "{fd op target}", "|" where it writes
 * into a pipe, "&" in the background, "!" where it is a shell that reads its
 * commands.
 */
static const struct {
	const char *text, *seen;
} table[] = {
    {"ls -la", "ls -la"},
    {"r''m \"-rf\" \\/", "rm -rf /"},
    {"$'\\x72m' $'a\\tb'", "rm a\tb"},
    {"rm${IFS}-rf", "?rm${IFS}-rf"},
    {"a\\\nb c", "ab c"},
    {"curl x | sh", "curl x |; | sh !"},
    {"curl x | sudo -E bash -", "curl x |; | sudo -E bash -; sudo: | bash - !"},
    {"env A=b B=c rm x > y 2>&1 &",
	"B=c A=b env A=b B=c rm x {1 > y} {2 >& 1} &; "
	"env: B=c A=b rm x {1 > y} {2 >& 1} &"},
    {"sudo -u root timeout -k 5 10 nice -n 5 bash -lc 'cd /; rm *'",
	"sudo -u root timeout -k 5 10 nice -n 5 bash -lc cd /; rm *; "
	"sudo: timeout -k 5 10 nice -n 5 bash -lc cd /; rm *; "
	"timeout: nice -n 5 bash -lc cd /; rm *; "
	"nice: bash -lc cd /; rm *; bash: cd /; bash: rm ?*"},
    {"bash -c \"$(curl x)\"",
	"bash -c ?$(curl x); curl x; bash: ?$(curl x); bash: curl x"},
    {"cat <<'E' > f\nrm -rf /\nE\nls", "cat {0 << rm -rf /\n} {1 > f}; ls"},
    {"cat <<-E\n\ta $(b)\n\tE\n", "cat {0 <<- a $(b)\n}; b"},
    {"bash <<E\nrm $HOME\nE\n", "bash {0 << rm $HOME\n} !; bash: rm ?$HOME"},
    {"bash <<< 'rm x'", "bash {0 <<< rm x} !; bash: rm x"},
    {"{ a; sh; } <<< 'rm x'", "a; sh !; {0 <<< rm x}; sh: rm x"},
    {"make -f - <<< $'all:\\n\\ta'", "make -f - {0 <<< all:\n\ta}"},
    {"a > >(bash) < <(b)", "a {1 > >(bash)} {0 < <(b)}; | bash !; b |"},
    {". /dev/stdin <<< \"$(a)\"", ". /dev/stdin {0 <<< $(a)}; a"},
    {"find . -exec rm {} \\; -exec ls {} +",
	"find . -exec rm {} ; -exec ls {} +; find: rm ?{}; find: ls ?{}"},
    {"find . -exec {} -x \\;", "find . -exec {} -x ;; find: ?{} -x"},
    {"xargs -I@ env A=@ @ b",
	"xargs -I@ env A=@ @ b; xargs: A=@ env ?A=@ ?@ b; "
	"env: A=@ ?@ b"},
    {"xargs -0 -I R xR {}", "xargs -0 -I R xR {}; xargs: ?xR ?{}"},
    {"xargs --replace=@ -n1 a@ b", "xargs --replace=@ -n1 a@ b; xargs: ?a@ b"},
    {"setarch x86_64 -R rm a", "setarch x86_64 -R rm a; setarch: rm a"},
    {"setarch -R rm a", "setarch -R rm a; setarch: rm a"},
    {"perf stat -e x -- rm a", "perf stat -e x -- rm a; perf: rm a"},
    {"cpulimit -l 50 -- sh -c 'rm a'",
	"cpulimit -l 50 -- sh -c rm a; cpulimit: sh -c rm a; sh: rm a"},
    {"ssh-agent -k", "ssh-agent -k"},
    {"tmux new -d -s a 'rm b'", "tmux new -d -s a rm b; tmux: rm b"},
    {"tmux ls", "tmux ls"},
    {"ssh h -p 2 rm a", "ssh h -p 2 rm a; ssh: rm a"},
    {"npx -y c8 -r text rm a",
	"npx -y c8 -r text rm a; npx: c8 -r text rm a; c8: rm a"},
    {"flock -n f -c 'rm a'", "flock -n f -c rm a; flock: rm a"},
    {"cross-env A=b rm a", "A=b cross-env A=b rm a; cross-env: A=b rm a"},
    {"xargs nice -n 5", "xargs nice -n 5; xargs: nice -n 5; nice: ?"},
    {"xargs docker ps", "xargs docker ps; xargs: docker ps"},
    {"ls | xargs -0 -I{} sh -c 'rm {}'",
	"ls |; | xargs -0 -I{} sh -c rm {}; xargs: | sh -c ?rm {}; "
	"sh: | rm {}"},
    {"while read l; do echo $l | sh; done < f",
	"read l; echo ?$l |; | sh !; {0 < f}"},
    {"if [ -f a ]; then b; elif c; then d; else e; fi", "[ -f a ]; b; c; d; e"},
    {"for f in a $(ls); do rm $f; done", "for f a ?$(ls); ls; rm ?$f"},
    {"for ((i=0;i<3;i++)); do a; done", "a"},
    {"case $x in (a|b) c;; *) d;& e) esac", "c; d"},
    {"f() { rm x; }; function g { h; }", "f; rm x; h"},
    {"diff <(a) >(b)", "diff ?<(a) ?>(b); a |; | b"},
    {"echo `a \\`b\\`` \"$(c \"d\")\"",
	"echo ?`a \\`b\\`` ?$(c \"d\"); a ?`b`; b; c d"},
    {"{rm,-rf,/} /bin/r?", "?{rm,-rf,/} ?/bin/r?"},
    {"eval \"rm\" -rf / 'x y'", "eval rm -rf / x y; eval: rm -rf / x y"},
    {"ssh -p 22 u@h 'a; b'", "ssh -p 22 u@h a; b; ssh: a; ssh: b"},
    {"docker run --rm -v /:/h -it alpine sh -c 'cat /h'",
	"docker run --rm -v /:/h -it alpine sh -c cat /h; "
	"docker: sh -c cat /h; sh: cat /h"},
    {"kubectl exec p -- rm x", "kubectl exec p -- rm x; kubectl: rm x"},
    {"poetry run pytest -q", "poetry run pytest -q; poetry: pytest -q"},
    {"x=(a \"$(b)\"); declare -A m=([a]=b)",
	"x=(a \"$(b)\"); b; declare -A ?m=([a]=b)"},
    {"[[ -f a && $b =~ ^(a|b)$ ]] && c", "[[ -f a ?$b ?=~; c"},
    {"((i++)); ((ls)); ((i += 1))", "ls; i"},
    {"! time -p a 2>&1 |& b", "a {2 >& 1} |; | b"},
    {"git commit -m \"don't; rm\"", "git commit -m don't; rm"},
    {"trap 'rm x' EXIT", "trap rm x EXIT; trap: rm x"},
    {"env -S 'bash -c \"a b\"' c",
	"env -S bash -c \"a b\" c; env: bash -c a b c; bash: a b"},
    {"su - p -c 'a b'", "su - p -c a b; su: a b"},
    {"command -v x; command y", "command -v x; command y; command: y"},
    {"(a; b) && { c || d; } # e", "a; b; c; d"},
    {"echo $((1+2)) ${x:-$(a)}", "echo ?$((1+2)) ?${x:-$(a)}; a"},
    {"exec 3<>/dev/tcp/h/80; a {f}>b &>c",
	"exec {3 <> /dev/tcp/h/80}; a {-1 > b} {1 &> c}"},
    {"A=$(x) b", "A=$(x) b; x"},
    {"", ""},
    {" # nothing", ""},
    /* what isn't understood, or not the same in all shells */
    {"echo 'a", "error"},
    {"echo \"a", "error"},
    {"echo `a", "error"},
    {"echo $(a", "error"},
    {"echo ${a", "error"},
    {"a )", "error"},
    {"a | ", "error"},
    {"a && ", "error"},
    {"; a", "error"},
    {"a ;; b", "error"},
    {"if a; then b", "error"},
    {"while a; do b; fi", "error"},
    {"cat <<E\na", "error"},
    {"cat <<E\na\\\nE\n", "error"},
    {"cat <<$(a)\nb", "error"},
    {"i\\\nf a", "error"},
    {"((a; rm -rf /))", "error"},
    {"((rm -rf x))", "error"},
    {"[[ a || rm -rf / ]]", "error"},
    {"[[ a > /etc/passwd ]]", "error"},
    {"ls *(e:a:)", "error"},
    {"a\rb", "error"},
    {"a\033b", "error"},
    {"coproc a", "error"},
    {"$'\\xff'", "error"},
};

static void
add(struct gk_buf *buf, const char *text, size_t n)
{
	cr_assert_eq(gk_buf_add(buf, text, n, NULL), GK_OK);
}

static void
add_text(struct gk_buf *buf, const char *text)
{
	add(buf, text, strlen(text));
}

/* A blank between what is there and what comes. */
static void
add_part(struct gk_buf *buf, const char *text, size_t n)
{
	if (buf->len > 0 && buf->bytes[buf->len - 1] != ' ') {
		add_text(buf, " ");
	}
	add(buf, text, n);
}

static void
add_command(struct gk_buf *buf, const struct cel__shell_command *command)
{
	if (command->via[0] != '\0') {
		add_text(buf, command->via);
		add_text(buf, ":");
	}
	if (command->pipe_in) {
		add_part(buf, "|", 1);
	}
	for (const struct cel__shell_variable *one = command->env; one != NULL;
	     one = one->next) {
		add_part(buf, one->name, one->n);
		add_text(buf, "=");
		add(buf, one->value.text, one->value.n);
	}
	for (const struct cel__shell_word *one = command->words; one != NULL;
	     one = one->next) {
		add_part(buf, one->known ? "" : "?", one->known ? 0 : 1);
		add(buf, one->text, one->n);
	}
	for (const struct cel__shell_redirect *one = command->redirects;
	     one != NULL; one = one->next) {
		char head[32];

		(void)snprintf(head, sizeof(head), "{%d %s ", one->fd, one->op);
		add_part(buf, head, strlen(head));
		add(buf, one->target.text, one->target.n);
		add_text(buf, "}");
	}
	if (command->pipe_out) {
		add_part(buf, "|", 1);
	}
	if (command->background) {
		add_part(buf, "&", 1);
	}
	if (command->reads_script) {
		add_part(buf, "!", 1);
	}
}

static void
render(const char *text, struct gk_buf *buf)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1u << 20);
	struct cel__shell_script script;

	cr_assert(cel__shell_parse(text, strlen(text), &arena, &script));
	if (script.error != NULL) {
		add_text(buf, "error");
		return;
	}
	for (const struct cel__shell_command *one = script.commands;
	     one != NULL; one = one->next) {
		if (one != script.commands) {
			add_text(buf, "; ");
		}
		add_command(buf, one);
	}
}

Test(cel_shell, table)
{
	for (size_t i = 0; i < GK_COUNT(table); i++) {
		GK_AUTO(gk_buf_done)
		struct gk_buf buf = GK_BUF_INIT(1u << 16);

		render(table[i].text, &buf);
		cr_expect_str_eq(gk_buf_text(&buf), table[i].seen, "%s\n  %s\n",
		    table[i].text, gk_buf_text(&buf));
	}
}

/* open × times, core, close × times */
static const char *
error_of(const char *open, const char *core, const char *close, unsigned times)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(4u << 20);
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1u << 20);
	struct cel__shell_script script;

	for (unsigned i = 0; i < times; i++) {
		add_text(&buf, open);
	}
	add_text(&buf, core);
	for (unsigned i = 0; i < times; i++) {
		add_text(&buf, close);
	}
	cr_assert(cel__shell_parse(gk_buf_text(&buf), buf.len, &arena, &script),
	    "%s took all memory", open);
	cr_expect_leq(script.count, CEL__SHELL_COMMANDS_MAX);
	return script.error;
}

Test(cel_shell, limits)
{
	cr_expect_null(error_of("$(", "a", ")", 3));
	cr_expect_str_eq(error_of("$(", "a", ")", 100), "too deep");
	cr_expect_null(error_of("(", "a", ")", 100));
	cr_expect_str_eq(error_of("( ", "a", ")", 100), "too deep");
	cr_expect_str_eq(error_of("env ", "a", "", 100), "too deep");
	cr_expect_str_eq(error_of("eval ", "a", "", 100), "too deep");
	cr_expect_str_eq(error_of("{ ", "a", ";}", 100), "too deep");
	cr_expect_str_eq(
	    error_of("f() ", "{ a; }", "", 100), "a function without a body");
	cr_expect_str_eq(error_of("a;", "a", "", 2000), "too many commands");
	cr_expect_str_eq(error_of("a", "", "", 17000), "too long");
	cr_expect_str_eq(error_of("A=b ", "a", "", 100), "too many variables");
	cr_expect_not_null(error_of("`", "", "", 8001));
	cr_expect_not_null(error_of("cat <<E\n", "", "", 2000));
	cr_expect_null(error_of("a|", "a", "", 1000));
}

Test(cel_shell, no_memory)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(300);
	struct cel__shell_script script;

	cr_expect_not(cel__shell_parse("a b c d e f g", 13, &arena, &script));
}
