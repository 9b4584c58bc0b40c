/* abort.c: where a call of the library goes that it would not allow. */
#include <stdlib.h>

void abort(void)
{
    __asm__ volatile("ill"); /* ends the emulator's run with an error */
    for (;;) {
    }
}
