#ifndef GK_GATE_SPACE_H
#define GK_GATE_SPACE_H
/* Free space on the disk: what is told of it, and when new allows must stop. */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct gate;

/* What is told of the disk when it begins and when it ends. */
enum gate_space {
	GATE_SPACE_WARN = 0, /* less than space_warn is free */
	GATE_SPACE_STOP,     /* less than space_stop */
	GATE_SPACE_RESERVE,  /* the reserve has been given away */
	GATE_SPACE_COUNT,
};
struct gate_space_state {
	bool is;
	int64_t since_us;
};

/* Before the journal is opened: the reserve that the process before left. */
void gate__space_start(struct gate *gate);
enum gk_rc gate__space_watch(struct gate *gate, struct gk_err *err) GK_MUST_USE;
void gate__space_close(struct gate *gate);

#endif
