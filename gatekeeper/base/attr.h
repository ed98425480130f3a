#ifndef GK_BASE_ATTR_H
#define GK_BASE_ATTR_H
/* The attributes every header wears: must-use results, checked formats, scope cleanup. */

#define GK_MUST_USE     __attribute__((warn_unused_result))
#define GK_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define GK_NORETURN     __attribute__((noreturn))
#define GK_AUTO(fn)     __attribute__((cleanup(fn)))

/* Hand an owned pointer to someone else; the local one becomes NULL. */
#define GK_TAKE(p)                           \
	__extension__({                      \
		__typeof__(p) gk_tmp_ = (p); \
		(p) = NULL;                  \
		gk_tmp_;                     \
	})

#define GK_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
