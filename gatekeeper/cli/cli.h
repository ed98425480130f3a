#ifndef GK_CLI_CLI_H
#define GK_CLI_CLI_H
/* The cli room's door: the command line, its flags and help, and the operator's commands. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "gate/gate.h"
#include "model/identity.h"

/* Exit codes: 0, 1 ("the answer is no"), verify's 3 and 4, else sysexits(3). */
enum cli_exit {
	CLI_FINE = 0,
	CLI_NO = 1,           /* tampered, invalid, refused, not found */
	CLI_UNVERIFIABLE = 3, /* verify: a key is missing */
	CLI_UNWITNESSED = 4,  /* verify: cosignatures are missing */
	CLI_USAGE = 64,       /* the command line is wrong */
	CLI_DATA = 65, /* a policy, a journal or somebody's answer is broken */
	CLI_NO_INPUT = 66,    /* a file that was named can't be read */
	CLI_UNAVAILABLE = 69, /* the server answers, but not now */
	CLI_INTERNAL = 70,
	CLI_NO_CREATE = 73, /* a file can't be written */
	CLI_IO = 74,
	CLI_BUSY = 75, /* somebody else holds the data directory */
	CLI_NO_PERMISSION = 77,
	CLI_CONFIG = 78,
};

struct cli;

/* One flag of a command: "--name", or "--name VALUE" where value isn't NULL. */
struct cli_flag {
	const char *name;  /* without the dashes */
	const char *value; /* what it takes, for help: "FILE"; NULL: nothing */
	bool many;         /* may be given more than once */
	const char *text;  /* one sentence for help */
};

/* One command.  Commands are constant tables that stand beside their code. */
struct cli_command {
	const char *path;      /* "token create" */
	const char *arguments; /* "RUN_ID", "[DIR]"; "" */
	const char *summary;   /* one line */
	const char *details;   /* more for --help, with examples */
	const char
	    *exits; /* its exit codes, a line each; NULL: the usual ones */
	const struct cli_flag *flags;
	size_t flag_count;
	size_t min_args, max_args;
	int (*run)(struct cli *cli); /* gives the exit code */
};

/* What the configuration says to commands.  Strings live as long as the struct cli's user. */
struct cli_settings {
	const char *file;   /* of the configuration; NULL: there is none */
	const char *listen; /* HOST:PORT, [IPv6]:PORT or unix:PATH */
	const char *host;   /* a Host header that the server accepts */
	bool tls;           /* listen speaks TLS */
	struct gate_options gate;
};

/*
 * A GET that a command sends to another server, whose address the operator named.
 * Any status is an answer; the answer's bytes are appended to a buffer, whose cap
 * bounds them.  No redirect is followed.  Errors: as out_send().
 */
struct cli_fetch {
	const char *url;     /* http://… or https://… */
	const char *ca_file; /* PEM; NULL: the system's authorities */
	const char *token;   /* NULL: none */
};

#define CLI_ARGS_MAX  64
#define CLI_GIVEN_MAX 128

struct cli_given {
	const struct cli_flag *flag;
	const char *value; /* NULL where the flag takes none */
};

/*
 * One run of the command line.  The caller zeroes it and fills the first part;
 * all of it outlives the run.
 */
struct cli {
	const char *version;
	FILE *out, *err;       /* answers; and what is said about them */
	bool out_tty, err_tty; /* a person is looking */
	const struct cli_command *const
	    *more; /* commands that main brings along */
	size_t more_count;
	/* Read the configuration by --config and --set.  Errors: GK_E_INVALID … */
	enum gk_rc (*load)(
	    struct cli *cli, struct cli_settings *ret, struct gk_err *err);
	/* Append a commented configuration file. */
	enum gk_rc (*print_sample)(struct gk_buf *buf, struct gk_err *err);
	/* Ask another server; connections are kept between calls. */
	enum gk_rc (*fetch)(struct cli *cli, const struct cli_fetch *what,
	    int *ret_status, struct gk_buf *body, struct gk_err *err);
	void *user; /* main's own */

	/* filled by cli_run() */
	const struct cli_command *command;
	bool json;
	const char *args[CLI_ARGS_MAX];
	size_t arg_count;
	struct cli_given given[CLI_GIVEN_MAX];
	size_t given_count;
};

/* Parse and run a whole command line; gives the exit code. */
int cli_run(struct cli *cli, int argc, char **argv);

/* The value of a flag, the i-th of one that may be given often; NULL: not given (that often). */
const char *cli_flag(const struct cli *cli, const char *name, size_t i);
bool cli_has_flag(const struct cli *cli, const char *name);

/* Say "gatekeeper: <text>" and give code. */
int cli_fail(struct cli *cli, int code, const char *fmt, ...) GK_PRINTF(3, 4);
/* The same for an error's story; the code follows from its rc. */
int cli_fail_err(struct cli *cli, const struct gk_err *err);

/* Who acts through the admin socket or by the lock: operator and auditor "local:<uid>". */
struct cli_local {
	struct identity identity; /* points into this struct: don't copy it */
	char id[24];
	const char *can[2];
	const char *tenants[1];
};
void cli_local_init(struct cli_local *local, uid_t uid);

/* data_dir/admin.sock; cut when it doesn't fit. */
void cli_admin_path(const char *data_dir, char *ret_path, size_t room);

/*
 * The problems in a refusal's JSON ({"problems":[…]}), a line each:
 * "file:line:column: error: text (hint)".  Nothing for anything else.
 */
void cli_each_problem(const char *json, size_t n,
    void (*line)(void *ctx, const char *text), void *ctx);

/* The word of words that text may have been meant to be; NULL: none is near. */
const char *cli_nearest(
    const char *text, const char *const *words, size_t count);

/* Append a whole file.  Errors: GK_E_IO, GK_E_LIMIT (buf's cap), GK_E_NOMEM. */
enum gk_rc cli_read_file(
    const char *path, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* Append the whole of docs/cli.md: every command's help. */
enum gk_rc cli_print_docs(
    const struct cli *cli, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

#endif
