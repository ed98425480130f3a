/* What the configuration takes, what it refuses and where, and that docs and schema say the same. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "codec/yaml.h"
#include "main/config.h"

static struct config *
parse(const char *text)
{
	struct config *config = NULL;
	struct gk_err err = {0};
	enum gk_rc rc = config_parse(
	    text, strlen(text), "gk.yaml", "/etc/gk", &config, &err);

	cr_assert(rc == GK_OK, "%s: %s at %s", text, err.text, err.where);
	return config;
}

static void
refused(const char *text, const char *where, const char *words)
{
	struct config *config = NULL;
	struct gk_err err = {0};
	enum gk_rc rc = config_parse(
	    text, strlen(text), "gk.yaml", "/etc/gk", &config, &err);

	cr_assert(rc != GK_OK, "%s is taken", text);
	cr_assert(config == NULL);
	cr_assert(strcmp(err.where, where) == 0, "%s: at %s, not %s (%s)", text,
	    err.where, where, err.text);
	cr_assert(strstr(err.text, words) != NULL, "%s: \"%s\" lacks \"%s\"",
	    text, err.text, words);
}

Test(config, an_empty_file_means_the_defaults)
{
	GK_AUTO(config_freep) struct config *config = parse("");

	cr_assert(strcmp(config->listen, "127.0.0.1:8181") == 0);
	cr_assert(!config->insecure_http);
	cr_assert(config->tls_cert == NULL);
	cr_assert(strcmp(config->data_dir, "/etc/gk/data") == 0);
	cr_assert(strcmp(config->policy_dir, "/etc/gk/policies") == 0);
	cr_assert(config->origin == NULL);
	cr_assert(config->hosts.count == 2);
	cr_assert(config->run_idle_us == GK_US_PER_DAY);
	cr_assert(config->max_clock_gap_us == 90 * GK_US_PER_DAY);
	cr_assert(config->queue == 4096);
	cr_assert(strcmp(config->audit_sink, "append_only") == 0);
	cr_assert(config->retention_days == 180);
	cr_assert(config->redact_fields.count == 3);
	cr_assert(strcmp(config->redact_fields.items[2], "card_number") == 0);
	cr_assert(config->show_fields.count == 0);
	cr_assert(config->hash_args && config->sign_events);
}

Test(config, values_of_the_file_win_over_defaults)
{
	GK_AUTO(config_freep)
	struct config *config =
	    parse("listen: unix:gk.sock\ntls: {cert: a.pem, key: /k.pem}\n"
		  "data_dir: /var/gk\nrun_idle: 90m\nspace_stop: 512KiB\n"
		  "space_reserve: 4096\norigin: example.org/log\n"
		  "audit:\n  retention_days: 30\n  show_fields: [/amount]\n");

	cr_assert(strcmp(config->listen, "unix:/etc/gk/gk.sock") == 0);
	cr_assert(strcmp(config->tls_cert, "/etc/gk/a.pem") == 0);
	cr_assert(strcmp(config->tls_key, "/k.pem") == 0);
	cr_assert(strcmp(config->data_dir, "/var/gk") == 0);
	cr_assert(config->run_idle_us == 90 * GK_US_PER_MIN);
	cr_assert(config->space_stop_bytes == 512 << 10);
	cr_assert(config->space_reserve_bytes == 4096);
	cr_assert(config->retention_days == 30);
	cr_assert(strcmp(config->show_fields.items[0], "/amount") == 0);
	cr_assert(
	    strcmp(config->from[CONFIG_ID_retention_days], "gk.yaml:9:19") == 0,
	    "%s", config->from[CONFIG_ID_retention_days]);
	cr_assert(strcmp(config->from[CONFIG_ID_queue], "default") == 0);
}

Test(config, an_unknown_key_is_refused_with_its_place_and_a_hint)
{
	refused("lisen: x\n", "gk.yaml:1:1", "did you mean \"listen\"?");
	refused("queue: 64\naudit:\n  retention: 3\n", "gk.yaml:3:3",
	    "unknown key \"audit.retention\"");
	refused("retention_days: 3\n", "gk.yaml:1:1",
	    "did you mean \"audit.retention_days\"?");
	refused("zzzzzz: 1\n", "gk.yaml:1:1", "gatekeeper config");
	refused("tls.cert.x: 1\n", "gk.yaml:1:1", "unknown key");
	refused("audit: {tls: {cert: a}}\n", "gk.yaml:1:9", "unknown key");
	refused("audit:\n  retention_openings: [kind=decisoin 30d]\n",
	    "gk.yaml:2:23", "expected one of genesis");
}

Test(config, a_value_of_the_wrong_type_or_range_is_refused_with_its_place)
{
	refused("queue: many\n", "gk.yaml:1:8", "an integer");
	refused("queue: 1.5\n", "gk.yaml:1:8", "an integer");
	refused("queue: 3\n", "gk.yaml:1:8", "out of range, 16 to 1048576");
	refused("queue: null\n", "gk.yaml:1:8", "found null");
	refused("listen: 8181\n", "gk.yaml:1:9", "text");
	refused("listen: null\n", "gk.yaml:1:9", "text");
	refused("insecure_http: yes\n", "gk.yaml:1:16", "true or false");
	refused("run_idle: 24\n", "gk.yaml:1:11", "a duration");
	refused("run_idle: 24x\n", "gk.yaml:1:11", "run_idle");
	refused("run_idle: 1ms\n", "gk.yaml:1:11", "out of range");
	refused("space_stop: 64MB\n", "gk.yaml:1:13", "64MiB");
	refused("space_stop: -1\n", "gk.yaml:1:13", "out of range");
	refused("space_stop: 9999999999GiB\n", "gk.yaml:1:13", "64MiB");
	refused("hosts: localhost\n", "gk.yaml:1:8", "a list");
	refused("hosts: []\n", "gk.yaml:1:8", "1 to 64");
	refused("hosts: [a, 1]\n", "gk.yaml:1:8", "a list of names");
	refused("log_level: loud\n", "gk.yaml:1:12", "not one of debug");
	refused("audit: append_only\n", "gk.yaml:1:8", "keys and values");
	refused("- a\n", "gk.yaml:1:1", "keys and values");
	refused("queue: 64\nqueue: 65\n", "gk.yaml:2:1", "duplicate");
	refused("data_dir: ''\n", "gk.yaml:1:11", "1 to 4000 bytes");
}

Test(config, what_would_weaken_the_record_is_refused)
{
	refused("audit: {hash_args: false}\n", "gk.yaml:1:20", "refused");
	refused("audit: {sign_events: false}\n", "gk.yaml:1:22", "refused");
	refused("audit: {sink: stdout}\n", "gk.yaml:1:15", "append_only");
	refused("audit: {sink: append_onl}\n", "gk.yaml:1:15", "append_only");
}

Test(config, an_open_address_needs_tls_or_an_explicit_word)
{
	refused("listen: 0.0.0.0:8181\n", "gk.yaml:1:9", "insecure_http: true");
	refused("listen: '[::]:8181'\n", "gk.yaml:1:9", "insecure_http: true");
	refused("listen: 127.0.0.1\n", "gk.yaml:1:9", "HOST:PORT");
	refused("listen: 127.0.0.1:70000\n", "gk.yaml:1:9", "HOST:PORT");
	refused("listen: ::1:80\n", "gk.yaml:1:9", "HOST:PORT");
	refused("listen: 'unix:'\n", "gk.yaml:1:9", "unix:PATH");
	refused("tls: {cert: a}\n", "gk.yaml:1:13", "tls.key");
	refused("tls: {key: a}\n", "gk.yaml:1:12", "tls.cert");
	refused("tls: {client_ca: a}\n", "gk.yaml:1:18", "tls.cert");
	config_free(parse("listen: 0.0.0.0:8181\ninsecure_http: true\n"));
	config_free(parse("listen: 0.0.0.0:8181\ntls: {cert: a, key: b}\n"));
	config_free(parse("listen: '[::1]:8181'\n"));
}

/* A file in a fresh folder; gives its path. */
static const char *
write_file(const char *text)
{
	static char path[64];
	char dir[] = "/tmp/gk-config-XXXXXX";
	FILE *file;

	cr_assert(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/gatekeeper.yaml", dir);
	file = fopen(path, "we");
	cr_assert(file != NULL);
	cr_assert(fputs(text, file) >= 0);
	cr_assert(fclose(file) == 0);
	return path;
}

static void
remove_file(const char *path)
{
	char dir[64];

	(void)snprintf(
	    dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	cr_assert(unlink(path) == 0);
	cr_assert(rmdir(dir) == 0);
}

Test(config, set_wins_over_the_file_and_the_last_set_over_the_first)
{
	static const char *const sets[] = {"queue=100", "queue=200",
	    "audit.redact_fields=[iban]", "origin=a.example/log"};
	const char *path = write_file("queue: 50\nrun_idle: 2h\n");
	struct config_source source = {path, sets, GK_COUNT(sets)};
	GK_AUTO(config_freep) struct config *config = NULL;
	struct gk_err err = {0};

	cr_assert(config_load(&source, &config, &err) == GK_OK, "%s: %s",
	    err.where, err.text);
	cr_assert(config->queue == 200);
	cr_assert(config->run_idle_us == 2 * GK_US_PER_HOUR);
	cr_assert(config->redact_fields.count == 1);
	cr_assert(strcmp(config->origin, "a.example/log") == 0);
	cr_assert(strcmp(config->from[CONFIG_ID_queue], "--set") == 0);
	cr_assert(
	    strncmp(config->data_dir, path, strlen("/tmp/gk-config-")) == 0);
	remove_file(path);
}

Test(config, a_set_that_is_wrong_is_refused)
{
	static const struct {
		const char *set, *words;
	} cases[] = {
	    {"queue", "key=value"},
	    {"=1", "key=value"},
	    {"quue=1", "did you mean \"queue\"?"},
	    {"queue=x", "an integer"},
	    {"queue=[", ""},
	    {"audit={}", "unknown key"},
	    {"audit.hash_args=false", "refused"},
	};

	for (size_t i = 0; i < GK_COUNT(cases); i++) {
		const char *path = write_file("queue: 50\n");
		struct config_source source = {path, &cases[i].set, 1};
		struct config *config = NULL;
		struct gk_err err = {0};

		cr_assert(config_load(&source, &config, &err) == GK_E_INVALID,
		    "%s", cases[i].set);
		cr_assert(strncmp(err.where, "--set", 5) == 0, "%s", err.where);
		cr_assert(strstr(err.text, cases[i].words) != NULL, "%s: %s",
		    cases[i].set, err.text);
		remove_file(path);
	}
}

Test(config, a_named_file_that_is_missing_is_an_error)
{
	struct config_source source = {"/nonexistent/gk.yaml", NULL, 0};
	struct config *config = NULL;
	struct gk_err err = {0};

	cr_assert(config_load(&source, &config, &err) == GK_E_IO);
	cr_assert(strstr(err.text, "/nonexistent/gk.yaml") != NULL);
}

Test(config, what_is_printed_reads_back_as_the_same)
{
	GK_AUTO(config_freep)
	struct config *config =
	    parse("queue: 77\nhosts: [a, \"b\\\"c\"]\nrun_idle: "
		  "90m\nlog_level: warn\n");
	GK_AUTO(gk_buf_done) struct gk_buf yaml = GK_BUF_INIT(1 << 16);
	GK_AUTO(gk_buf_done) struct gk_buf json = GK_BUF_INIT(1 << 16);
	GK_AUTO(config_freep) struct config *from_yaml = NULL;
	GK_AUTO(config_freep) struct config *from_json = NULL;
	struct gk_err err = {0};

	cr_assert(config_print_yaml(config, &yaml, &err) == GK_OK);
	cr_assert(config_print_json(config, &json, &err) == GK_OK);
	from_yaml = parse(gk_buf_text(&yaml));
	from_json = parse(gk_buf_text(&json));
	for (int i = 0; i < CONFIG_COUNT; i++) {
		cr_assert(config_same(config, from_yaml, (enum config_id)i),
		    "%s", config_keys[i].name);
		cr_assert(config_same(config, from_json, (enum config_id)i),
		    "%s", config_keys[i].name);
	}
}

Test(config, the_sample_file_says_the_defaults)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 16);
	GK_AUTO(config_freep) struct config *sample = NULL;
	GK_AUTO(config_freep) struct config *defaults = parse("");
	struct gk_err err = {0};

	cr_assert(config_print_sample(&buf, &err) == GK_OK);
	sample = parse(gk_buf_text(&buf));
	for (int i = 0; i < CONFIG_COUNT; i++) {
		cr_assert(config_same(defaults, sample, (enum config_id)i),
		    "%s", config_keys[i].name);
		cr_assert(strcmp(sample->from[i], "default") != 0,
		    "%s is missing", config_keys[i].name);
	}
}

