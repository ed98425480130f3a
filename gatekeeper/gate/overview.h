#ifndef GK_GATE_OVERVIEW_H
#define GK_GATE_OVERVIEW_H
/* What looking at the record takes: the parts of a question, and the stages of the verbs that only look. */

#include "gate/gate_internal.h"

/* A decimal number of at most 18 digits, without leading zeroes.  tlog.c */
bool gate__seq_parse(const char *text, uint64_t *ret);
/* May the caller see that event, by the tenant in its bytes?  search.c */
bool gate__sees_event(
    const struct gate_call *call, const char *bytes, size_t n);
/* The parameter raw.  False: the call has been ended.  search.c */
bool gate__raw_param(struct gate_call *call, bool *ret);

/* single.c */
STAGE_BEGIN(single_begin);
STAGE_COMMIT(single_commit);
STAGE_READ(single_read);
/* control.c, reload.c */
STAGE_READ(switches_read);
STAGE_READ(policy_read);
/* overview.c, limits.c */
STAGE_BEGIN(overview_begin);
STAGE_COMMIT(overview_commit);
STAGE_READ(overview_read);
STAGE_BEGIN(limits_begin);
STAGE_COMMIT(limits_commit);
STAGE_BEGIN(limits_finish);
void limits_release(struct gate_work *work);

#endif
