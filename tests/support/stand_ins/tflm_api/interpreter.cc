/* interpreter.cc: an interpreter that runs nothing: its outputs are the bytes of its input. It places them where
 * the model's plan has them; a test may have it do otherwise. MODEL is the tml_model.
 */
#include "tensorflow/lite/micro/kernels/conv.h"
#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/kernels/softmax.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

#include "tml.h"

extern "C" {
extern const tml_model MODEL;

uint32_t stand_in_schema = 3;
size_t stand_in_least_arena;
size_t stand_in_moved_by;
}

namespace tflite {

static size_t arena_bytes;

TFLMRegistration Register_CONV_2D_INT8()
{
    return TFLMRegistration();
}
TFLMRegistration Register_FULLY_CONNECTED_INT8()
{
    return TFLMRegistration();
}
TFLMRegistration Register_SOFTMAX_INT8()
{
    return TFLMRegistration();
}

uint32_t Model::version() const
{
    return stand_in_schema;
}

const Model *GetModel(const void *buffer)
{
    return static_cast<const Model *>(buffer);
}

MicroAllocator *MicroAllocator::Create(uint8_t *, size_t bytes)
{
    static MicroAllocator only;
    arena_bytes = bytes;
    return &only;
}

MicroResourceVariables *MicroResourceVariables::Create(MicroAllocator *, int)
{
    static MicroResourceVariables only;
    return &only;
}

MicroInterpreter::MicroInterpreter(const Model *, const MicroOpResolver &, MicroAllocator *,
                                   MicroResourceVariables *, MicroProfilerInterface *profiler)
    : profiler_(profiler), input_(), output_()
{
    input_.data.data = static_cast<uint8_t *>(MODEL.inputs[0].data) + stand_in_moved_by;
    input_.bytes = MODEL.inputs[0].bytes;
    output_.data.data = MODEL.outputs[0].data;
    output_.bytes = MODEL.outputs[0].bytes;
}

TfLiteStatus MicroInterpreter::AllocateTensors()
{
    return arena_bytes >= stand_in_least_arena ? kTfLiteOk : kTfLiteError;
}

TfLiteStatus MicroInterpreter::Invoke()
{
    for (unsigned i = 0; i < MODEL.layer_count; i++) {
        const uint32_t event = profiler_->BeginEvent("an op");
        profiler_->EndEvent(profiler_->BeginEvent("an op of a graph that it runs"));
        if (i + 1 == MODEL.layer_count) {
            for (size_t k = 0; k < output_.bytes; k++) {
                output_.data.int8[k] = input_.data.int8[k % input_.bytes];
            }
        }
        profiler_->EndEvent(event);
    }
    return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Reset()
{
    return kTfLiteOk;
}

TfLiteTensor *MicroInterpreter::input(size_t)
{
    return &input_;
}

TfLiteTensor *MicroInterpreter::output(size_t)
{
    return &output_;
}

size_t MicroInterpreter::inputs_size() const
{
    return 1;
}

size_t MicroInterpreter::outputs_size() const
{
    return 1;
}

size_t MicroInterpreter::arena_used_bytes() const
{
    return arena_bytes - 1;
}

} // namespace tflite
