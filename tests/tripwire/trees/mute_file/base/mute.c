#include <stddef.h>
/* This comment comes too late. */
