/* File descriptors: as many as the system gives, and no more connections than these hold. */
#include <inttypes.h>
#include <sys/resource.h>

#include "base/log.h"
#include "main/main_internal.h"

/* For the journal, its readers, logs, sockets and what is shipped. */
#define DESCRIPTORS_OWN 128
#define CONNECTIONS_MIN 32

static rlim_t
raise_limit(rlim_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return wanted;
	}
	if (limit.rlim_cur < wanted) {
		struct rlimit more = {.rlim_max = limit.rlim_max};

		more.rlim_cur =
		    wanted < limit.rlim_max ? wanted : limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
			return more.rlim_cur;
		}
	}
	return limit.rlim_cur;
}

int64_t
main_descriptors(const struct config *config)
{
	int64_t asked = config->max_connections, fits;
	rlim_t wanted = (rlim_t)asked + DESCRIPTORS_OWN;
	rlim_t given = raise_limit(wanted);

	if (given >= wanted) {
		return asked;
	}
	fits = given > DESCRIPTORS_OWN + CONNECTIONS_MIN
		   ? (int64_t)(given - DESCRIPTORS_OWN)
		   : CONNECTIONS_MIN;
	gk_log(GK_LOG_WARN, "descriptors",
	    "the system gives %" PRIu64 " file descriptors (ulimit -Hn), "
	    "max_connections: %" PRId64 " needs %" PRIu64 "; it is %" PRId64
	    " now",
	    (uint64_t)given, asked, (uint64_t)wanted, fits);
	return fits;
}
