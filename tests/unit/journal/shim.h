#ifndef GK_TESTS_JOURNAL_SHIM_H
#define GK_TESTS_JOURNAL_SHIM_H
/* A layer under SQLite that counts writes and syncs, and fails the n-th. */

#include <stdbool.h>
#include <stdint.h>

enum shim_fault {
	SHIM_NONE,
	SHIM_EIO,  /* the write or sync fails */
	SHIM_FULL, /* no space: writes fail, syncs work */
	SHIM_TORN, /* half of the write reaches the file, then it fails */
};

struct shim {
	uint64_t writes, write_bytes, syncs;
	uint64_t wal_bytes, db_bytes; /* of write_bytes */
	uint64_t
	    fail_at; /* the n-th call of either kind from now, from 1; 0: none */
	enum shim_fault fault;
	bool sticky; /* all calls after it fail too */
	bool fired;
};

extern struct shim shim;

void shim_install(void); /* as the default layer, for this process */
void shim_arm(uint64_t fail_at, enum shim_fault fault, bool sticky);
void shim_disarm(void);

#endif
