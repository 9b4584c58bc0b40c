/* stdlib.h: what of it the library and its tests ask for. */
#pragma once

#include <stddef.h>

void abort(void);
void *malloc(size_t nbytes);
void free(void *memory);
int rand(void);

static inline int abs(int value)
{
    return value < 0 ? -value : value;
}