/* A file of the repository must hold exactly what the table prints. */
static void
is_current(const char *name,
    enum gk_rc (*print)(struct gk_buf *, struct gk_err *), const char *how)
{
	GK_AUTO(gk_buf_done) struct gk_buf want = GK_BUF_INIT(1 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf found = GK_BUF_INIT(1 << 20);
	const char *root = getenv("GATEKEEPER_SOURCE");
	struct gk_err err = {0};
	char path[512];

	cr_assert(root != NULL);
	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	cr_assert(print(&want, &err) == GK_OK, "%s", err.text);
	cr_assert(cli_read_file(path, &found, &err) == GK_OK, "%s", err.text);
	cr_assert(strcmp(gk_buf_text(&want), gk_buf_text(&found)) == 0,
	    "%s is stale: gatekeeper config %s > %s", name, how, name);
}

Test(config, docs_and_schema_are_what_the_table_says)
{
	is_current("docs/config.md", config_print_docs, "--docs");
	is_current(
	    "schema/config.schema.json", config_print_schema, "--schema");
}

Test(config, the_schema_has_every_key)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	const struct json_limits limits = {1 << 20, 16, 10000};
	GK_AUTO(json_freep) struct json_value *schema = NULL;
	struct gk_err err = {0};

	cr_assert(config_print_schema(&buf, &err) == GK_OK);
	cr_assert(json_parse(gk_buf_text(&buf), buf.len, &limits, &schema,
		      &err) == GK_OK,
	    "%s at %s", err.text, err.where);
	for (int i = 0; i < CONFIG_COUNT; i++) {
		const char *name = config_keys[i].name,
			   *dot = strchr(name, '.');
		char pointer[160];

		if (dot == NULL) {
			(void)snprintf(pointer, sizeof(pointer),
			    "/properties/%s/description", name);
		} else {
			(void)snprintf(pointer, sizeof(pointer),
			    "/properties/%.*s/properties/%s/description",
			    (int)(dot - name), name, dot + 1);
		}
		cr_assert(json_string(json_at(schema, pointer)) != NULL, "%s",
		    pointer);
	}
}
