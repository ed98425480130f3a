/*
 * Any bytes as an expression, up to the first zero byte, and behind it as the
 * values of variables: checked and unchecked mean the same, and what is checked
 * and all of whose types are known finds its functions and variables.
 */
#include <string.h>

#include "base/assert.h"
#include "cel/cel_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_CAP = 8 << 20, DEPTH = 4, FIELDS = 5, SHOWN_MAX = 4096 };

static const struct cel_limits limits = {20000, 1 << 18};

static const struct {
	const char *name, *type;
} declared[] = {
    {"args", "map(string, dyn)"},
    {"x", "dyn"},
    {"b", "bool"},
    {"n", "int"},
    {"u", "uint"},
    {"d", "double"},
    {"s", "string"},
    {"y", "bytes"},
    {"t", "timestamp"},
    {"r", "duration"},
    {"l", "list(int)"},
    {"ls", "list(string)"},
    {"m", "map(string, int)"},
    {"a.b", "string"},
};

/* What is left of the input; zeroes behind it. */
struct source {
	const uint8_t *at;
	size_t n;
};

static uint8_t
draw(struct source *source)
{
	if (source->n == 0) {
		return 0;
	}
	source->n--;
	return *source->at++;
}

static uint64_t
draw_bits(struct source *source)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < sizeof(bits); i++) {
		bits = bits << 8 | draw(source);
	}
	return bits;
}

/* Small, or around the ends of a range. */
static int64_t
draw_int(struct source *source)
{
	uint8_t how = draw(source);
	int64_t small = (int8_t)draw(source);

	return how < 128   ? small
	       : how < 144 ? (int64_t)((uint64_t)INT64_MAX + (uint64_t)small)
			   : (int64_t)draw_bits(source);
}

static struct cel_value
draw_string(struct source *source)
{
	static const char *const texts[] = {"", "a", "b", "h\xc3\xa9llo",
	    "\xf0\x9f\x98\x80", "1", "-1.5e3", "2026-11-23T08:44:00Z", "1h30m",
	    "Europe/Zurich", "127.0.0.1", "10.0.0.0/8", "http://a.b/c?d#e",
	    "%s %d", "a,b,c", "/a/../b"};
	size_t n = draw(source);

	if (n < 128) {
		return cel_text(texts[n % GK_COUNT(texts)]);
	}
	n = n - 128 < source->n ? n - 128 : source->n;
	if (!cel__text_valid((const char *)source->at, n)) {
		return cel_text("invalid");
	}
	source->at += n;
	source->n -= n;
	return cel_string((const char *)source->at - n, n);
}

static struct cel_value draw_dyn(
    struct source *source, unsigned depth, struct gk_arena *arena);

static struct cel_value
draw_list(struct source *source, unsigned depth, struct gk_arena *arena)
{
	struct cel_value *items =
	    gk_arena_calloc(arena, FIELDS, sizeof(*items));
	size_t n = draw(source) % FIELDS;

	GK_ASSERT(items != NULL);
	for (size_t i = 0; i < n; i++) {
		items[i] = draw_dyn(source, depth + 1, arena);
	}
	return cel_list(items, n);
}

static struct cel_value
make_map(
    struct cel_entry *entries, size_t n, bool partial, struct gk_arena *arena)
{
	struct cel_value map;

	GK_ASSERT(
	    cel_map_make(entries, n, partial, arena, &map, NULL) == GK_OK);
	return map;
}

static struct cel_value
draw_map(struct source *source, unsigned depth, struct gk_arena *arena)
{
	static const char *const names[FIELDS] = {
	    "a", "b", "amount", "name", "k"};
	struct cel_entry *entries =
	    gk_arena_calloc(arena, FIELDS, sizeof(*entries));
	uint8_t how = draw(source);
	size_t n = how % FIELDS;

	GK_ASSERT(entries != NULL);
	for (size_t i = 0; i < n; i++) {
		entries[i].key = cel_text(names[i]);
		entries[i].value = draw_dyn(source, depth + 1, arena);
	}
	return make_map(entries, n, how >= 224, arena);
}

