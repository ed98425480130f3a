#ifndef GK_POLICY_SCALAR_H
#define GK_POLICY_SCALAR_H
/* Where a byte of a YAML scalar's text stands in its file. */

#include <stddef.h>

#include "codec/yaml.h"

/*
 * text is what the scalar that begins at place in bytes[0..n) reads as: plain,
 * quoted or a block; offset, at most its length, is a byte of it.  Gives line
 * and column (in code points) of that byte; of the nearest one before where the
 * two don't go together.
 */
struct yaml_place scalar_place(const char *bytes, size_t n,
    struct yaml_place place, const char *text, size_t offset);

#endif
