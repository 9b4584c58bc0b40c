/* tml_session.c: see tml_session.h. */
#include "tml_session.h"

#include "tml_config.h"
#include "tml_port.h"
#include "tml_task.h"

static const tml_model *model;
static bool is_loaded[TML_AGENT_INPUTS];
static uint32_t stop_after = TML_ALL_LAYERS;
static bool is_stopped;
static bool is_running; /* an inference of the session; the application's are its own */
static bool keeps_state;
static uint32_t layer_start;
static uint32_t layer_cycles[TML_AGENT_LAYERS];
static uint64_t total_cycles;
static uint64_t first_cycles;
static uint64_t other_cycles;
static uint32_t last_read;
static uint64_t all_cycles;
static TML_ALIGNAS(4) uint8_t kept[TML_AGENT_OUTPUT_BYTES];

void tml_session_start(const tml_model *chosen)
{
    model = chosen;
    last_read = tml_port_cycles();
}

uint64_t tml_session_cycles(void)
{
    const uint32_t now = tml_port_cycles();
    all_cycles += now - last_read;
    last_read = now;
    return all_cycles;
}

void tml_session_input_changed(uint32_t input)
{
    is_loaded[input] = false;
}

void tml_session_input_loaded(uint32_t input)
{
    is_loaded[input] = true;
}

bool tml_session_is_fresh(void)
{
    for (uint32_t input = 0; input < TML_AGENT_INPUTS; input++) {
        if (!is_loaded[input]) {
            return false;
        }
    }
    return true;
}

/* The model calls this after each layer. The time spent in here belongs to no layer. */
bool tml_layer_done(uint32_t layer)
{
    const uint32_t cycles = tml_port_cycles() - layer_start;
    if (!is_running) {
#ifdef TML_PAUSE
        tml_port_pause();
#endif
        return false;
    }
    if (layer < TML_AGENT_LAYERS) {
        layer_cycles[layer] = cycles;
    }
    total_cycles += cycles;
    if (layer == stop_after) {
        is_stopped = true;
        return true;
    }
    (void)tml_session_cycles(); /* a long model may take more than 2^32 cycles */
#ifdef TML_PAUSE
    tml_port_pause();
#endif
    layer_start = tml_port_cycles();
    return false;
}

/* The program that holds several models asks this between them. */
bool tml_inference_is_ended(void)
{
    return is_running && stop_after != TML_ALL_LAYERS && is_stopped;
}

/* Bytes up to the output in `kept`, where each starts at a multiple of four. */
static uint32_t output_offset(uint32_t index)
{
    uint32_t offset = 0;
    for (uint32_t i = 0; i < index; i++) {
        offset += (model->outputs[i].bytes + 3u) & ~3u;
    }
    return offset;
}

static void keep_outputs(void)
{
    for (uint32_t i = 0; i < model->output_count; i++) {
        const tml_tensor *output = &model->outputs[i];
        const uint32_t offset = output_offset(i);
        if (offset + output->bytes <= TML_AGENT_OUTPUT_BYTES) {
            memcpy(kept + offset, output->data, output->bytes);
        }
    }
}

void tml_session_keep_state(bool is_kept)
{
    keeps_state = is_kept;
    if (model->reset != NULL) {
        model->reset();
    }
}

bool tml_session_infer(uint32_t last_layer)
{
    const uint64_t begin = tml_session_cycles();
    const bool is_whole = last_layer == TML_ALL_LAYERS;
    const uint64_t total_before = total_cycles;
    const bool was_fresh = tml_session_is_fresh();
    if (was_fresh) {
        tml_task_prepare(model);
    }
    if (model->reset != NULL && !keeps_state) {
        model->reset(); /* what is measured or looked at is the first inference of a sequence */
    }
    memset(is_loaded, 0, sizeof is_loaded);
    stop_after = last_layer;
    is_stopped = is_whole;
    total_cycles = 0;
    const uint64_t start = tml_session_cycles();
    layer_start = tml_port_cycles();
    is_running = true;
    model->invoke();
    is_running = false;
    const uint64_t end = tml_session_cycles();
    if (!is_whole) {
        total_cycles = total_before;
    } else if (was_fresh || first_cycles == 0) {
        keep_outputs();
    }
    if (is_whole && first_cycles == 0) {
        first_cycles = end == start ? 1 : end - start;
    }
    other_cycles += start - begin + (tml_session_cycles() - end);
    return is_stopped;
}

uint32_t tml_session_layer_cycles(uint32_t layer)
{
    return layer < TML_AGENT_LAYERS ? layer_cycles[layer] : 0;
}

uint64_t tml_session_total_cycles(void)
{
    return total_cycles;
}

uint64_t tml_session_first_cycles(void)
{
    return first_cycles;
}

uint64_t tml_session_other_cycles(void)
{
    return other_cycles;
}

const uint8_t *tml_session_output(uint32_t index)
{
    return kept + output_offset(index);
}
