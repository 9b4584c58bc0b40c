/* tml_benchmark.c: what the MLPerf Tiny runner asks for, besides loading the input. */
#include "tml_commands.h"
#include "tml_config.h"
#include "tml_port.h"
#include "tml_session.h"
#include "tml_task.h"
#include "tml_text.h"

#define DEFAULT_WARM_UPS 10u
#define FLOAT_ONE 0x3F800000u

static void put_lap(void)
{
    tml_put_text("m-lap-us-");
    tml_put_unsigned(tml_session_cycles() * 1000000u / tml_port_clock_hz());
    tml_put_line("");
}

void tml_command_name(const tml_model *model, const char *arguments)
{
    (void)model;
    (void)arguments;
    tml_put_line("m-name-dut-[tinyml]");
}

void tml_command_profile(const tml_model *model, const char *arguments)
{
    (void)arguments;
    tml_put_line("m-profile-[ULPMark for tinyML Firmware V0.0.1]");
    tml_put_text("m-model-[");
#ifdef TML_AGENT_MODEL_ID
    (void)model;
    tml_put_text(TML_AGENT_MODEL_ID);
#else
    tml_put_text(model->name);
#endif
    tml_put_line("]");
}

void tml_command_timestamp(const tml_model *model, const char *arguments)
{
    (void)model;
    (void)arguments;
    put_lap();
}

void tml_warn_if_overwritten(void)
{
#ifndef TML_AGENT_BENCHMARK
    if (!tml_session_is_fresh()) {
        tml_begin_reply("warning");
        tml_put_text("input was overwritten by the last inference");
        tml_end_reply();
    }
#endif
}

#ifndef TML_TASK_FLOATS
static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* One element of a tensor's bytes, with the scale that it is to be multiplied by. */
static int64_t element(const tml_tensor *tensor, const uint8_t *data, uint32_t index, uint32_t *scale)
{
    int16_t half;
    int32_t word;
    *scale = tensor->scale == 0.0f ? FLOAT_ONE : bits_of(tensor->scale);
    switch (tensor->dtype) {
    case 'b':
        return (int64_t)(int8_t)data[index] - tensor->zero_point;
    case 'h':
        memcpy(&half, data + index * 2u, sizeof half);
        return (int64_t)half - tensor->zero_point;
    case 'i':
        memcpy(&word, data + index * 4u, sizeof word);
        return (int64_t)word - tensor->zero_point;
    case 'f':
        memcpy(scale, data + index * 4u, sizeof *scale);
        return 1;
    default: /* 'B', '?' */
        return (int64_t)data[index] - tensor->zero_point;
    }
}

static uint32_t element_bytes(char dtype)
{
    return dtype == 'i' || dtype == 'f' ? 4u : dtype == 'h' ? 2u : 1u;
}
#endif

void tml_command_results(const tml_model *model, const char *arguments)
{
    (void)arguments;
    tml_put_text("m-results-[");
#ifdef TML_TASK_FLOATS
    tml_put_decimal(1, tml_task_distance(model, tml_session_output(0)));
#else
    for (uint32_t output = 0; output < model->output_count; output++) {
        const tml_tensor *tensor = &model->outputs[output];
        const uint8_t *data = tml_session_output(output);
        const uint32_t count = tensor->bytes / element_bytes(tensor->dtype);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t scale;
            const int64_t factor = element(tensor, data, i, &scale);
            if (output != 0 || i != 0) {
                tml_put_char(',');
            }
            tml_put_decimal(factor, scale);
        }
    }
#endif
    tml_put_line("]");
}

void tml_command_infer(const tml_model *model, const char *arguments)
{
    uint32_t runs = 1;
    uint32_t warm_ups = DEFAULT_WARM_UPS;
    if (!tml_take_number(&arguments, &runs) || runs == 0) {
        tml_put_line("e-[Inference iterations must be >0]");
        return;
    }
    (void)tml_take_number(&arguments, &warm_ups);
    tml_warn_if_overwritten();
    tml_put_text("m-warmup-start-");
    tml_put_unsigned(warm_ups);
    tml_put_line("");
    for (uint32_t i = 0; i < warm_ups; i++) {
        (void)tml_session_infer(TML_ALL_LAYERS);
    }
    tml_put_line("m-warmup-done");
    tml_put_text("m-infer-start-");
    tml_put_unsigned(runs);
    tml_put_line("");
    put_lap();
    for (uint32_t i = 0; i < runs; i++) {
        (void)tml_session_infer(TML_ALL_LAYERS);
    }
    put_lap();
    tml_put_line("m-infer-done");
    tml_command_results(model, arguments);
}
