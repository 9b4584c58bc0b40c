// Two generated models in one C++ program. Returns 0 when all is well.
#include "other.h"
#include "sine.h"
#include "sine_tflite.h"
#include "sine_weights.h"

int main()
{
    if (sine_init() != 0 || other_init() != 0) {
        return 1;
    }
    const float zero = sine_dequantise_output(0);
    const float edges[] = {-1e30f, 1e30f, zero / zero};
    const int8_t wanted[] = {-128, 127, -128};
    for (int i = 0; i < 3; i++) {
        if (sine_quantise_input(edges[i]) != wanted[i]) {
            return 2;
        }
    }
    sine_invoke();
    other_invoke();
    return sine_model.layer_count == 2 && sine_tflite[1] == 1 ? 0 : 3;
}
