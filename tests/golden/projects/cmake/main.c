/* main.c: your application. tinyml wrote it once and does not touch it again. */
#include "sine.h"
#include "sine_samples.h"
#include "tml_config.h"
#include "tml_port.h"
#include "tml_print.h"

#ifdef TML_TWO_CORES
#include "tml_both.h"
#endif
#ifdef TML_AGENT
#include "agent/tml_agent.h"
#endif

/* Writes the next sample into the input; false: there is none yet. Until your sensor is here, samples that were
 * compiled in are taken, each once (tinyml build --inputs). The inference may overwrite its input: write all of it.
 *
 *     for (int32_t i = 0; i < SINE_INPUT_ELEMENTS; i++) {
 *         sine_input()[i] = sine_quantise_input(value[i]);
 *     }
 */
static bool read_sample(void)
{
    return sine_next_sample();
}

/* What the model says of it: your use of the result. sine.h says how to read it. */
static void use_result(void)
{
    sine_print_result();
}

/* One turn of the application; false: there was nothing to do. */
static bool take_turn(void)
{
    if (!read_sample()) {
        return false;
    }
    sine_invoke();
    use_result();
    return true;
}

int main(void)
{
    tml_port_init(); /* clocks, pins, serial port, cycle counter */
    (void)sine_init(); /* cannot fail with this runtime */
#ifdef TML_TWO_CORES
    tml_both_start(); /* large layers run on the other core, too */
#endif
#ifdef TML_AGENT /* a host may measure and verify the model over the serial line: see README.md */
    tml_agent_start(&sine_model);
    for (;;) {
        tml_agent_poll();
        if (tml_agent_is_idle()) {
            (void)take_turn();
        }
    }
#else
    for (;;) {
        (void)take_turn();
    }
#endif
}
