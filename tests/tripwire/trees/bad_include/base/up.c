/* Includes upwards: base may not know codec. */
#include "codec/json.h"
