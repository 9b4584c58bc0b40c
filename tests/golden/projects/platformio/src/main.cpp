// main.cpp: your application. tinyml wrote it once and does not touch it again.
#include <Arduino.h>

#include <sine.h>
#include <sine_samples.h>
#include <agent/tml_agent.h>
#include <tml_port.h>
#include <tml_print.h>

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

void setup()
{
    tml_port_init(); // Serial and the cycle counter
    sine_init();
    tml_agent_start(&sine_model);
}

void loop()
{
    tml_agent_poll(); // a host may measure and verify the model over the serial line: see README.md
    if (tml_agent_is_idle()) {
        (void)take_turn();
    }
}
