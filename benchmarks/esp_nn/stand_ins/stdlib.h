/* stdlib.h: what of it the library asks for. */
#include <stddef.h>

static inline int abs(int value)
{
    return value < 0 ? -value : value;
}

void abort(void);
