/* stdio.h: no output here; the library prints what is wrong before it gives up. */
#define printf(...) ((void)0)
