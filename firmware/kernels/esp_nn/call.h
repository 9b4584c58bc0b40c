/* call.h: what all calls of ESP-NN share.
 *
 * ESP-NN (component espressif/esp-nn) brings kernels for the vector unit of the ESP32-S3. A
 * layer comes here only in a form whose results are those of the plain kernel: see
 * tinyml/variants/esp_nn_issues.toml.
 */
#ifndef TML_ESP_NN_CALL_H
#define TML_ESP_NN_CALL_H

#include <esp_nn.h>

#include "tml.h"
#include "tml_window.h"

TML_KERNEL data_dims_t tml_esp_nn_dims(int32_t width, int32_t height, int32_t channels)
{
    data_dims_t dims;
    dims.width = width;
    dims.height = height;
    dims.channels = channels;
    dims.extra = 1; /* batches */
    return dims;
}

/* The library asks for scratch memory when it runs; ours is planned beforehand. Another version
 * that wants more would write over other tensors: rather stop. */
TML_KERNEL void tml_esp_nn_require(int32_t wanted_bytes, int32_t planned_bytes)
{
    if (wanted_bytes > planned_bytes) {
        __builtin_trap();
    }
}

/* Multiplier per channel, then shift per channel (positive is to the left). ESP-NN does not
 * write there. */
TML_KERNEL quant_data_t tml_esp_nn_quant(const int32_t *scales, int32_t channels)
{
    quant_data_t quant;
    quant.mult = (int32_t *)(uintptr_t)scales;
    quant.shift = (int32_t *)(uintptr_t)(scales + channels);
    return quant;
}

#endif
