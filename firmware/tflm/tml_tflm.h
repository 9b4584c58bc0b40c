/* tml_tflm.h: one model that TensorFlow Lite Micro's interpreter runs, behind the interface of tml.h.
 *
 * Everything is static: no heap, and no constructor runs before main. The interpreter is made in start().
 */
#ifndef TML_TFLM_H
#define TML_TFLM_H

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <new>

#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include "tml.h"

/* What start() returns when the model cannot run; the interpreter has said why through DebugLog. */
#define TML_TFLM_ERR_SCHEMA (-1) /* the model is of another version of the schema */
#define TML_TFLM_ERR_OPS (-2)    /* an operator could not be registered */
#define TML_TFLM_ERR_ARENA (-3)  /* AllocateTensors failed: too small, or a kernel refused */
#define TML_TFLM_ERR_PLAN (-4)   /* tensors lie elsewhere than planned: another version of TFLM */

namespace tml {

/* Tells the agent after each layer, as TML_LAYER does. Takes 12 bytes; TFLM's own profiler keeps 4096
 * events, 80 KB. When the agent wants to look at a layer's output the inference ends right there: TFLM
 * has no way to stop, and between two layers there is nothing to clean up. Layers of graphs that a layer
 * runs are part of it. */
class Profiler final : public tflite::MicroProfilerInterface {
public:
    Profiler() = default;

    uint32_t BeginEvent(const char *) override
    {
        depth_++;
        return layer_;
    }

    void EndEvent(uint32_t layer) override
    {
        depth_--;
        if (depth_ > 0) {
            return;
        }
        layer_ = layer + 1;
#if defined(TML_PROFILE)
        if (tml_layer_done(layer)) {
            std::longjmp(*stop_, 1);
        }
#elif defined(TML_PAUSE)
        tml_port_pause();
#endif
    }

    void begin_inference(std::jmp_buf *stop)
    {
        layer_ = 0;
        depth_ = 0;
        stop_ = stop;
    }

    /* Nothing is ever deleted; without this the destructor would pull in the heap. */
    static void operator delete(void *)
    {
    }

private:
    uint32_t layer_ = 0;
    uint32_t depth_ = 0; /* of layers that have begun */
    std::jmp_buf *stop_ = nullptr;
};

/* Memory for an object that is made later. */
template <typename T>
struct Slot {
    alignas(T) uint8_t bytes[sizeof(T)];

    T *get()
    {
        return reinterpret_cast<T *>(bytes);
    }
};

template <unsigned kOps, unsigned kVariables = 0>
class Model {
public:
    using Resolver = tflite::MicroMutableOpResolver<kOps>;

    /* Sets the interpreter up for the flatbuffer `data`, with the operators that `add_ops` registers.
     * Inputs and outputs get their addresses; those that the plan knows must be where it says.
     * Returns 0 or a TML_TFLM_ERR_. */
    int start(const void *data, TfLiteStatus (*add_ops)(Resolver &), uint8_t *arena,
              size_t arena_bytes, tml_tensor *inputs, unsigned input_count, tml_tensor *outputs,
              unsigned output_count)
    {
        const tflite::Model *model = tflite::GetModel(data);
        if (model->version() != TFLITE_SCHEMA_VERSION) {
            return TML_TFLM_ERR_SCHEMA;
        }
        Resolver *resolver = new (resolver_.bytes) Resolver();
        if (add_ops(*resolver) != kTfLiteOk) {
            return TML_TFLM_ERR_OPS;
        }
        Profiler *profiler = new (profiler_.bytes) Profiler();
        tflite::MicroAllocator *allocator = tflite::MicroAllocator::Create(arena, arena_bytes);
        tflite::MicroResourceVariables *variables = nullptr;
        if (kVariables > 0) {
            variables = tflite::MicroResourceVariables::Create(allocator, kVariables);
        }
        tflite::MicroInterpreter *interpreter = new (interpreter_.bytes)
            tflite::MicroInterpreter(model, *resolver, allocator, variables, profiler);
        if (interpreter->AllocateTensors() != kTfLiteOk || interpreter->inputs_size() != input_count
            || interpreter->outputs_size() != output_count) {
            return TML_TFLM_ERR_ARENA;
        }
        bool is_planned = true;
        for (unsigned i = 0; i < input_count; i++) {
            is_planned = place(&inputs[i], interpreter->input(i)) && is_planned;
        }
        for (unsigned i = 0; i < output_count; i++) {
            is_planned = place(&outputs[i], interpreter->output(i)) && is_planned;
        }
        return is_planned ? 0 : TML_TFLM_ERR_PLAN;
    }

    /* Runs all layers, or up to the one at which the agent wants to stop. */
    void invoke()
    {
        std::jmp_buf stop;
        if (setjmp(stop) == 0) {
            profiler_.get()->begin_inference(&stop);
            (void)interpreter_.get()->Invoke();
        }
    }

    /* Variables to what they are before the first inference. */
    void reset()
    {
        (void)interpreter_.get()->Reset();
    }

    /* Bytes of the arena in use, as TFLM counts them. */
    size_t used_bytes()
    {
        return interpreter_.get()->arena_used_bytes();
    }

private:
    static bool place(tml_tensor *tensor, const TfLiteTensor *found)
    {
        const bool is_planned = tensor->data == found->data.data && tensor->bytes == found->bytes;
        tensor->data = found->data.data;
        return is_planned;
    }

    Slot<Resolver> resolver_;
    Slot<Profiler> profiler_;
    Slot<tflite::MicroInterpreter> interpreter_;
};

} // namespace tml

#endif
