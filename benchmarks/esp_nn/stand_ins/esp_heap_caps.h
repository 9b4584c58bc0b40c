/* esp_heap_caps.h: memory of the kind that the library's tests ask for. */
#pragma once

#include <stddef.h>

#define MALLOC_CAP_SPIRAM 1
#define MALLOC_CAP_8BIT 2

void *heap_caps_malloc(size_t nbytes, int kind);
