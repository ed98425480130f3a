/* `gatekeeper watch`: decisions as they are made, what waits for a person, and votes from the keyboard. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/cli_internal.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/timeline.h"
#include "cli/watch.h"
#include "cli/words.h"

enum {
	TOKEN_BYTES = 512,
	PATH_BYTES = 4096,
	READ_BYTES = 8192,
	TURN_MS = 1000, /* the time left is drawn anew */
};

#define WAIT_FIRST_US (GK_US_PER_S / 2)
#define WAIT_MAX_US   (15 * GK_US_PER_S)
#define SILENCE_US    (45 * GK_US_PER_S) /* three heartbeats */

static const char *const filters[][2] = {
    {"run-id", "run_id"},
    {"tenant-id", "tenant_id"},
    {"agent-id", "agent_id"},
    {"actor", "actor"},
    {"action", "action"},
    {"decision", "decision"},
    {"reason", "reason"},
    {"kind", "kind"},
};

static int64_t
now_us(void)
{
	return gk_clock_system.boot_us(gk_clock_system.ctx);
}

void
watch_copy(char *ret, size_t room, const char *text)
{
	size_t n = text == NULL ? 0 : strnlen(text, room - 1);

	memcpy(ret, text == NULL ? "" : text, n);
	ret[n] = '\0';
}

/* ---- what happened ---- */

