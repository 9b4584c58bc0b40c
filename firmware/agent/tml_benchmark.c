/* tml_benchmark.c: what the MLPerf Tiny runner asks for, besides loading the input. */
#include "tml_checked.h"
#include "tml_commands.h"
#include "tml_config.h"
#include "tml_port.h"
#include "tml_session.h"
#include "tml_task.h"
#include "tml_text.h"

#define DEFAULT_WARM_UPS 10u
#define MAX_RUNS 1000000u
#define VALUES_PER_LINE 8u
#define LOOKS_PER_S 16u /* for the order to stop, between two inferences */
#define FLOAT_ONE 0x3F800000u

/* Whole seconds apart: cycles times a million would be too many after ten hours. */
static void put_lap(uint64_t cycles)
{
    const uint32_t hz = tml_port_clock_hz();
    tml_put_text("m-lap-us-");
    tml_put_unsigned(cycles / hz * 1000000u + cycles % hz * 1000000u / hz);
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
    put_lap(tml_session_cycles());
}

bool tml_has_run(void)
{
    if (tml_session_first_cycles() == 0) {
        tml_put_line("e-[No inference since reset]");
        return false;
    }
    return true;
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
static int64_t element(const tml_tensor *tensor, const uint8_t *data, uint32_t index,
                       uint32_t *scale)
{
    int16_t half;
    int32_t word;
    *scale = tensor->scale == 0.0f ? FLOAT_ONE : bits_of(tensor->scale);
    switch (tensor->dtype) {
    case 'b': return (int64_t)(int8_t)data[index] - tensor->zero_point;
    case 'h':
        memcpy(&half, data + index * 2u, sizeof half);
        return (int64_t)half - tensor->zero_point;
    case 'i':
        memcpy(&word, data + index * 4u, sizeof word);
        return (int64_t)word - tensor->zero_point;
    case 'f': memcpy(scale, data + index * 4u, sizeof *scale); return 1;
    default: /* 'B', '?' */ return (int64_t)data[index] - tensor->zero_point;
    }
}

static uint32_t element_bytes(char dtype)
{
    return dtype == 'i' || dtype == 'f' ? 4u : dtype == 'h' ? 2u : 1u;
}
#endif

#ifndef TML_TASK_FLOATS
/* In one line as the benchmark wants it; in lines of a few values for a host that checks them. */
static void put_separator(uint32_t place)
{
    if (tml_is_checked() && place % VALUES_PER_LINE == 0) {
        tml_end_reply();
        tml_begin_reply("results");
    } else {
        tml_put_char(',');
    }
}
#endif

static void put_results(const tml_model *model)
{
    tml_begin_reply("results");
#ifdef TML_TASK_FLOATS
    tml_put_decimal(1, tml_task_distance(model, tml_session_output(0)));
#else
    uint32_t place = 0;
    for (uint32_t output = 0; output < model->output_count; output++) {
        const tml_tensor *tensor = &model->outputs[output];
        const uint8_t *data = tml_session_output(output);
        const uint32_t count = tensor->bytes / element_bytes(tensor->dtype);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t scale;
            const int64_t factor = element(tensor, data, i, &scale);
            if (place != 0) {
                put_separator(place);
            }
            place++;
            tml_put_decimal(factor, scale);
        }
    }
#endif
    if (tml_is_checked()) {
        tml_end_reply();
    } else {
        tml_put_line("]");
    }
}

void tml_command_results(const tml_model *model, const char *arguments)
{
    (void)arguments;
    if (tml_has_run()) {
        put_results(model);
    }
}

/* So many inferences; when it is told to stop, says how many there were, and returns false. */
static bool run_all(uint32_t count)
{
    const uint32_t pause = tml_port_clock_hz() / LOOKS_PER_S;
    uint64_t looked = tml_session_cycles();
    for (uint32_t i = 0; i < count; i++) {
        (void)tml_session_infer(TML_ALL_LAYERS);
        if (tml_session_cycles() - looked > pause) {
            looked = tml_session_cycles();
            if (tml_is_cancelled()) {
                tml_put_text("e-[Stopped after ");
                tml_put_unsigned(i + 1u);
                tml_put_line(" inferences]");
                return false;
            }
        }
    }
    return true;
}

static void put_count(const char *text, uint32_t count)
{
    tml_put_text(text);
    tml_put_unsigned(count);
    tml_put_line("");
}

/* The first time is taken before it is put: sending a line may take longer than the model. The second
 * is without what this code did between the inferences. */
static void time_runs(const tml_model *model, uint32_t runs, uint32_t warm_ups)
{
    tml_warn_if_overwritten();
    put_count("m-warmup-start-", warm_ups);
    if (!run_all(warm_ups)) {
        return;
    }
    tml_put_line("m-warmup-done");
    put_count("m-infer-start-", runs);
    const uint64_t other = tml_session_other_cycles();
    const uint64_t start = tml_session_cycles();
    if (!run_all(runs)) {
        return;
    }
    const uint64_t end = tml_session_cycles() - (tml_session_other_cycles() - other);
    put_lap(start);
    put_lap(end);
    tml_put_line("m-infer-done");
    if (!tml_is_checked()) { /* else the host asks for them in lines that it can check */
        put_results(model);
    }
}

void tml_command_infer(const tml_model *model, const char *arguments)
{
    uint32_t runs = 0;
    uint32_t warm_ups = DEFAULT_WARM_UPS;
    if (!tml_take_number(&arguments, &runs) || runs == 0) {
        tml_put_line("e-[Inference iterations must be >0]");
    } else if (!tml_at_end(arguments) && !tml_take_number(&arguments, &warm_ups)) {
        tml_put_line("e-[Expected infer N W]");
    } else if (runs > MAX_RUNS || warm_ups > MAX_RUNS) {
        tml_put_line("e-[At most 1000000 inferences]");
    } else if (!tml_refuse_while_loading()) {
        time_runs(model, runs, warm_ups);
    }
}
