#ifndef GK_GATE_WAITERS_H
#define GK_GATE_WAITERS_H
/* Calls that wait for an approval to be resolved.  All of it for the commit thread. */

#include <stdint.h>

struct event;
struct gate;
struct gate_work;

/* Its batch is on disk: may it still wait?  Else its next step is said in work->go. */
void gate__wait_begin(struct gate *gate, struct gate_work *work);
/* It waits no longer: others may have its place. */
void gate__wait_end(struct gate *gate, struct gate_work *work);
void gate__wait_wake(struct gate *gate, const struct event *event);
void gate__wait_expire(struct gate *gate, int64_t now_us);
void gate__wait_all(struct gate *gate);
/* Look whether those who wait are still there: some of them, each time others. */
void gate__wait_look(struct gate *gate);

#endif
