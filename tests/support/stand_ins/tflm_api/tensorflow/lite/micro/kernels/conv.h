/* Stand-in for TFLM's header of that name: what the documentation of the API promises, no more. */
#include "tensorflow/lite/c/common.h"

namespace tflite {

TFLMRegistration Register_CONV_2D_INT8();

} // namespace tflite
