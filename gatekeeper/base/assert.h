#ifndef GK_BASE_ASSERT_H
#define GK_BASE_ASSERT_H
/* GK_ASSERT: a bug ends the process.  Never compiled out; no answer is a no. */

#include "base/attr.h"

GK_NORETURN void gk_assert_failed(const char *expr, const char *file, int line);

#define GK_ASSERT(e) ((e) ? (void)0 : gk_assert_failed(#e, __FILE__, __LINE__))

#endif
