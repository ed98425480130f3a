/* A gate in a temporary folder with a clock that stands still until it is moved. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "codec/canon.h"
#include "fixture.h"

const char house_policy[] = "policy: test\n"
			    "allow:\n"
			    "  - id: reads\n"
			    "    actions: [\"kb.*\", crm.search]\n"
			    "  - id: refunds\n"
			    "    actions: [refund.create]\n"
			    "limits:\n"
			    "  - id: crm-per-tenant\n"
			    "    actions: [crm.search]\n"
			    "    per: tenant\n"
			    "    rate: 1/min\n"
			    "    burst: 2\n"
			    "    reason: rate_limited_tenant\n"
			    "approvals:\n"
			    "  - id: refunds-need-a-human\n"
			    "    actions: [refund.create]\n"
			    "    reason: refund_needs_approval\n"
			    "    approvers: {groups: [finance], count: 1}\n"
			    "    show: [/order, /amount, /email, /card]\n"
			    "    expires: 30m\n"
			    "    grant_valid: 15m\n";

static const char *const operator_can[] = {"operator"};
const struct identity house_operator = {.id = "local:0",
    .kind = IDENTITY_SERVICE,
    .can = (const char **)(uintptr_t)operator_can,
    .can_count = 1};

static int64_t
wall(void *ctx)
{
	return atomic_load(&((struct house *)ctx)->wall_us);
}

static int64_t
boot(void *ctx)
{
	return atomic_load(&((struct house *)ctx)->boot_us);
}

static void
alert(void *ctx, const char *event, const char *text)
{
	struct house *house = ctx;

	(void)text;
	atomic_fetch_add(&house->alerts, 1);
	(void)snprintf(
	    house->last_alert, sizeof(house->last_alert), "%s", event);
}

void
house_init(struct house *house, const char *policy)
{
	static const char *const redact[] = {"email", "phone", "card_number"};

	memset(house, 0, sizeof(*house));
	/* In memory where that is: what a disk does, and loses, is tests/crash/'s. */
	(void)snprintf(house->root, sizeof(house->root), "%s/gk-gate-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	GK_ASSERT(mkdtemp(house->root) != NULL);
	(void)snprintf(
	    house->data, sizeof(house->data), "%s/data", house->root);
	(void)snprintf(house->policies, sizeof(house->policies), "%s/policies",
	    house->root);
	GK_ASSERT(mkdir(house->policies, 0700) == 0);
	house_write_policy(house, policy);
	house->wall_us = INT64_C(1763885640) * GK_US_PER_S;
	house->boot_us = INT64_C(1000) * GK_US_PER_S;
	house->clock = (struct gk_clock){wall, boot, house};
	house->options = (struct gate_options){
	    .data_dir = house->data,
	    .policy_dir = house->policies,
	    .version = "test",
	    .clock = &house->clock,
	    .run_idle_us = 24 * GK_US_PER_HOUR,
	    .max_clock_gap_us = 90 * GK_US_PER_DAY,
	    .result_grace_us = 0,
	    .queue = 64,
	    .runs_per_identity = 1000,
	    .retention_days = 180,
	    .redact_fields = redact,
	    .redact_count = GK_COUNT(redact),
	    .alert = alert,
	    .alert_ctx = house,
	};
}

void
house_write_policy(struct house *house, const char *text)
{
	char path[128], new[136];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/test.yaml", house->policies);
	(void)snprintf(new, sizeof(new), "%s.new", path);
	file = fopen(new, "w");
	GK_ASSERT(file != NULL);
	GK_ASSERT(fputs(text, file) >= 0 && fclose(file) == 0);
	GK_ASSERT(rename(new, path) == 0);
}

void
house_start(struct house *house)
{
	struct gk_err err = {.rc = GK_OK};

	if (gate_open(&house->options, &house->gate, &err) != GK_OK ||
	    gate_start(house->gate, &err) != GK_OK) {
		(void)fprintf(stderr, "gate: %s: %s\n", err.where, err.text);
		abort();
	}
}

void
house_stop(struct house *house)
{
	if (house->gate != NULL) {
		gate_stop(house->gate);
		gate_close(house->gate);
		house->gate = NULL;
	}
}

static void
remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char inner[512];

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0) {
			continue;
		}
		(void)snprintf(
		    inner, sizeof(inner), "%s/%s", path, entry->d_name);
		if (unlink(inner) != 0) {
			remove_folder(inner);
		}
	}
	if (dir != NULL) {
		(void)closedir(dir);
	}
	(void)rmdir(path);
}

void
house_done(struct house *house)
{
	house_stop(house);
	remove_folder(house->root);
}

void
house_pass(struct house *house, int64_t us)
{
	atomic_fetch_add(&house->wall_us, us);
	atomic_fetch_add(&house->boot_us, us);
}

struct json_value *
house_json(const char *fmt, ...)
{
	struct json_value *json = NULL;
	struct gk_err err = {.rc = GK_OK};
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	GK_ASSERT(n >= 0 && (size_t)n < sizeof(text));
	if (json_parse(text, (size_t)n, &json_limits_request, &json, &err) !=
	    GK_OK) {
		(void)fprintf(
		    stderr, "%s: %s\n%s\n", err.where, err.text, text);
		abort();
	}
	return json;
}

