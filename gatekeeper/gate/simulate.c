/* POST /v1/policy/simulate: recorded decisions under a policy that is sent along, or one that was in force. */
#include <string.h>

#include "codec/canon.h"
#include "gate/gate_internal.h"
#include "gate/replay.h"

enum {
	BUNDLE_CAP = 2 << 20,
	/* a reader's time is everybody's: longer spans are `policy replay`'s */
	DECISIONS_MAX = 100000,
	EVENTS_MAX = 1000000,
};

/* {"files":[{"name","text"}…]} or {"digest"}; since, until. */
struct simulate_body {
	const struct json_value *files;
	const char *digest;
	const char *since, *until;
};

static const struct record_field simulate_fields[] = {
    {.name = "digest",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct simulate_body, digest)},
    {.name = "files",
	.kind = RECORD_JSON,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct simulate_body, files)},
    {.name = "since",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct simulate_body, since)},
    {.name = "until",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct simulate_body, until)},
};
static const struct record_type simulate_type = {"simulation",
    sizeof(struct simulate_body), simulate_fields, GK_COUNT(simulate_fields)};

struct simulate {
	struct simulate_body body;
	int64_t since_us, until_us;
};

static bool
read_time(
    struct gate_call *call, const char *name, const char *text, int64_t *ret_us)
{
	if (text == NULL || gk_time_parse(text, ret_us, NULL) == GK_OK) {
		return true;
	}
	call->pointer = name;
	(void)gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
	    "expected an RFC 3339 time");
	return false;
}

enum gate_go
simulate_begin(struct gate *gate, struct gate_call *call)
{
	struct simulate *simulate = gate__data(call, sizeof(*simulate));
	struct gk_err err = {.rc = GK_OK};

	(void)gate;
	if (simulate == NULL) {
		return GO_DONE;
	}
	if (!gate__sees_all(call)) {
		return GO_DONE;
	}
	if (call->body == NULL ||
	    record_decode(&simulate_type, call->body, &call->arena,
		&simulate->body, &err) != GK_OK) {
		return gate__bad_request(call, "invalid_request", &err);
	}
	if ((simulate->body.files == NULL) == (simulate->body.digest == NULL)) {
		return gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "either the files of a policy or a digest is needed");
	}
	return read_time(
		   call, "/since", simulate->body.since, &simulate->since_us) &&
		       read_time(call, "/until", simulate->body.until,
			   &simulate->until_us)
		   ? GO_COMMIT
		   : GO_DONE;
}

enum gk_rc
simulate_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	work->go = GO_READ;
	return gate__note_access(gate, work->call, "simulate", true, err);
}

/* The candidate's bundle: as it was sent, or as it was kept.  *ret_found false: told. */
static enum gk_rc
find_bundle(struct gate_reader *reader, struct gate_work *work,
    struct gk_buf *bundle, bool *ret_found, struct gk_err *err)
{
	struct simulate *simulate = work->data;

	*ret_found = true;
	if (simulate->body.digest == NULL) {
		GK_TRY(gk_buf_puts(bundle, "{\"files\":", err));
		GK_TRY(canon_print(simulate->body.files, bundle, err));
		return gk_buf_putc(bundle, '}', err);
	}
	GK_TRY(journal_policy_text(
	    reader->journal, simulate->body.digest, bundle, ret_found, err));
	if (!*ret_found) {
		(void)gate__not_found(work->call);
	}
	return GK_OK;
}

/* NULL: the problems are told, 422. */
static enum gk_rc
load(struct gate_work *work, const struct gk_buf *bundle,
    struct policy **ret_policy, struct gk_err *err)
{
	GK_AUTO(policy_report_done) struct policy_report report = {.errors = 0};
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc = policy_load_bundle(
	    gk_buf_text(bundle), bundle->len, ret_policy, &report, &why);

	if (rc == GK_OK) {
		return GK_OK;
	}
	if (rc == GK_E_NOMEM) {
		return GK_FAIL(err, rc, "%s", why.text);
	}
	*ret_policy = NULL;
	GK_TRY(gate__print_problems(&report, &work->call->reply, err));
	(void)gate__problem(work->call, GATE_INVALID, "policy_invalid",
	    gk_arena_strdup(&work->call->arena, why.text));
	return GK_OK;
}

enum gk_rc
simulate_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf bundle = GK_BUF_INIT(BUNDLE_CAP);
	GK_AUTO(policy_unpinp) struct policy *policy = NULL;
	struct simulate *simulate = work->data;
	struct gate_call *call = work->call;
	struct replay_options options = {.data_dir = gate->options.data_dir,
	    .since_us = simulate->since_us,
	    .until_us = simulate->until_us,
	    .decisions_max = DECISIONS_MAX,
	    .events_max = EVENTS_MAX};
	struct gk_err why = {.rc = GK_OK};
	bool found;
	enum gk_rc rc;

	GK_TRY(find_bundle(reader, work, &bundle, &found, err));
	if (!found) {
		return GK_OK;
	}
	GK_TRY(load(work, &bundle, &policy, err));
	if (policy == NULL) {
		return GK_OK;
	}
	options.policy = policy;
	rc = replay_run(&options, &call->reply, &why);
	if (rc == GK_E_LIMIT) {
		gk_buf_clear(&call->reply);
		(void)gate__problem(call, GATE_BAD_REQUEST, "too_much",
		    gk_arena_strdup(&call->arena, why.text));
		return GK_OK;
	}
	if (rc != GK_OK) {
		return GK_FAIL(err, rc, "%s", why.text);
	}
	call->outcome = GATE_OK;
	return GK_OK;
}
