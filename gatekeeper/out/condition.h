#ifndef GK_OUT_CONDITION_H
#define GK_OUT_CONDITION_H
/* Conditions of notifications: CEL over the fields of an event. */

#include "out/notice.h"

/* A CEL condition over the fields.  One thread at a time. */
struct condition;

/*
 * Compile.  What is wrong is told in err->text, with a hint where there is one.
 * Errors: GK_E_INVALID, GK_E_NOMEM.
 */
enum gk_rc condition_new(const char *text, struct condition **ret_condition,
    struct gk_err *err) GK_MUST_USE;
void condition_free(struct condition *condition);
void condition_freep(struct condition **condition);

/* True also where it fails: what can't be judged is told. */
bool condition_holds(struct condition *condition, const struct notice *notice);

#endif
