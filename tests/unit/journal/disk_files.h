#ifndef GK_TESTS_JOURNAL_DISK_FILES_H
#define GK_TESTS_JOURNAL_DISK_FILES_H
/* The clock of a test whose program is led through the test's disk. */

#include <stdint.h>

/* Time passes only so; the program under test sees the same calls at each run. */
void disk_clock_add(int64_t us);

#endif
