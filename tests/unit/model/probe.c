/*
 * The record tables of events and requests, for test_schema.py: --tables prints them as
 * JSON; --json FILE prints a YAML file as JSON; else, for each line of standard input
 * ("event", "decision" or "result", a space, JSON), "1" when it is taken, or "0".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/canon.h"
#include "codec/digest.h"
#include "codec/yaml.h"
#include "model/event.h"

static const char *const kinds[] = {
    [RECORD_STR] = "str",
    [RECORD_INT] = "int",
    [RECORD_BIG] = "big",
    [RECORD_BOOL] = "bool",
    [RECORD_ENUM] = "enum",
    [RECORD_TIME] = "time",
    [RECORD_BYTES] = "bytes",
    [RECORD_STRS] = "strs",
    [RECORD_OBJECT] = "object",
    [RECORD_OBJECTS] = "objects",
    [RECORD_MAP] = "map",
    [RECORD_JSON] = "json",
};

static void
print_words(const char *const *words, size_t count)
{
	bool first = true;

	(void)printf(",\"words\":[");
	for (size_t i = 0; i < count; i++) {
		if (words[i] != NULL) {
			(void)printf("%s\"%s\"", first ? "" : ",", words[i]);
			first = false;
		}
	}
	(void)printf("]");
}

static void
print_type(const struct record_type *type)
{
	(void)printf("{\"type\":\"%s\",\"fields\":[", type->name);
	for (size_t i = 0; i < type->count; i++) {
		const struct record_field *field = &type->fields[i];

		(void)printf(
		    "%s{\"name\":\"%s\",\"kind\":\"%s\",\"required\":%s,"
		    "\"nullable\":%s,\"max\":%zu,\"lo\":%lld,\"hi\":%lld",
		    i > 0 ? "," : "", field->name, kinds[field->kind],
		    (field->flags & RECORD_REQUIRED) != 0 ? "true" : "false",
		    (field->flags & RECORD_NULLABLE) != 0 ? "true" : "false",
		    field->max, (long long)field->lo, (long long)field->hi);
		if (field->expected != NULL) {
			(void)printf(",\"expected\":\"%s\"", field->expected);
		}
		if (field->kind == RECORD_ENUM) {
			print_words(field->names, field->names_count);
		}
		if (field->type != NULL) {
			(void)printf(",\"of\":");
			print_type(field->type);
		}
		(void)printf("}");
	}
	(void)printf("]}");
}

static void
print_tables(void)
{
	(void)printf("{\"event\":");
	print_type(&event_type);
	(void)printf(",\"decision\":");
	print_type(&decision_request_type);
	(void)printf(",\"result\":");
	print_type(&result_request_type);
	(void)printf(",\"phases\":{");
	for (int kind = 1; kind < EVENT_KIND_COUNT; kind++) {
		(void)printf("%s\"%s\":\"%s\"", kind > 1 ? "," : "",
		    event_kind_words[kind],
		    phase_words[event_phase((enum event_kind)kind)]);
	}
	(void)printf("}}\n");
}

static int
print_yaml(const char *path)
{
	static const struct json_limits limits = {1 << 20, 64, 100000};
	static char bytes[1 << 20];
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(4 << 20);
	struct yaml_doc *doc = NULL;
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL) {
		return EXIT_FAILURE;
	}
	n = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f);
	if (yaml_parse(bytes, n, path, &limits, &doc, NULL) != GK_OK ||
	    canon_print(yaml_root(doc), &buf, NULL) != GK_OK) {
		yaml_doc_free(doc);
		return EXIT_FAILURE;
	}
	(void)puts(gk_buf_text(&buf));
	yaml_doc_free(doc);
	return EXIT_SUCCESS;
}

static bool
is_request(const char *text, size_t n, bool decision)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(4 << 20);
	GK_AUTO(json_freep) struct json_value *body = NULL;
	struct decision_request request;
	struct result_request result;

	if (json_parse(text, n, &json_limits_request, &body, NULL) != GK_OK) {
		return false;
	}
	return (decision ? decision_request_decode(body, &arena, &request, NULL)
			 : result_request_decode(
			       body, &arena, &result, NULL)) == GK_OK;
}

static bool
is_event(const char *text, size_t n)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(4 << 20);
	struct event event;

	return event_decode(text, n, &arena, &event, NULL) == GK_OK;
}

static bool
is_taken(const char *line, size_t n)
{
	const char *at = memchr(line, ' ', n);

	if (at == NULL) {
		return false;
	}
	n -= (size_t)(++at - line);
	return *line == 'e' ? is_event(at, n) : is_request(at, n, *line == 'd');
}

int
main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (digest_init(NULL) != GK_OK) {
		return EXIT_FAILURE;
	}
	if (argc == 2 && strcmp(argv[1], "--tables") == 0) {
		print_tables();
		return EXIT_SUCCESS;
	}
	if (argc == 3 && strcmp(argv[1], "--json") == 0) {
		return print_yaml(argv[2]);
	}
	while ((n = getline(&line, &room, stdin)) > 0) {
		n -= line[n - 1] == '\n';
		(void)puts(is_taken(line, (size_t)n) ? "1" : "0");
	}
	free(line);
	return EXIT_SUCCESS;
}
