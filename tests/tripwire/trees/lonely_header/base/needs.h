#ifndef GK_BASE_NEEDS_H
#define GK_BASE_NEEDS_H
/* Uses a type that it doesn't include. */

size_t needs(void);

#endif
