/* Warnings at start: what others on this machine can read or change, and what crosses the network. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "main/main_internal.h"

/* What nobody else should be able to do with a file or folder of ours. */
struct guard {
	const char *path; /* NULL: not in use */
	mode_t mode;      /* bits that should be clear */
	const char *what; /* it means */
};

static void
warn_guard(const struct guard *guard)
{
	struct stat st;

	if (guard->path == NULL || stat(guard->path, &st) != 0) {
		return;
	}
	if ((st.st_mode & guard->mode) != 0) {
		gk_log(GK_LOG_WARN, "exposed", "%s (mode %03o): %s",
		    guard->path, (unsigned)(st.st_mode & 0777), guard->what);
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		gk_log(GK_LOG_WARN, "exposed",
		    "%s belongs to uid %u, who can change it", guard->path,
		    (unsigned)st.st_uid);
	}
}

void
main_warn(const struct config *config)
{
	const struct guard guards[] = {
	    {config->data_dir, S_IRWXG | S_IRWXO,
		"others can reach the journal and its keys; chmod 700"},
	    {config->policy_dir, S_IWGRP | S_IWOTH,
		"others can change the policy; chmod go-w"},
	    {config->file, S_IWGRP | S_IWOTH,
		"others can change the configuration; chmod go-w"},
	    {config->tls_key, S_IRWXG | S_IRWXO,
		"others can read the TLS key; chmod 600"},
	};

	for (size_t i = 0; i < GK_COUNT(guards); i++) {
		warn_guard(&guards[i]);
	}
	if (geteuid() == 0) {
		gk_log(GK_LOG_WARN, "root",
		    "running as root: give gatekeeper a user of its own");
	}
	if (config->tls_cert == NULL && !config_listen_local(config->listen)) {
		gk_log(GK_LOG_WARN, "insecure_http",
		    "%s without TLS: tokens cross the network in clear",
		    config->listen);
	}
}