static struct cel_value
draw_dyn(struct source *source, unsigned depth, struct gk_arena *arena)
{
	double d;
	uint64_t bits;

	switch (draw(source) % (depth < DEPTH ? 12 : 9)) {
	case 0:
		return cel_int(draw_int(source));
	case 1:
		return cel_uint((uint64_t)draw_int(source));
	case 2:
		bits = draw_bits(source);
		memcpy(&d, &bits, sizeof(d));
		return cel_double(d);
	case 3:
	case 4:
		return draw_string(source);
	case 5:
		return cel_bool(draw(source) & 1);
	case 6:
		return cel_null();
	case 7:
		return cel_timestamp(draw_int(source) % 250000000000,
		    (uint32_t)(draw_bits(source) % 1000000000));
	case 8:
		return cel_unknown(NULL);
	case 9:
		return draw_list(source, depth, arena);
	default:
		return draw_map(source, depth, arena);
	}
}

static struct cel_value
draw_ints(struct source *source, struct gk_arena *arena)
{
	struct cel_value *items =
	    gk_arena_calloc(arena, FIELDS, sizeof(*items));
	size_t n = draw(source) % FIELDS;

	GK_ASSERT(items != NULL);
	for (size_t i = 0; i < n; i++) {
		items[i] = cel_int(draw_int(source));
	}
	return cel_list(items, n);
}

/* Each of its declared type. */
static void
draw_slots(struct source *source, struct gk_arena *arena,
    struct cel_value slots[GK_COUNT(declared)])
{
	struct cel_entry *entry = gk_arena_calloc(arena, 1, sizeof(*entry));
	struct cel_value *text = gk_arena_calloc(arena, 2, sizeof(*text));
	double d = (double)draw_int(source) / 4;

	GK_ASSERT(entry != NULL && text != NULL);
	*entry = (struct cel_entry){cel_text("a"), cel_int(draw_int(source))};
	text[0] = draw_string(source);
	text[1] = draw_string(source);
	slots[0] = draw_map(source, 0, arena);
	slots[1] = draw_dyn(source, 0, arena);
	slots[2] = cel_bool(draw(source) & 1);
	slots[3] = cel_int(draw_int(source));
	slots[4] = cel_uint((uint64_t)draw_int(source));
	slots[5] = cel_double(d);
	slots[6] = text[0];
	slots[7] = cel_bytes(text[1].as.text, text[1].n);
	slots[8] = cel_timestamp(draw_int(source) % 250000000000, 1);
	slots[9] = cel_duration(draw_int(source) % 300000000000, 5);
	slots[10] = draw_ints(source, arena);
	slots[11] = cel_list(text, 2);
	slots[12] = make_map(entry, 1, false, arena);
	slots[13] = text[1];
}

static struct cel_env *
environment(void)
{
	static struct gk_arena arena = GK_ARENA_INIT(1 << 16);
	static struct cel_env *env;
	struct cel_variable variables[GK_COUNT(declared)];

	if (env != NULL) {
		return env;
	}
	for (size_t i = 0; i < GK_COUNT(declared); i++) {
		variables[i].name = declared[i].name;
		GK_ASSERT(cel_type_parse(declared[i].type, &arena,
			      &variables[i].type, NULL) == GK_OK);
	}
	GK_ASSERT(cel_env_new("", variables, GK_COUNT(declared), NULL, 0, &env,
		      NULL) == GK_OK);
	return env;
}

/* May a value of it be of a kind that the checker couldn't foresee? */
static bool
is_vague(const struct cel_type *type)
{
	if (type == NULL || type->kind == CEL_T_ERROR ||
	    type->kind == CEL_T_DYN || type->kind == CEL_T_PARAM ||
	    type->kind == CEL_T_NULL || type->kind == CEL_T_WRAPPER) {
		return true;
	}
	for (unsigned i = 0; i < type->param_count; i++) {
		if (is_vague(type->params[i])) {
			return true;
		}
	}
	return false;
}

/* Is any part of it, or the type of one, vague? */
static bool
has_vague(const struct cel_node *node)
{
	if (is_vague(node->type)) {
		return true;
	}
	for (uint32_t i = 0; i < node->arg_count; i++) {
		if (has_vague(node->args[i])) {
			return true;
		}
	}
	return false;
}

