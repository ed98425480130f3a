/* The table of programs that run other commands. */

#include "cel/shell_wrapper.h"

#include <stddef.h>
#include <string.h>

#include "base/attr.h"

#define ROOT_LONGS                                                        \
	" --user --group --host --prompt --chdir --chroot --role --type " \
	"--close-from --other-user --command-timeout "
#define SHELL_LONGS " --rcfile --init-file "

static const struct cel__shell_wrapper wrappers[] = {
    {"sh", CEL__SHELL_SHELL, "oO", SHELL_LONGS, 0, false, false, ""},
    {"bash", CEL__SHELL_SHELL, "oO", SHELL_LONGS, 0, false, false, ""},
    {"dash", CEL__SHELL_SHELL, "oO", SHELL_LONGS, 0, false, false, ""},
    {"zsh", CEL__SHELL_SHELL, "oO", SHELL_LONGS, 0, false, false, ""},
    {"ksh", CEL__SHELL_SHELL, "oO", SHELL_LONGS, 0, false, false, ""},
    {"mksh", CEL__SHELL_SHELL, "oO", SHELL_LONGS, 0, false, false, ""},
    {"ash", CEL__SHELL_SHELL, "oO", SHELL_LONGS, 0, false, false, ""},
    {"rbash", CEL__SHELL_SHELL, "oO", SHELL_LONGS, 0, false, false, ""},
    {"eval", CEL__SHELL_JOINED, "", "", 0, false, false, ""},
    {"trap", CEL__SHELL_FIRST_WORD, "", "", 0, false, false, "lp"},
    {"env", CEL__SHELL_COMMAND, "uCa", " --unset --chdir --argv0 ", 0, true,
	false, ""},
    {"sudo", CEL__SHELL_COMMAND, "ugpCrtTUDRh", ROOT_LONGS, 0, true, false,
	"ev"},
    {"doas", CEL__SHELL_COMMAND, "uCa", "", 0, false, false, ""},
    {"pkexec", CEL__SHELL_COMMAND, "", " --user ", 0, false, false, ""},
    {"gosu", CEL__SHELL_COMMAND, "", "", 1, false, false, ""},
    {"su-exec", CEL__SHELL_COMMAND, "", "", 1, false, false, ""},
    {"fakeroot", CEL__SHELL_COMMAND, "lsibu", "", 0, false, false, ""},
    {"nohup", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"setsid", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"nice", CEL__SHELL_COMMAND, "n", " --adjustment ", 0, false, false, ""},
    {"ionice", CEL__SHELL_COMMAND, "cnpPu", " --class --classdata ", 0, false,
	false, ""},
    {"chrt", CEL__SHELL_COMMAND, "TPD", "", 1, false, false, ""},
    {"taskset", CEL__SHELL_COMMAND, "", "", 1, false, false, ""},
    {"numactl", CEL__SHELL_COMMAND, "iNCmpP", "", 0, false, false, ""},
    {"prlimit", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"systemd-run", CEL__SHELL_COMMAND, "pEMHutG",
	" --property --unit --slice ", 0, false, false, ""},
    {"time", CEL__SHELL_COMMAND, "fo", " --format --output ", 0, false, false,
	""},
    {"timeout", CEL__SHELL_COMMAND, "ks", " --kill-after --signal ", 1, false,
	false, ""},
    {"gtimeout", CEL__SHELL_COMMAND, "ks", " --kill-after --signal ", 1, false,
	false, ""},
    {"stdbuf", CEL__SHELL_COMMAND, "ioe", " --input --output --error ", 0,
	false, false, ""},
    {"unbuffer", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"caffeinate", CEL__SHELL_COMMAND, "tw", "", 0, false, false, ""},
    {"xvfb-run", CEL__SHELL_COMMAND, "nefps", "", 0, false, false, ""},
    {"strace", CEL__SHELL_COMMAND, "eoEpsuPaSObIX", "", 0, true, false, ""},
    {"ltrace", CEL__SHELL_COMMAND, "eoEpsuaAlnwx", "", 0, false, false, ""},
    {"valgrind", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"command", CEL__SHELL_COMMAND, "", "", 0, false, false, "vV"},
    {"builtin", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"exec", CEL__SHELL_COMMAND, "a", "", 0, false, false, ""},
    {"busybox", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"toybox", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"chroot", CEL__SHELL_COMMAND, "", " --userspec --groups ", 1, false, false,
	""},
    {"unshare", CEL__SHELL_COMMAND, "RwSG", "", 0, false, false, ""},
    {"nsenter", CEL__SHELL_COMMAND, "tSG", " --target ", 0, false, false, ""},
    {"setpriv", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"firejail", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"proxychains", CEL__SHELL_COMMAND, "f", "", 0, false, false, ""},
    {"proxychains4", CEL__SHELL_COMMAND, "f", "", 0, false, false, ""},
    {"torsocks", CEL__SHELL_COMMAND, "uPa", "", 0, false, false, ""},
    {"torify", CEL__SHELL_COMMAND, "", "", 0, false, false, ""},
    {"xargs", CEL__SHELL_COMMAND, "InPdaELsJR",
	" --replace --max-args --max-procs --delimiter --arg-file --max-lines "
	"--max-chars ",
	0, false, true, ""},
    {"entr", CEL__SHELL_COMMAND, "", "", 0, false, true, ""},
    {"parallel", CEL__SHELL_JOINED, "jNIaS", " --jobs --max-args --arg-file ",
	0, false, true, ""},
    {"watch", CEL__SHELL_JOINED, "n", " --interval ", 0, false, false, ""},
    {"ssh", CEL__SHELL_JOINED, "bcDEeFIiJLlmOopQRSWwB", "", 1, false, false,
	""},
    {"su", CEL__SHELL_OPTION_C, "cgGsw", " --command --group --shell ", 0,
	false, false, ""},
    {"runuser", CEL__SHELL_OPTION_C, "cgGsuw",
	" --command --group --shell --user ", 0, false, false, ""},
    {"script", CEL__SHELL_OPTION_C, "cEIOBTmo", " --command ", 0, false, false,
	""},
    {"flock", CEL__SHELL_COMMAND, "wEc", " --timeout --wait --command ", 1,
	false, false, ""},
    {"sg", CEL__SHELL_OPTION_C, "c", "", 0, false, false, ""},
    {"nix-shell", CEL__SHELL_OPTION_C, "pAI", " --run --command ", 0, false,
	false, ""},
    {"find", CEL__SHELL_EXEC, "", "", 0, false, true, ""},
    {"fd", CEL__SHELL_EXEC, "", "", 0, false, true, ""},
    {"fdfind", CEL__SHELL_EXEC, "", "", 0, false, true, ""},
    {"kubectl", CEL__SHELL_BEHIND, "", "", 0, false, false, ""},
    {"oc", CEL__SHELL_BEHIND, "", "", 0, false, false, ""},
    {"docker", CEL__SHELL_RUN, "", "", 1, false, false, ""},
    {"podman", CEL__SHELL_RUN, "", "", 1, false, false, ""},
    {"nerdctl", CEL__SHELL_RUN, "", "", 1, false, false, ""},
    {"docker-compose", CEL__SHELL_RUN, "", "", 1, false, false, ""},
    {"poetry", CEL__SHELL_RUN, "", "", 0, false, false, ""},
    {"uv", CEL__SHELL_RUN, "", "", 0, false, false, ""},
    {"pipenv", CEL__SHELL_RUN, "", "", 0, false, false, ""},
    {"pdm", CEL__SHELL_RUN, "", "", 0, false, false, ""},
    {"hatch", CEL__SHELL_RUN, "", "", 0, false, false, ""},
    {"rye", CEL__SHELL_RUN, "", "", 0, false, false, ""},
    {"conda", CEL__SHELL_RUN, "", "", 0, false, false, ""},
    {"bundle", CEL__SHELL_RUN, "", "", 0, false, false, ""},
    {"direnv", CEL__SHELL_RUN, "", "", 1, false, false, ""},
};

const struct cel__shell_wrapper *
cel__shell_wrapper_of(const char *name)
{
	for (size_t i = 0; i < GK_COUNT(wrappers); i++) {
		if (strcmp(wrappers[i].name, name) == 0) {
			return &wrappers[i];
		}
	}
	return NULL;
}
