/* `gatekeeper init`: a configuration, a policy to begin with, keys and an empty journal; never over what is there. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cli_internal.h"

#define PATH_BYTES 4096

static const char start_policy[] =
    "# What agents may do; everything else is stopped.  After a change:\n"
    "#   gatekeeper policy check && gatekeeper policy reload\n"
    "policy: start\n"
    "default: stop\n"
    "\n"
    "allow:\n"
    "  - id: reading\n"
    "    actions: [\"*.search\", \"*.read\", \"*.list\"]\n"
    "  - id: writing\n"
    "    actions: [\"*.create\", \"*.update\"]\n"
    "\n"
    "limits:\n"
    "  - id: per-agent\n"
    "    per: agent\n"
    "    rate: 120/min\n"
    "    burst: 40\n"
    "    reason: rate_limited_agent\n"
    "\n"
    "approvals:\n"
    "  - id: writing-needs-a-person\n"
    "    actions: [\"*.create\", \"*.update\"]\n"
    "    reason: writing_needs_approval\n"
    "    approvers: {groups: [operators], count: 1}\n"
    "    expires: 30m\n"
    "    grant_valid: 15m\n";

static void
say(struct cli *cli, const char *what, const char *path)
{
	(void)fprintf(cli->out, "%-5s %s\n", what, path);
}

static int
failed(struct cli *cli, const char *path)
{
	return cli_fail(
	    cli, CLI_NO_CREATE, "%s: %s", path, strerrordesc_np(errno));
}

/* A folder that is there is kept; *ret_made tells. */
static int
make_dir(struct cli *cli, const char *path, mode_t mode, bool *ret_made)
{
	struct stat st;

	*ret_made = false;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		return CLI_FINE;
	}
	if (mkdir(path, mode) != 0) {
		return failed(cli, path);
	}
	*ret_made = true;
	return CLI_FINE;
}

static int
write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done < 0) {
			return -1;
		}
		text += done;
		n -= (size_t)done;
	}
	return fsync(fd);
}

/* A file that is there is kept. */
static int
make_file(struct cli *cli, const char *path, const char *text, size_t n)
{
	GK_AUTO(cli__closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST) {
		say(cli, "kept", path);
		return CLI_FINE;
	}
	if (fd < 0 || write_all(fd, text, n) != 0) {
		return failed(cli, path);
	}
	say(cli, "made", path);
	return CLI_FINE;
}

static int
make_config(struct cli *cli, const char *path)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(1u << 20);
	struct gk_err err = {0};

	if (cli->print_sample(&text, &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	return make_file(cli, path, gk_buf_text(&text), text.len);
}

/* A policy to begin with, only in a folder that wasn't there. */
static int
make_policies(struct cli *cli, const char *dir, const char *file)
{
	bool made;
	int code = make_dir(cli, dir, 0700, &made);

	if (code != CLI_FINE) {
		return code;
	}
	if (!made) {
		say(cli, "kept", dir);
		return CLI_FINE;
	}
	return make_file(cli, file, start_policy, strlen(start_policy));
}

/* Keys and the first events, by opening a gate and closing it. */
static int
make_journal(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(gk_buf_done) struct gk_buf path = GK_BUF_INIT(PATH_BYTES);
	struct gk_err err = {0};
	int code = session_init(&session, cli);

	if (code != CLI_FINE) {
		return code;
	}
	if (gk_buf_printf(&path, &err, "%s/journal.db",
		session.settings.gate.data_dir) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	if (access(gk_buf_text(&path), F_OK) == 0) {
		say(cli, "kept", session.settings.gate.data_dir);
		return CLI_FINE;
	}
	code = session_open(&session);
	if (code != CLI_FINE) {
		return code;
	}
	say(cli, "made", session.settings.gate.data_dir);
	(void)fprintf(cli->out,
	    "\nverifier key, keep a copy elsewhere:\n  %s\n",
	    gate_vkey(session.gate));
	return CLI_FINE;
}

/* What to do next, with the configuration's path as it is. */
static void
print_next(struct cli *cli, const char *config)
{
	(void)fprintf(cli->out,
	    "\nnext:\n"
	    "  gatekeeper token create --config %s --id agent-1 --kind agent "
	    "--can agent --tenant t_1\n"
	    "  gatekeeper token create --config %s --id alice --kind human "
	    "--can approver --group operators --tenant '*'\n"
	    "  gatekeeper serve --config %s\n",
	    config, config, config);
}

/* All of it, in the order in which each needs the other. */
static int
make_all(struct cli *cli, const char *dir, const char *config,
    struct gk_arena *arena)
{
	const char *policies = gk_arena_printf(arena, "%s/policies", dir);
	const char *policy =
	    gk_arena_printf(arena, "%s/policies/start.yaml", dir);
	bool made;
	int code;

	if (policies == NULL || policy == NULL) {
		return cli_fail(cli, CLI_INTERNAL, "no memory for paths");
	}
	code = make_dir(cli, dir, 0700, &made);
	if (code == CLI_FINE) {
		code = make_config(cli, config);
	}
	if (code == CLI_FINE) {
		code = make_policies(cli, policies, policy);
	}
	if (code == CLI_FINE) {
		code = make_journal(cli);
	}
	return code;
}

static int
init(struct cli *cli)
{
	static const struct cli_flag config_flag = {
	    "config", "FILE", false, NULL};
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(64u << 10);
	const char *dir = cli->arg_count > 0 ? cli->args[0] : ".";
	const char *config = gk_arena_printf(&arena, "%s/gatekeeper.yaml", dir);
	int code;

	if (cli_has_flag(cli, "config") || cli->given_count == CLI_GIVEN_MAX ||
	    config == NULL) {
		return cli_fail(cli, CLI_USAGE,
		    "init takes a folder, and writes gatekeeper.yaml in it");
	}
	cli->given[cli->given_count++] =
	    (struct cli_given){&config_flag, config};
	code = make_all(cli, dir, config, &arena);
	if (code == CLI_FINE) {
		print_next(cli, config);
	}
	return code;
}

const struct cli_command cli__init = {
    .path = "init",
    .arguments = "[DIR]",
    .summary = "make a configuration, a policy to begin with, and keys",
    .details = "Writes gatekeeper.yaml with every key and its default, "
	       "policies/start.yaml, and the data\n"
	       "folder with keys and an empty journal.  What is there already "
	       "is kept as it is.\n\n"
	       "  gatekeeper init /etc/gatekeeper\n",
    .exits = "0   done\n"
	     "64  the command line is wrong\n"
	     "65  the policy or journal that is there is broken\n"
	     "73  a file or folder can't be made\n"
	     "74  reading or writing failed\n"
	     "75  somebody else holds the data directory\n"
	     "78  the configuration that is there is wrong\n",
    .max_args = 1,
    .run = init,
};
