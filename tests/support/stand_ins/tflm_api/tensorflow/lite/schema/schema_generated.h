/* Stand-in for TFLM's header of that name: what the documentation of the API promises, no more. */
#ifndef STAND_IN_SCHEMA_GENERATED_H
#define STAND_IN_SCHEMA_GENERATED_H

#include <cstdint>

namespace tflite {

struct Model {
    uint32_t version() const;
};

const Model *GetModel(const void *buffer);

} // namespace tflite

#endif