/* What says little to who looks on: reads, housekeeping. */
static bool
is_quiet(const char *kind)
{
	static const char *const quiet[] = {
	    "access", "snapshot", "run", "retention", "boot", "close"};

	for (size_t i = 0; kind != NULL && i < GK_COUNT(quiet); i++) {
		if (strcmp(kind, quiet[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* "14:03:07" of an RFC 3339 time. */
static void
clock_of(const struct json_value *event, char ret[16])
{
	const char *time = words_get(event, "timestamp");

	(void)snprintf(ret, 16, "%.8s",
	    time != NULL && strlen(time) > 19 ? time + 11 : "--:--:--");
}

static void
print_event(const struct json_value *event, char ret[WATCH_LINE_BYTES])
{
	char time[16], what[TIMELINE_TEXT_BYTES];
	const char *verdict = timeline_verdict(event);
	const char *reason = words_get(event, "reason");
	const char *run = words_get(event, "run_id");
	const char *step = words_get(event, "step_id");

	clock_of(event, time);
	(void)snprintf(ret, WATCH_LINE_BYTES,
	    "%s  %-17.40s %.80s%s%.60s%s%.60s%s%.40s", time,
	    verdict[0] != '\0' ? verdict : words_get(event, "kind"),
	    timeline_summary(event, what), reason != NULL ? "  " : "",
	    reason != NULL ? reason : "", run != NULL ? "  " : "",
	    run != NULL ? run : "", step != NULL ? "/" : "",
	    step != NULL ? step : "");
}

static void
add_line(struct watch *watch, const char *text)
{
	if (watch->plain) {
		table_print_safe(text, watch->cli->out);
		(void)fputc('\n', watch->cli->out);
		return;
	}
	(void)snprintf(watch->lines[watch->line_count++ % WATCH_LINES],
	    WATCH_LINE_BYTES, "%s", text);
}

static bool
is_about_approvals(const struct json_value *event)
{
	const char *kind = words_get(event, "kind");
	const char *decision = words_get(event, "decision");

	return (kind != NULL && strcmp(kind, "approval") == 0) ||
	       (decision != NULL && strcmp(decision, "approval_required") == 0);
}

static void
take_message(struct watch *watch, const struct sse_event *got)
{
	GK_AUTO(json_freep) struct json_value *event = NULL;
	char line[WATCH_LINE_BYTES];

	if (watch->cli->json) {
		(void)fprintf(watch->cli->out, "%s\n", got->data);
		return;
	}
	if (json_parse(got->data, got->n, &watch_limits, &event, NULL) !=
	    GK_OK) {
		add_line(watch, "an event that can't be read");
		return;
	}
	watch->stale |= is_about_approvals(event);
	if (watch->all || !is_quiet(words_get(event, "kind"))) {
		print_event(event, line);
		add_line(watch, line);
	}
}

static enum gk_rc
take_event(void *ctx, const struct sse_event *got, struct gk_err *err)
{
	struct watch *watch = ctx;

	(void)err;
	if (strcmp(got->name, "message") == 0) {
		take_message(watch, got);
	} else if (strcmp(got->name, "approvals") == 0) {
		watch->stale = true;
		if (watch->cli->json) {
			(void)fprintf(
			    watch->cli->out, "{\"approvals\":%s}\n", got->data);
		}
	} else if (strcmp(got->name, "let_go") == 0 && !watch->cli->json) {
		add_line(watch,
		    "older events were let go since: some are missing here");
	}
	return GK_OK;
}

/* ---- the stream ---- */

static void
disconnect(struct watch *watch, const char *why)
{
	if (watch->fd >= 0) {
		(void)close(watch->fd);
		watch->fd = -1;
	}
	if (watch->sse.id[0] != '\0') {
		(void)snprintf(
		    watch->last, sizeof(watch->last), "%s", watch->sse.id);
	}
	watch_copy(watch->trouble, sizeof(watch->trouble), why);
	watch->again_us = now_us() + watch->wait_us;
	watch->wait_us =
	    watch->wait_us * 2 < WAIT_MAX_US ? watch->wait_us * 2 : WAIT_MAX_US;
}

static void
connect_stream(struct watch *watch)
{
	struct client_request request;
	struct gk_err err = {0};
	char admin[PATH_BYTES];

	session_address(&watch->session, admin, sizeof(admin), &request);
	request.path = gk_buf_text(&watch->path);
	request.after = watch->last[0] == '\0' ? NULL : watch->last;
	sse_done(&watch->sse);
	sse_init(&watch->sse);
	(void)snprintf(watch->sse.id, sizeof(watch->sse.id), "%s", watch->last);
	if (client_open(&request, &watch->fd, &err) != GK_OK) {
		watch->fd = -1;
		disconnect(watch, err.text);
	}
}

/* Refused: what won't change by itself ends the command. */
static void
refused(struct watch *watch)
{
	GK_AUTO(json_freep) struct json_value *problem = NULL;
	const char *text = gk_buf_text(&watch->sse.other);
	int status = watch->sse.status;
	char why[160];

	if (json_parse(text, watch->sse.other.len, &watch_limits, &problem,
		NULL) == GK_OK) {
		text = words_get(problem, "detail");
	} else {
		text = NULL;
	}
	(void)snprintf(why, sizeof(why), "%d: %s", status,
	    text != NULL ? text : "refused");
	disconnect(watch, why);
	watch->ends = status == 401 || status == 403  ? CLI_NO_PERMISSION
		      : status >= 400 && status < 429 ? CLI_DATA
						      : -1;
}

/* Some bytes are there, or the end. */
static void
read_stream(struct watch *watch)
{
	char bytes[READ_BYTES];
	struct gk_err err = {0};
	ssize_t n = recv(watch->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		if (watch->sse.status != 0 && watch->sse.status != 200) {
			refused(watch);
		} else {
			disconnect(watch, "the connection ended");
		}
		return;
	}
	if (sse_feed(&watch->sse, bytes, (size_t)n, take_event, watch, &err) !=
	    GK_OK) {
		disconnect(watch, err.text);
		return;
	}
	watch->again_us = now_us() + SILENCE_US;
	if (watch->sse.status == 200 && watch->sse.id[0] != '\0') {
		watch->stale |= watch->trouble[0] != '\0';
		watch->trouble[0] = '\0';
		watch->wait_us = WAIT_FIRST_US;
	}
	if (watch->sse.state == SSE_END) {
		disconnect(watch, "the stream ended");
	}
}

/* ---- the command ---- */

static void
take_signal(struct watch *watch, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info)) {
		return;
	}
	switch (info.ssi_signo) {
	case SIGWINCH:
	case SIGCONT:
		screen_measure(&watch->screen);
		break;
	case SIGTSTP:
		if (watch->screen.open) {
			screen_suspend(&watch->screen);
		}
		break;
	default:
		watch->ends = CLI_FINE;
	}
}

/* Signals as something to read; SIGTSTP only where the terminal is taken over. */
static int
open_signals(const struct watch *watch)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGQUIT);
	(void)sigaddset(&set, SIGWINCH);
	(void)sigaddset(&set, SIGCONT);
	if (!watch->plain) {
		(void)sigaddset(&set, SIGTSTP);
	}
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* What is due before the next wait; gives how long that may be. */
static int
turn(struct watch *watch)
{
	int64_t left;

	if (watch->fd < 0 && watch->ends < 0 && now_us() >= watch->again_us) {
		connect_stream(watch);
		watch->again_us =
		    watch->fd < 0 ? watch->again_us : now_us() + SILENCE_US;
	} else if (watch->fd >= 0 && now_us() >= watch->again_us) {
		disconnect(watch, "nothing was heard for too long");
	}
	if (watch->stale && !watch->plain) {
		watch_refresh(watch);
	}
	if (watch->plain) {
		(void)fflush(watch->cli->out);
		if (ferror(watch->cli->out)) {
			watch->ends = CLI_FINE; /* nobody reads any more */
		}
	} else {
		watch_look_back(watch);
		watch_draw(watch);
	}
	left = (watch->again_us - now_us()) / GK_US_PER_MS + 1;
	return left < 0 ? 0 : left < TURN_MS ? (int)left : TURN_MS;
}

static int
follow(struct watch *watch)
{
	struct pollfd fds[] = {{open_signals(watch), POLLIN, 0},
	    {-1, POLLIN, 0}, {watch->plain ? -1 : STDIN_FILENO, POLLIN, 0}};

	while (watch->ends < 0) {
		int ms = turn(watch);

		fds[1].fd = watch->fd;
		if (watch->ends >= 0 || poll(fds, GK_COUNT(fds), ms) <= 0) {
			continue;
		}
		if (fds[0].revents != 0) {
			take_signal(watch, fds[0].fd);
		}
		if (fds[1].revents != 0 && watch->fd >= 0) {
			read_stream(watch);
		}
		if (fds[2].revents != 0) {
			watch_read_keys(watch);
		}
	}
	if (fds[0].fd >= 0) {
		(void)close(fds[0].fd);
	}
	return watch->ends;
}

static int
print_path(struct watch *watch)
{
	struct cli *cli = watch->cli;
	struct ask ask = {.verb = GATE_EVENT_STREAM};
	const char *after = cli_flag(cli, "after", 0);
	struct gk_err err = {0};

	for (size_t i = 0; i < GK_COUNT(filters); i++) {
		ask_param(&ask, filters[i][1], cli_flag(cli, filters[i][0], 0));
		watch->all |= cli_flag(cli, filters[i][0], 0) != NULL;
	}
	if (after != NULL && (strlen(after) >= sizeof(watch->last) ||
				 after[strspn(after, "0123456789")] != '\0')) {
		return cli_fail(
		    cli, CLI_USAGE, "--after: expected an event's number");
	}
	watch_copy(watch->last, sizeof(watch->last), after);
	return ask_print_path(&ask, &watch->path, &err) == GK_OK
		   ? CLI_FINE
		   : cli_fail_err(cli, &err);
}

static int
begin(struct watch *watch, char token[TOKEN_BYTES])
{
	struct cli *cli = watch->cli;
	const char *named = secure_getenv("GATEKEEPER_TOKEN");
	int code = session_init(&watch->session, cli);

	if (code == CLI_FINE && (cli_has_flag(cli, "token-file") ||
				    (named != NULL && named[0] != '\0'))) {
		code = session_read_token(&watch->session, token, TOKEN_BYTES)
			   ? CLI_FINE
			   : CLI_USAGE;
		watch->votes = true;
	}
	watch->all = cli_has_flag(cli, "all");
	return code == CLI_FINE ? print_path(watch) : code;
}

static void
watch_done(struct watch *watch)
{
	screen_close(&watch->screen);
	if (watch->fd >= 0) {
		(void)close(watch->fd);
	}
	sse_done(&watch->sse);
	answer_done(&watch->pending);
	gk_buf_done(&watch->path);
	session_done(&watch->session);
	free(watch);
}

static void
watch_donep(struct watch **watch)
{
	if (*watch != NULL) {
		watch_done(*watch);
	}
}

/* A screen where a person sits at both ends; else lines. */
static bool
wants_screen(const struct cli *cli)
{
	const char *term = secure_getenv("TERM");

	return cli->out_tty && !cli->json && !cli_has_flag(cli, "plain") &&
	       isatty(STDIN_FILENO) && term != NULL && term[0] != '\0' &&
	       strcmp(term, "dumb") != 0;
}

static int
watch_run(struct cli *cli)
{
	GK_AUTO(watch_donep) struct watch *watch = calloc(1, sizeof(*watch));
	const char *no_colour = secure_getenv("NO_COLOR");
	char token[TOKEN_BYTES], why[sizeof(watch->trouble)];
	struct gk_err err = {0};
	int code;

	if (watch == NULL) {
		return cli_fail(cli, CLI_INTERNAL, "no memory");
	}
	watch->cli = cli;
	watch->fd = -1;
	watch->ends = -1;
	watch->wait_us = WAIT_FIRST_US;
	watch->stale = true;
	watch->path.cap = 1u << 16;
	watch_copy(watch->trouble, sizeof(watch->trouble), "connecting");
	sse_init(&watch->sse);
	watch->plain = !wants_screen(cli);
	code = begin(watch, token);
	if (code == CLI_FINE && !watch->plain &&
	    screen_open(&watch->screen, STDIN_FILENO, STDOUT_FILENO,
		no_colour == NULL || no_colour[0] == '\0', &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	code = code == CLI_FINE ? follow(watch) : code;
	screen_close(&watch->screen);
	watch_copy(why, sizeof(why), watch->trouble);
	return code == CLI_FINE || watch->ends < 0
		   ? code
		   : cli_fail(cli, code, "%s", why);
}

static const struct cli_flag watch_flags[] = {
    {"token-file", "FILE", false,
	"a person's token, to vote with; else GATEKEEPER_TOKEN"},
    {"run-id", "ID", false, "events of this run"},
    {"tenant-id", "ID", false, "of this tenant"},
    {"agent-id", "NAME", false, "of this agent"},
    {"actor", "ID", false, "on behalf of this actor"},
    {"action", "NAME", false, "of this action"},
    {"decision", "WORD", false, "allow, stop or approval_required"},
    {"reason", "WORD", false, "with this reason"},
    {"kind", "WORD", false, "decision, result, approval, kill_switch, ..."},
    {"after", "SEQ", false, "go on behind this event instead of now"},
    {"all", NULL, false, "also reads and housekeeping"},
    {"plain", NULL, false, "lines, also on a terminal"},
};

const struct cli_command cli__watch = {
    .path = "watch",
    .arguments = "",
    .summary = "decisions as they are made, and what waits for a person",
    .details =
	"On a terminal: what waits for a person, the riskiest first, what it "
	"is "
	"about, what had\n"
	"happened before in its run, and what was decided lately.\n"
	"Choose with the arrows or j and k; g grants and d denies: a comment, "
	"Enter, then y.\n"
	"b grants more than once, where the rule allows it: how often, for how "
	"long (30m), and up to\n"
	"which numbers; Enter alone takes what stands there.\n"
	"Escape goes back, q ends.  A vote needs a person's token; without one "
	"the operator\n"
	"of this machine looks on.  A token that isn't an auditor's sees "
	"approvals alone.\n\n"
	"Elsewhere, with --plain or with --json: a line per event.  A lost "
	"connection is made\n"
	"again, and goes on behind the last event that was seen.\n\n"
	"  gatekeeper watch\n"
	"  GATEKEEPER_TOKEN=gk_... gatekeeper watch\n"
	"  gatekeeper watch --decision stop --json | jq .reason\n",
    .flags = watch_flags,
    .flag_count = GK_COUNT(watch_flags),
    .run = watch_run,
};
