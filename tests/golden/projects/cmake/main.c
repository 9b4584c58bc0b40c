/* main.c: your application. tinyml wrote it once and does not touch it again. */
#include "sine.h"

#include "tml_config.h"
#include "tml_port.h"

#ifdef TML_TWO_CORES
#include "tml_both.h"
#endif
#ifdef TML_AGENT
#include "agent/tml_agent.h"

/* The agent runs the model when it is told to on the serial line: see README.md. */
static _Noreturn void run(void)
{
    tml_agent_start(&sine_model);
    for (;;) {
        tml_agent_poll();
    }
}
#else
/* Built with --no-agent. Each turn: write the input, run, read the output. The inference may overwrite
 * its input, so write all of it every time. sine.h describes type, shape and scale of both. */
static _Noreturn void run(void)
{
    const tml_tensor *input = &sine_model.inputs[0];
    const tml_tensor *output = &sine_model.outputs[0];
    for (;;) {
        memset(input->data, 0, input->bytes); /* your sensor's data */
        sine_model.invoke();
        tml_port_write(*(const uint8_t *)output->data); /* your use of the result */
    }
}
#endif

int main(void)
{
    tml_port_init(); /* clocks, pins, serial port, cycle counter */
    (void)sine_init(); /* cannot fail with this runtime */
#ifdef TML_TWO_CORES
    tml_both_start(); /* large layers run on the other core, too */
#endif
    run();
}
