/* fake_model.c: a model of three layers, one of which takes no code. */
#include "fake_model.h"

#define INPUT_BYTES 40

static union {
    int8_t bytes[INPUT_BYTES];
    int16_t halves[2];
} arena;
static uint8_t second[4];
static int8_t first_out[6];
static int16_t half_out[2];
static float float_out[2];

static void invoke(void)
{
    /* 0: adds the second input to the first; 1: takes no code; 2: the outputs. Then the input is gone. */
    for (int i = 0; i < INPUT_BYTES; i++) {
        arena.bytes[i] = (int8_t)(arena.bytes[i] + (int8_t)second[i % 4]);
    }
    fake_work(1000);
    if (tml_layer_done(0)) {
        return;
    }
    memcpy(first_out, arena.bytes, sizeof first_out);
    half_out[0] = arena.bytes[0];
    half_out[1] = -3000;
    float_out[0] = 1.5f;
    float_out[1] = -1e30f;
    memset(&arena, 0x55, sizeof arena);
    fake_work(500);
    (void)tml_layer_done(2);
}

static const tml_tensor inputs[] = {
    {arena.bytes, INPUT_BYTES, 0.5f, -128, 'b'},
    {second, 4, 0.0f, 0, 'B'},
};
static const tml_tensor outputs[] = {
    {first_out, 6, 0.00390625f, -128, 'b'},
    {half_out, 4, 0.1f, 0, 'h'},
    {float_out, 8, 0.0f, 0, 'f'},
};
static const tml_tensor layers[] = {
    {arena.bytes, INPUT_BYTES, 0.5f, -128, 'b'},
    {arena.bytes, INPUT_BYTES, 0.5f, -128, 'b'},
    {first_out, 6, 0.00390625f, -128, 'b'},
};
const tml_model fake_model = {
    .name = "fake",
    .sha256 = "0123456789ab",
    .invoke = invoke,
    .inputs = inputs,
    .outputs = outputs,
    .layers = layers,
    .arena = (uint8_t *)&arena,
    .arena_bytes = INPUT_BYTES,
    .input_count = 2,
    .output_count = 3,
    .layer_count = 3,
};
