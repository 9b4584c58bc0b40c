/* main.c: the generated model alone on an emulated core, without start-up code, clocks or agent of a board.
 *
 * Each inference goes on with the state that the one before has left, or, unless TML_IN_SEQUENCE, begins anew.
 * Reads inputs from its host until there are no more, writes the outputs of each inference, then how far the
 * stack went below main() in the first one, what the emulator's counter took for every layer in the last one, and
 * what it took for the second halves of those that two cores would share, here one after the other; all as words.
 */
#include "tml.h"
#include "tml_both.h"

#define HOST_EXIT 1
#define HOST_READ 3
#define HOST_WRITE 4

#define MOST_LAYERS 1024
#define PAINT UINT32_C(0xA5C35A3C)
#define PAINTED 4096 /* words of the stack */
#define FRAME 16     /* words that paint() may use itself */

int host_call(int number, int a, int b, int c);
uint32_t host_count(void);
int main(void);

extern const tml_model TML_MODEL;

#define HOST_DATA __attribute__((section(".host"))) /* is not counted as the program's */

HOST_DATA static uint32_t counts[1 + MOST_LAYERS];
HOST_DATA static uint32_t steps[MOST_LAYERS];
HOST_DATA static uint32_t second_halves[MOST_LAYERS];
HOST_DATA static uint32_t second_half; /* of the layer that runs; 0 when it is not shared */
static volatile uint32_t *painted;     /* the lowest word */

bool tml_layer_done(uint32_t layer)
{
    counts[1 + layer] = host_count();
    second_halves[layer] = second_half;
    second_half = 0;
    return false;
}

bool tml_inference_is_ended(void)
{
    return false;
}

void tml_both(void (*here)(void), void (*there)(void))
{
    here();
    const uint32_t start = host_count();
    there();
    second_half = host_count() - start;
}

static bool fill(const tml_tensor *tensor)
{
    uint32_t done = 0;
    while (done < tensor->bytes) {
        const int count = host_call(HOST_READ, 0, (int)(uintptr_t)((char *)tensor->data + done),
                                    (int)(tensor->bytes - done));
        if (count <= 0) {
            return false;
        }
        done += (uint32_t)count;
    }
    return true;
}

static void send(const void *data, uint32_t nbytes)
{
    (void)host_call(HOST_WRITE, 1, (int)(uintptr_t)data, (int)nbytes);
}

/* Marks the stack below the caller, so that one can see later how far it went. */
TML_NOINLINE static void paint(void)
{
    uint32_t here;
    painted = &here - FRAME - PAINTED;
    for (int32_t i = 0; i < PAINTED; ++i) {
        painted[i] = PAINT;
    }
}

static uint32_t stack_used(void)
{
    uint32_t clean = 0;
    while (clean < PAINTED && painted[clean] == PAINT) {
        ++clean;
    }
    return 4 * (PAINTED + FRAME - clean);
}

int main(void)
{
    uint32_t stack_bytes = 0;
    paint();
    for (bool is_first = true;; is_first = false) {
        for (uint32_t i = 0; i < TML_MODEL.input_count; ++i) {
            if (!fill(&TML_MODEL.inputs[i])) {
                send(&stack_bytes, sizeof stack_bytes);
                send(steps, TML_MODEL.layer_count * (uint32_t)sizeof steps[0]);
                send(second_halves, TML_MODEL.layer_count * (uint32_t)sizeof second_halves[0]);
                (void)host_call(HOST_EXIT, 0, 0, 0);
            }
        }
        if (TML_MODEL.reset != NULL && (is_first || !TML_IN_SEQUENCE)) {
            TML_MODEL.reset();
        }
        counts[0] = host_count();
        TML_MODEL.invoke();
        for (uint32_t i = 0; i < TML_MODEL.layer_count; ++i) {
            steps[i] = counts[1 + i] - counts[i];
        }
        for (uint32_t i = 0; i < TML_MODEL.output_count; ++i) {
            send(TML_MODEL.outputs[i].data, TML_MODEL.outputs[i].bytes);
        }
        stack_bytes = is_first ? stack_used() : stack_bytes;
    }
}