void
house_call(struct gate_call *call, enum gate_verb verb,
    const struct identity *caller, const char *target, struct json_value *body)
{
	gate_call_init(call, verb);
	call->caller = caller;
	call->local = caller == &house_operator;
	call->target = target;
	call->body = body;
}

static void
take_answer(struct gate_call *call, struct answer *ret)
{
	struct gk_err err = {.rc = GK_OK};
	static const struct json_limits limits = {
	    .bytes = 1 << 20, .depth = 64, .values = 100000};

	memset(ret, 0, sizeof(*ret));
	ret->outcome = call->outcome;
	ret->more = call->more;
	(void)snprintf(ret->code, sizeof(ret->code), "%s",
	    call->code == NULL ? "" : call->code);
	ret->text = strdup(gk_buf_text(&call->reply));
	GK_ASSERT(ret->text != NULL);
	if (json_parse(gk_buf_text(&call->reply), call->reply.len, &limits,
		&ret->json, &err) != GK_OK) {
		ret->json = NULL; /* empty, or lines */
	}
}

struct answer
house_do(struct house *house, enum gate_verb verb,
    const struct identity *caller, const char *target, const char *body,
    const char *const *params)
{
	struct gate_param given[16];
	struct answer answer;
	struct gate_call call;

	house_call(&call, verb, caller, target,
	    body == NULL ? NULL : house_json("%s", body));
	for (; params != NULL && params[0] != NULL; params += 2) {
		given[call.param_count++] =
		    (struct gate_param){params[0], params[1]};
	}
	call.params = given;
	gate_do(house->gate, &call);
	take_answer(&call, &answer);
	json_free((struct json_value *)(uintptr_t)call.body);
	gate_call_done(&call);
	return answer;
}

void
answer_done(struct answer *answer)
{
	json_freep(&answer->json);
	free(answer->text);
	answer->text = NULL;
}

const char *
answer_text(const struct answer *answer, const char *pointer)
{
	static _Thread_local char texts[8][4096];
	static _Thread_local unsigned next;
	char *text = texts[next++ % 8];
	const struct json_value *value =
	    answer->json == NULL ? NULL : json_at(answer->json, pointer);
	struct gk_buf buf = GK_BUF_INIT(1 << 20);

	text[0] = '\0';
	if (value == NULL) {
		return text;
	}
	if (json_string(value) != NULL) {
		(void)snprintf(text, 4096, "%s", json_string(value));
		return text;
	}
	GK_ASSERT(canon_print(value, &buf, NULL) == GK_OK);
	(void)snprintf(text, 4096, "%s", gk_buf_text(&buf));
	gk_buf_done(&buf);
	return text;
}

int64_t
answer_int(const struct answer *answer, const char *pointer)
{
	const struct json_value *value =
	    answer->json == NULL ? NULL : json_at(answer->json, pointer);
	int64_t n = -1;

	return value != NULL && json_int(value, &n) ? n : -1;
}

/* Copies that outlive the tables they come from; few tests make more than a dozen. */
static struct gk_arena kept = GK_ARENA_INIT(1 << 20);

const struct identity *
house_identity(struct house *house, const char *json)
{
	struct answer made = house_do(
	    house, GATE_IDENTITY_CREATE, &house_operator, NULL, json, NULL);
	struct gate_identities *table = gate_identities_pin(house->gate);
	const struct identity *identity = NULL;

	if (made.outcome == GATE_CREATED) {
		identity = gate_identify(
		    table, house->gate, answer_text(&made, "/token"));
	}
	if (identity == NULL) {
		(void)fprintf(stderr, "identity: %s\n", made.text);
		abort();
	}
	identity = identity_copy(identity, &kept);
	gate_identities_unpin(table);
	answer_done(&made);
	return identity;
}

struct answer
house_ask(struct house *house, const struct identity *agent, const char *run,
    const char *step, const char *action, const char *more)
{
	char body[4096];

	(void)snprintf(body, sizeof(body),
	    "{\"run_id\":\"%s\",\"step_id\":\"%s\",\"action\":\"%s\"%s%s}", run,
	    step, action, more == NULL ? ",\"args\":{}" : ",",
	    more == NULL ? "" : more);
	return house_do(house, GATE_DECIDE, agent, NULL, body, NULL);
}

bool
house_until(bool (*check)(void *ctx), void *ctx)
{
	const struct timespec pause = {0, 5000000};

	for (int i = 0; i < 2000; i++) {
		if (check(ctx)) {
			return true;
		}
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static bool
file_holds(const char *path, const char *text)
{
	FILE *file = fopen(path, "rb");
	struct gk_buf bytes = GK_BUF_INIT(64 << 20);
	char part[4096];
	bool found;
	size_t n;

	if (file == NULL) {
		return false;
	}
	while ((n = fread(part, 1, sizeof(part), file)) > 0) {
		GK_ASSERT(gk_buf_add(&bytes, part, n, NULL) == GK_OK);
	}
	(void)fclose(file);
	found = bytes.len > 0 &&
		memmem(bytes.bytes, bytes.len, text, strlen(text)) != NULL;
	gk_buf_done(&bytes);
	return found;
}

bool
house_holds(struct house *house, const char *text)
{
	DIR *dir = opendir(house->data);
	struct dirent *entry;
	char path[512];
	bool found = false;

	GK_ASSERT(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", house->data, entry->d_name);
		found = found || file_holds(path, text);
	}
	(void)closedir(dir);
	return found;
}
