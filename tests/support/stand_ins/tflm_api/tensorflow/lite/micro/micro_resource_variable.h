/* Stand-in for TFLM's header of that name: what the documentation of the API promises, no more. */
#ifndef STAND_IN_MICRO_RESOURCE_VARIABLE_H
#define STAND_IN_MICRO_RESOURCE_VARIABLE_H

#include "tensorflow/lite/micro/micro_allocator.h"

namespace tflite {

class MicroResourceVariables {
public:
    static MicroResourceVariables *Create(MicroAllocator *allocator, int num_variables);
};

} // namespace tflite

#endif
