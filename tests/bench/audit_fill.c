/* Fills a journal through the gate, as a busy server would, without HTTP: audit_fill DATA_DIR POLICY_DIR EVENTS [STEPS [LANES]]. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "gate/gate.h"

/*
 * Traffic: LANES runs at once; each asks for STEPS actions of 30, for one of 200 tenants and one of 5000
 * people; what is allowed is reported; one step in 400 asks for a person, who grants or denies; the run is
 * ended.  Prints events per second, resident memory and what was asked.
 */
enum {
	LANES_MAX = 1024,
	TENANTS = 200,
	PEOPLE = 5000,
	ACTIONS = 30,
	APPROVAL_EVERY = 400,
	TOLD_EVERY = 500000,
};

enum lane_phase { ASKS, REPORTS, VOTES, ASKS_AGAIN, ENDS };

struct lane {
	struct lane *next;
	struct gate_call call;
	struct json_value *body;
	struct gate_param param; /* tenant_id */
	enum lane_phase phase;
	uint64_t run, step;
	bool denies;
	char run_id[32], tenant[16], decision_id[64], approval_id[64];
};

struct fill {
	struct gate *gate;
	struct gate_identities *identities;
	const struct identity *agent, *approver;
	uint64_t steps, goal, runs;
	uint64_t asked, allowed, approvals;
	size_t live;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct lane *ready; /* under lock */
};

static struct fill fill = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
static struct lane lanes[LANES_MAX];

