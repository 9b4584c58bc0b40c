/* tml_inspect.c: our own commands: what the model is, what its last inference took and gave. */
#include "tml_agent.h"
#include "tml_commands.h"
#include "tml_config.h"
#include "tml_port.h"
#include "tml_session.h"
#include "tml_text.h"

#define BYTES_PER_LINE 32u

static void put_next(uint64_t value)
{
    tml_put_char(',');
    tml_put_unsigned(value);
}

void tml_command_id(const tml_model *model, const char *arguments)
{
    (void)arguments;
    tml_begin_reply("id");
    tml_put_text("protocol=");
    tml_put_unsigned(TML_AGENT_PROTOCOL);
    tml_put_char(',');
    tml_put_text(model->name);
    tml_put_char(',');
    tml_put_text(model->sha256);
    put_next(TML_ABI_VERSION);
    put_next(model->input_count);
    put_next(model->output_count);
    put_next(model->layer_count);
    put_next(tml_port_clock_hz());
    put_next(model->arena_bytes);
    tml_end_reply();
#ifdef TML_AGENT_FINGERPRINT /* two builds of one model may agree in all that */
    tml_begin_reply("fingerprint");
    tml_put_text(TML_AGENT_FINGERPRINT);
    tml_end_reply();
#endif
}

/* The index after a command word; says so and returns false when there is none below `count`. */
static bool take_index(const char **arguments, uint32_t count, const char *what, uint32_t *index)
{
    if (tml_take_number(arguments, index) && *index < count) {
        return true;
    }
    tml_put_text("e-[There are ");
    tml_put_unsigned(count);
    tml_put_char(' ');
    tml_put_text(what);
    tml_put_line("s, counted from 0]");
    return false;
}

static void describe(const char *what, uint32_t index, const tml_tensor *tensor)
{
    uint32_t scale;
    memcpy(&scale, &tensor->scale, sizeof scale);
    tml_begin_reply("tensor");
    tml_put_text(what);
    put_next(index);
    tml_put_char(',');
    tml_put_char(tensor->dtype);
    put_next(tensor->bytes);
    tml_put_char(',');
    tml_put_hex(scale, 8);
    tml_put_char(',');
    tml_put_signed(tensor->zero_point);
    tml_end_reply();
}

void tml_command_tensor(const tml_model *model, const char *arguments)
{
    uint32_t index;
    if (tml_take_word(&arguments, "in")) {
        if (take_index(&arguments, model->input_count, "input", &index)) {
            describe("in", index, &model->inputs[index]);
        }
    } else if (tml_take_word(&arguments, "out")) {
        if (take_index(&arguments, model->output_count, "output", &index)) {
            describe("out", index, &model->outputs[index]);
        }
    } else if (tml_take_word(&arguments, "layer")) {
        if (take_index(&arguments, model->layer_count, "layer", &index)) {
            describe("layer", index, &model->layers[index]);
        }
    } else {
        tml_put_line("e-[Expected tensor in K, tensor out K or tensor layer K]");
    }
}

void tml_command_layers(const tml_model *model, const char *arguments)
{
    (void)arguments;
    if (!tml_has_run()) {
        return;
    }
    for (uint32_t layer = 0; layer < model->layer_count; layer++) {
        tml_begin_reply("layer");
        tml_put_unsigned(layer);
        put_next(tml_session_layer_cycles(layer));
        tml_end_reply();
    }
}

void tml_command_cycles(const tml_model *model, const char *arguments)
{
    (void)model;
    (void)arguments;
    if (!tml_has_run()) {
        return;
    }
    tml_begin_reply("cycles");
    tml_put_unsigned(tml_session_total_cycles());
    tml_end_reply();
}

void tml_command_mem(const tml_model *model, const char *arguments)
{
    (void)arguments;
    tml_begin_reply("mem");
    tml_put_unsigned(model->arena_bytes);
    put_next(TML_STACK_BYTES);
    put_next(tml_port_stack_used());
    tml_end_reply();
}

static void dump(const uint8_t *data, uint32_t bytes)
{
    for (uint32_t offset = 0; offset < bytes; offset += BYTES_PER_LINE) {
        const uint32_t rest = bytes - offset;
        const uint32_t count = rest < BYTES_PER_LINE ? rest : BYTES_PER_LINE;
        tml_begin_reply("data");
        tml_put_unsigned(offset);
        tml_put_char(',');
        for (uint32_t i = 0; i < count; i++) {
            tml_put_hex(data[offset + i], 2);
        }
        tml_end_reply();
    }
}

void tml_command_out(const tml_model *model, const char *arguments)
{
    uint32_t index;
    if (take_index(&arguments, model->output_count, "output", &index) && tml_has_run()) {
        dump(tml_session_output(index), model->outputs[index].bytes);
    }
}

void tml_command_layer(const tml_model *model, const char *arguments)
{
    uint32_t index;
    if (!take_index(&arguments, model->layer_count, "layer", &index)
        || tml_refuse_while_loading()) {
        return;
    }
    tml_warn_if_overwritten();
    if (!tml_session_infer(index)) {
        tml_put_line("e-[That layer takes no code: its output is its input]");
        return;
    }
    dump((const uint8_t *)model->layers[index].data, model->layers[index].bytes);
}
