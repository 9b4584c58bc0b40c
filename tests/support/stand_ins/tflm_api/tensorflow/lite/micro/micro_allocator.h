/* Stand-in for TFLM's header of that name: what the documentation of the API promises, no more. */
#ifndef STAND_IN_MICRO_ALLOCATOR_H
#define STAND_IN_MICRO_ALLOCATOR_H

#include <stddef.h>
#include <stdint.h>

namespace tflite {

class MicroAllocator {
public:
    static MicroAllocator *Create(uint8_t *tensor_arena, size_t arena_size);
};

} // namespace tflite

#endif
