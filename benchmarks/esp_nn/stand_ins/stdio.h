/* stdio.h: text for the host, or for nobody. Without variable arguments, which LLVM does not get right here. */
#pragma once

#ifdef HAS_HOST_TEXT
void host_text(const char *format, const int *values);
#define HOST_VALUES(format, a, b, c, d, e, f, g, h, i, j, ...) \
    host_text(format, \
              (const int[]){(int)(a), (int)(b), (int)(c), (int)(d), (int)(e), (int)(f), (int)(g), \
                            (int)(h), (int)(i), (int)(j)})
#define printf(...) HOST_VALUES(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
#else
#define printf(...) ((void)0)
#endif
