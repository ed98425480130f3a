/* shell.parse(text): what a command line would run, as values. */

#include "cel/cel_internal.h"

const struct cel_builtin cel__shell[] = {
    {NULL, false, NULL, NULL},
};