static void
die(const char *what, const char *why)
{
	(void)fprintf(stderr, "audit_fill: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void
on_alert(void *ctx, const char *event, const char *text)
{
	(void)ctx;
	(void)fprintf(stderr, "%s: %s\n", event, text);
}

static double
seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Resident memory in KiB, from /proc/self/statm. */
static long
resident_kib(void)
{
	long total = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f != NULL) {
		if (fscanf(f, "%ld %ld", &total, &pages) != 2) {
			pages = 0;
		}
		(void)fclose(f);
	}
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static uint64_t
mixed(uint64_t n)
{
	n = (n ^ n >> 31) * UINT64_C(0x7fb5d329728ea185);
	n = (n ^ n >> 27) * UINT64_C(0x81dadef4bc2dd44d);
	return n ^ n >> 33;
}

static void
done(struct gate_call *call)
{
	struct lane *lane = call->user;

	pthread_mutex_lock(&fill.lock);
	lane->next = fill.ready;
	fill.ready = lane;
	(void)pthread_cond_signal(&fill.wake);
	pthread_mutex_unlock(&fill.lock);
}

/* The text after "name":" in a reply; "" when it isn't there. */
static void
take_text(const char *reply, const char *name, char *ret, size_t room)
{
	char key[40];
	const char *at, *end;

	(void)snprintf(key, sizeof(key), "\"%s\":\"", name);
	at = strstr(reply, key);
	ret[0] = '\0';
	if (at != NULL) {
		at += strlen(key);
		end = strchr(at, '"');
		if (end != NULL && (size_t)(end - at) < room) {
			memcpy(ret, at, (size_t)(end - at));
			ret[end - at] = '\0';
		}
	}
}

static void
make_ask(struct lane *lane, char text[1024])
{
	uint64_t h = mixed(lane->run * 1000 + lane->step);
	bool asks_a_person = h % APPROVAL_EVERY == 0;
	char grant[96] = "";

	if (lane->phase == ASKS_AGAIN) {
		(void)snprintf(grant, sizeof(grant), ",\"approval_id\":\"%s\"",
		    lane->approval_id);
	}
	(void)snprintf(text, 1024,
	    "{\"run_id\":\"%s\",\"step_id\":\"%" PRIu64
	    "%s\",\"tenant_id\":\"%s\","
	    "\"actor\":{\"type\":\"user\",\"id\":\"u_%" PRIu64
	    "\",\"roles\":[\"support\"]},\"action\":\"%s%" PRIu64
	    "\",\"args\":{\"order\":\"A-%" PRIu64 "\",\"amount\":%" PRIu64
	    ",\"currency\":\"EUR\",\"note\":\"the customer asks about the "
	    "state of an order and when it will arrive\"},"
	    "\"context\":{\"channel\":\"mail\"}%s}",
	    lane->run_id, lane->step,
	    lane->phase == ASKS_AGAIN ? ".granted" : "", lane->tenant,
	    mixed(lane->run) % PEOPLE, asks_a_person ? "refund.a" : "tool.a",
	    h / APPROVAL_EVERY % ACTIONS, h % 100000000, h % 500, grant);
}

static void
set_body(struct lane *lane, const char *text)
{
	struct gk_err err = {.rc = GK_OK};

	json_freep(&lane->body);
	if (text != NULL && json_parse(text, strlen(text), &json_limits_request,
				&lane->body, &err) != GK_OK) {
		die("a body", err.text);
	}
	lane->call.body = lane->body;
}

/* The lane's next call, as its phase says. */
static void
prepare(struct lane *lane)
{
	char text[1024];

	gate_call_done(&lane->call);
	switch (lane->phase) {
	case ASKS:
	case ASKS_AGAIN:
		gate_call_init(&lane->call, GATE_DECIDE);
		lane->call.caller = fill.agent;
		make_ask(lane, text);
		set_body(lane, text);
		fill.asked++;
		break;
	case REPORTS:
		gate_call_init(&lane->call, GATE_RESULT);
		lane->call.caller = fill.agent;
		lane->call.target = lane->decision_id;
		set_body(lane, "{\"status\":\"ok\",\"duration_ms\":12,"
			       "\"output\":{\"found\":3}}");
		break;
	case VOTES:
		gate_call_init(&lane->call,
		    lane->denies ? GATE_APPROVAL_DENY : GATE_APPROVAL_GRANT);
		lane->call.caller = fill.approver;
		lane->call.target = lane->approval_id;
		set_body(lane, "{\"comment\":\"seen\"}");
		break;
	case ENDS:
		gate_call_init(&lane->call, GATE_RUN_END);
		lane->call.caller = fill.agent;
		lane->call.target = lane->run_id;
		lane->param = (struct gate_param){"tenant_id", lane->tenant};
		lane->call.params = &lane->param;
		lane->call.param_count = 1;
		set_body(lane, NULL);
		break;
	}
	lane->call.user = lane;
	lane->call.done = done;
}

static void
next_step(struct lane *lane)
{
	lane->step++;
	lane->phase = lane->step < fill.steps ? ASKS : ENDS;
}

static void
begin_run(struct lane *lane)
{
	lane->run = fill.runs++;
	lane->step = 0;
	lane->phase = ASKS;
	(void)snprintf(lane->run_id, sizeof(lane->run_id), "run_%016" PRIx64,
	    mixed(lane->run + 1));
	(void)snprintf(lane->tenant, sizeof(lane->tenant), "t_%" PRIu64,
	    mixed(lane->run) % TENANTS);
}

/* What comes after the answer; false: the lane has done enough. */
static bool
advance(struct lane *lane)
{
	const char *reply = gk_buf_text(&lane->call.reply);

	if (lane->call.outcome != GATE_OK &&
	    lane->call.outcome != GATE_CREATED) {
		die(lane->call.code == NULL ? "a call" : lane->call.code,
		    lane->call.detail == NULL ? reply : lane->call.detail);
	}
	if (lane->phase == ENDS) {
		if (fill.runs * fill.steps * 2 >= fill.goal) {
			return false;
		}
		begin_run(lane);
		return true;
	}
	if (lane->phase == VOTES) {
		lane->phase = ASKS_AGAIN;
		if (lane->denies) {
			next_step(lane);
		}
		return true;
	}
	if (lane->phase == REPORTS) {
		next_step(lane);
		return true;
	}
	take_text(
	    reply, "decision_id", lane->decision_id, sizeof(lane->decision_id));
	if (strstr(reply, "\"decision\":\"allow\"") != NULL) {
		fill.allowed++;
		lane->phase = REPORTS;
	} else if (lane->phase == ASKS &&
		   strstr(reply, "\"decision\":\"approval_required\"") !=
		       NULL) {
		take_text(reply, "approval_id", lane->approval_id,
		    sizeof(lane->approval_id));
		lane->denies = fill.approvals++ % 2 == 1;
		lane->phase = VOTES;
	} else {
		next_step(lane);
	}
	return true;
}

/* Go on with a lane until its call waits for the commit thread. */
static void
drive(struct lane *lane, bool begun)
{
	for (;;) {
		enum gate_step step = begun
					  ? gate_finish(fill.gate, &lane->call)
					  : gate_begin(fill.gate, &lane->call);

		if (step == GATE_QUEUED) {
			return;
		}
		if (!advance(lane)) {
			fill.live--;
			return;
		}
		prepare(lane);
		begun = false;
	}
}

static void
tell(double began, uint64_t *told)
{
	if (fill.asked >= *told) {
		(void)printf("%" PRIu64 " asked, %" PRIu64
			     " runs, %.0f asked/s, %ld KiB resident\n",
		    fill.asked, fill.runs,
		    (double)fill.asked / (seconds() - began), resident_kib());
		(void)fflush(stdout);
		*told += TOLD_EVERY;
	}
}

static void
play(size_t count)
{
	double began = seconds();
	uint64_t told = TOLD_EVERY;

	fill.live = count;
	for (size_t i = 0; i < count; i++) {
		begin_run(&lanes[i]);
		prepare(&lanes[i]);
		drive(&lanes[i], false);
	}
	while (fill.live > 0) {
		struct lane *lane;

		pthread_mutex_lock(&fill.lock);
		while (fill.ready == NULL) {
			(void)pthread_cond_wait(&fill.wake, &fill.lock);
		}
		lane = fill.ready;
		fill.ready = NULL;
		pthread_mutex_unlock(&fill.lock);
		while (lane != NULL) {
			struct lane *next = lane->next;

			drive(lane, true);
			lane = next;
		}
		tell(began, &told);
	}
}

static const char *const operator_can[] = {"operator"};
static const struct identity local_operator = {.id = "local:0",
    .kind = IDENTITY_SERVICE,
    .can = (const char **)(uintptr_t)operator_can,
    .can_count = 1};

static const struct identity *
make_identity(const char *json, struct gk_arena *arena)
{
	struct json_value *body = NULL;
	struct gate_identities *table;
	const struct identity *made;
	struct gate_call call;
	char token[128];

	gate_call_init(&call, GATE_IDENTITY_CREATE);
	call.caller = &local_operator;
	call.local = true;
	if (json_parse(json, strlen(json), &json_limits_request, &body, NULL) !=
	    GK_OK) {
		die("an identity", json);
	}
	call.body = body;
	gate_do(fill.gate, &call);
	take_text(gk_buf_text(&call.reply), "token", token, sizeof(token));
	table = gate_identities_pin(fill.gate);
	made = gate_identify(table, fill.gate, token);
	if (made == NULL) {
		die("an identity", gk_buf_text(&call.reply));
	}
	made = identity_copy(made, arena);
	gate_identities_unpin(table);
	gate_call_done(&call);
	json_free(body);
	return made;
}

static uint64_t
number(int argc, char **argv, int at, uint64_t otherwise)
{
	uint64_t n = 0;

	return at < argc && sscanf(argv[at], "%" SCNu64, &n) == 1 && n > 0
		   ? n
		   : otherwise;
}

int
main(int argc, char **argv)
{
	struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct gk_err err = {.rc = GK_OK};
	uint64_t count = number(argc, argv, 5, 256);
	struct gate_options options = {.run_idle_us = 24 * GK_US_PER_HOUR,
	    .max_clock_gap_us = 90 * GK_US_PER_DAY,
	    .queue = 4096,
	    .runs_per_identity = 1000000,
	    .admission_per_s = 10000000,
	    .admission_burst = 10000000,
	    .retention_days = 180,
	    .version = "bench",
	    .alert = on_alert};

	if (argc < 4) {
		(void)fprintf(stderr,
		    "usage: %s DATA_DIR POLICY_DIR EVENTS [STEPS [LANES]]\n"
		    "about EVENTS events: runs of STEPS (12) actions, LANES "
		    "(256) at once\n",
		    argv[0]);
		return 64;
	}
	options.data_dir = argv[1];
	options.policy_dir = argv[2];
	fill.goal = number(argc, argv, 3, 1000000);
	fill.steps = number(argc, argv, 4, 12);
	if (gate_open(&options, &fill.gate, &err) != GK_OK ||
	    gate_start(fill.gate, &err) != GK_OK) {
		die("the gate", err.text);
	}
	fill.agent = make_identity(
	    "{\"id\":\"fill\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"tenants\":[\"*\"],\"agent\":\"support-agent\","
	    "\"may_actors\":[\"*\"],\"may_roles\":[\"*\"]}",
	    &arena);
	fill.approver = make_identity(
	    "{\"id\":\"alice\",\"kind\":\"human\",\"person\":\"alice\","
	    "\"can\":[\"approver\"],\"tenants\":[\"*\"],"
	    "\"groups\":[\"finance\"]}",
	    &arena);
	play(count < LANES_MAX ? count : LANES_MAX);
	(void)printf("%" PRIu64 " asked, %" PRIu64 " allowed, %" PRIu64
		     " approvals, %" PRIu64 " runs; resident %ld KiB\n",
	    fill.asked, fill.allowed, fill.approvals, fill.runs,
	    resident_kib());
	for (size_t i = 0; i < LANES_MAX; i++) {
		gate_call_done(&lanes[i].call);
		json_freep(&lanes[i].body);
	}
	gate_stop(fill.gate);
	gate_close(fill.gate);
	gk_arena_done(&arena);
	return EXIT_SUCCESS;
}
