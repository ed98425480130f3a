/* Fuzzes what looks at a WAL before SQLite reads it: any bytes are looked at to their end. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "journal/journal_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct wal_state state;

	if (fd < 0) {
		fd = memfd_create("wal", MFD_CLOEXEC);
	}
	GK_ASSERT(fd >= 0 && ftruncate(fd, 0) == 0 &&
		  pwrite(fd, data, size, 0) == (ssize_t)size);
	GK_ASSERT(journal__wal_look(fd, &state, NULL) == GK_OK);
	GK_ASSERT(state.damaged < size || size == 0);
	return 0;
}
