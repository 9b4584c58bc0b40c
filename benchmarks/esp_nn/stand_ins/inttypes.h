/* inttypes.h: formats; an int32_t is a long. */
#pragma once

#include <stdint.h>

#define PRId32 "ld"
#define PRIi32 "li"
#define PRIu32 "lu"
#define PRIu16 "hu"