static void
check_place(
    void *ctx, uint32_t begin, uint32_t end, const struct cel_value *value)
{
	GK_ASSERT(begin <= end && end <= *(const size_t *)ctx);
	GK_ASSERT(value->kind < CEL_KIND_COUNT);
	GK_ASSERT(value->kind != CEL_ERROR || value->as.fault != NULL);
	GK_ASSERT(value->kind != CEL_STRING ||
		  cel__text_valid(value->as.text, value->n));
}

static struct cel_value
evaluate(const struct cel_program *program, struct cel_value *slots,
    size_t size, struct gk_arena *arena)
{
	struct cel_activation activation = {.slots = slots};
	struct cel_trace trace = {check_place, &size};
	struct cel_cost cost;
	struct cel_value value =
	    cel_eval(program, &activation, arena, &limits, &trace, &cost);

	GK_ASSERT(cost.fuel <= limits.fuel && cost.bytes <= limits.bytes);
	check_place(&size, 0, 0, &value);
	if (value.kind == CEL_ERROR) {
		GK_ASSERT(value.as.fault->begin <= value.as.fault->end);
		GK_ASSERT(value.as.fault->end <= size);
		GK_ASSERT(value.as.fault->text[0] != '\0');
	}
	return value;
}

static struct cel_program *
compile(const char *text, size_t size, bool unchecked)
{
	struct cel_options options = {.unchecked = unchecked};
	struct cel_report report = {.count = 0};
	struct cel_program *program = NULL;
	enum gk_rc rc = cel_compile(
	    environment(), text, size, &options, &program, &report, NULL);

	GK_ASSERT((rc == GK_OK) == (program != NULL));
	GK_ASSERT(rc != GK_E_INVALID || report.errors > 0);
	GK_ASSERT(rc != GK_OK || report.errors == 0);
	for (size_t i = 0; i < report.count; i++) {
		GK_ASSERT(report.problems[i].begin <= report.problems[i].end);
		GK_ASSERT(report.problems[i].end <= size);
		GK_ASSERT(report.problems[i].text[0] != '\0');
	}
	cel_report_done(&report);
	return program;
}

static bool
is_value(const struct cel_value *value)
{
	return value->kind != CEL_ERROR && value->kind != CEL_UNKNOWN;
}

static void
check_same(const struct cel_value *a, const struct cel_value *b)
{
	GK_AUTO(gk_buf_done) struct gk_buf x = GK_BUF_INIT(1 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf y = GK_BUF_INIT(1 << 20);

	if (!is_value(a) || !is_value(b)) {
		return;
	}
	GK_ASSERT(cel_print(a, SHOWN_MAX, &x, NULL) == GK_OK);
	GK_ASSERT(cel_print(b, SHOWN_MAX, &y, NULL) == GK_OK);
	GK_ASSERT(strcmp(gk_buf_text(&x), gk_buf_text(&y)) == 0);
}

static void
check_checked(const struct cel_program *program, const struct cel_value *value)
{
	if (has_vague(program->root)) {
		return;
	}
	GK_ASSERT(!is_value(value) ||
		  (cel__type_kinds(program->type) >> value->kind & 1) != 0);
	GK_ASSERT(value->kind != CEL_ERROR ||
		  (value->as.fault->code != CEL_F_NO_OVERLOAD &&
		      value->as.fault->code != CEL_F_UNDECLARED));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(ARENA_CAP);
	GK_AUTO(cel_program_freep) struct cel_program *loose = NULL;
	GK_AUTO(cel_program_freep) struct cel_program *checked = NULL;
	const uint8_t *stop = size == 0 ? NULL : memchr(data, '\0', size);
	size_t n = stop == NULL ? size : (size_t)(stop - data);
	struct source source = {data + n, size - n};
	struct cel_value slots[GK_COUNT(declared)], a, b;
	const char *text = n == 0 ? "" : (const char *)data;

	(void)draw(&source);
	draw_slots(&source, &arena, slots);
	loose = compile(text, n, true);
	checked = compile(text, n, false);
	GK_ASSERT(checked == NULL || loose != NULL);
	if (loose == NULL) {
		return 0;
	}
	a = evaluate(loose, slots, n, &arena);
	if (checked != NULL) {
		b = evaluate(checked, slots, n, &arena);
		check_checked(checked, &b);
		check_same(&a, &b);
	}
	return 0;
}
