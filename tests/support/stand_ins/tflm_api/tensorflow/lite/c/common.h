/* Stand-in for TFLM's header of that name: what the documentation of the API promises, no more. */
#ifndef STAND_IN_C_COMMON_H
#define STAND_IN_C_COMMON_H

#include <cstddef>
#include <cstdint>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

#define TF_LITE_ENSURE_STATUS(a) \
    do { \
        const TfLiteStatus s = (a); \
        if (s != kTfLiteOk) { \
            return s; \
        } \
    } while (0)

struct TfLiteTensor {
    union {
        void *data;
        int8_t *int8;
    } data;
    size_t bytes;
};

struct TFLMRegistration {};

#endif
