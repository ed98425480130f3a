/* Includes what is inside another room. */
#include "base/base_internal.h"
