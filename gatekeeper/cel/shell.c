/* A command line of a POSIX shell or bash → the commands that it would run. */

#include "cel/cel_internal.h"
