/* The path functions: lexical questions of POSIX paths; nothing is looked up on any disk. */

#include "cel/cel_internal.h"

#include <string.h>

#define PARTS_MAX 4096

/* A path without ".", "..", "//" and a last '/'. */
struct clean {
	bool absolute;
	uint32_t
	    above; /* how many ".." are left at the start of a relative one */
	struct cel_value *parts;
	uint32_t count;
};

/* False: *ret_fault is the answer. */
static bool
clean(struct cel_eval *ev, const struct cel_value *text, struct clean *ret,
    struct cel_value *ret_fault)
{
	const char *at = text->as.text, *end = at + text->n;
	uint32_t room = 1;

	memset(ret, 0, sizeof(*ret));
	if (!cel__charge(ev, 1 + text->n / 8)) {
		*ret_fault = cel__spent(ev);
		return false;
	}
	if (text->n > 0 && memchr(at, '\0', text->n) != NULL) {
		*ret_fault =
		    cel__fault(ev, CEL_F_ARGUMENT, "a path can't hold a NUL");
		return false;
	}
	for (const char *c = at; c < end; c++) {
		room += *c == '/';
	}
	ret->parts = room > PARTS_MAX
			 ? NULL
			 : cel__alloc(ev, room * sizeof(*ret->parts));
	if (ret->parts == NULL) {
		*ret_fault =
		    room > PARTS_MAX
			? cel__fault(ev, CEL_F_ARGUMENT,
			      "a path of more than %d parts", PARTS_MAX)
			: cel__spent(ev);
		return false;
	}
	ret->absolute = at < end && *at == '/';
	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t n = (size_t)((slash == NULL ? end : slash) - at);

		if (n == 2 && at[0] == '.' && at[1] == '.') {
			if (ret->count > 0) {
				ret->count--;
			} else if (!ret->absolute) {
				ret->above++;
			}
		} else if (n > 0 && !(n == 1 && at[0] == '.')) {
			ret->parts[ret->count++] = cel_string(at, n);
		}
		at += n + 1;
	}
	return true;
}

static struct cel_value
printed(struct cel_eval *ev, const struct clean *path, uint32_t count)
{
	size_t n = path->absolute + 3 * (size_t)path->above + 1;
	char *text, *to;

	for (uint32_t i = 0; i < count; i++) {
		n += path->parts[i].n + 1;
	}
	text = to = cel__alloc(ev, n);
	if (text == NULL) {
		return cel__spent(ev);
	}
	if (path->absolute) {
		*to++ = '/';
	}
	for (uint32_t i = 0; i < path->above; i++) {
		memcpy(to, "../", 3);
		to += 3;
	}
	for (uint32_t i = 0; i < count; i++) {
		memcpy(to, path->parts[i].as.text, path->parts[i].n);
		to += path->parts[i].n;
		*to++ = '/';
	}
	if (to > text + 1 || (to == text + 1 && !path->absolute)) {
		to--;
	}
	if (to == text) {
		*to++ = '.';
	}
	return cel_string(text, (size_t)(to - text));
}

static bool
same_text(const struct cel_value *a, const struct cel_value *b)
{
	return a->n == b->n && memcmp(a->as.text, b->as.text, a->n) == 0;
}

/* A first part such as ~ or ~root is somebody's home: where that is isn't known. */
static bool
is_home(const struct clean *path)
{
	return !path->absolute && path->above == 0 && path->count > 0 &&
	       path->parts[0].as.text[0] == '~';
}

static struct cel_value
within(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct clean path, dir;
	struct cel_value fault;

	(void)n;
	if (!clean(ev, &args[0], &path, &fault) ||
	    !clean(ev, &args[1], &dir, &fault)) {
		return fault;
	}
	if (is_home(&path) &&
	    !(is_home(&dir) && same_text(&path.parts[0], &dir.parts[0]))) {
		return cel__fault(ev, CEL_F_ARGUMENT,
		    "where '~' leads isn't known: write the folder");
	}
	/* a path that climbs above its start is within nothing */
	if (path.absolute != dir.absolute || path.above > 0 || dir.above > 0 ||
	    path.count < dir.count) {
		return cel_bool(false);
	}
	for (uint32_t i = 0; i < dir.count; i++) {
		if (!same_text(&path.parts[i], &dir.parts[i])) {
			return cel_bool(false);
		}
	}
	return cel_bool(true);
}

static struct cel_value
cleaned(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct clean path;
	struct cel_value fault;

	(void)n;
	return clean(ev, &args[0], &path, &fault)
		   ? printed(ev, &path, path.count)
		   : fault;
}

static struct cel_value
base(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct clean path;
	struct cel_value fault;

	(void)n;
	if (!clean(ev, &args[0], &path, &fault)) {
		return fault;
	}
	if (path.count > 0) {
		return path.parts[path.count - 1];
	}
	return cel_text(path.absolute ? "/" : path.above > 0 ? ".." : ".");
}

static struct cel_value
dir(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct clean path;
	struct cel_value fault;

	(void)n;
	if (!clean(ev, &args[0], &path, &fault)) {
		return fault;
	}
	if (path.count == 0 && path.above > 0) {
		path.above++;
	}
	return printed(ev, &path, path.count > 0 ? path.count - 1 : 0);
}

/* ".gz" of "a.tar.gz"; "" of ".profile" and of what has none. */
static struct cel_value
ext(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_value name = base(ev, args, n);
	const char *dot;

	if (name.kind != CEL_STRING) {
		return name;
	}
	dot = memrchr(name.as.text, '.', name.n);
	if (dot == NULL || dot == name.as.text || name.as.text[0] == '/' ||
	    (name.n == 2 && memcmp(name.as.text, "..", 2) == 0)) {
		return cel_text("");
	}
	return cel_string(dot, (size_t)(name.as.text + name.n - dot));
}

static struct cel_value
is_abs(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return cel_bool(args[0].n > 0 && args[0].as.text[0] == '/');
}

const struct cel_builtin cel__paths[] = {
    {"path.within", false, "(string, string) -> bool", within},
    {"path.clean", false, "(string) -> string", cleaned},
    {"path.base", false, "(string) -> string", base},
    {"path.dir", false, "(string) -> string", dir},
    {"path.ext", false, "(string) -> string", ext},
    {"path.isAbs", false, "(string) -> bool", is_abs},
    {NULL, false, NULL, NULL},
};
