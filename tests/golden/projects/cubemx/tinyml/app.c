/* app.c: your application. tinyml wrote it once and does not touch it again. */
#include "app.h"

#include "sine.h"
#include "tml_port.h"

#ifdef TML_AGENT
#include "agent/tml_agent.h"

/* The agent runs the model when it is told to on the serial line: see README.md. */
void tinyml_app_init(void)
{
    tml_port_init(); /* the cycle counter; clocks and UART are CubeMX's */
    (void)sine_init(); /* cannot fail with this runtime */
    tml_agent_start(&sine_model);
}

void tinyml_app_poll(void)
{
    tml_agent_poll();
}
#else
/* Made with --no-agent. Each turn: write the input, run, read the output. The inference may overwrite
 * its input, so write all of it every time. sine.h describes type, shape and scale of both. */
void tinyml_app_init(void)
{
    tml_port_init();
    (void)sine_init();
}

void tinyml_app_poll(void)
{
    const tml_tensor *input = &sine_model.inputs[0];
    const tml_tensor *output = &sine_model.outputs[0];
    memset(input->data, 0, input->bytes); /* your sensor's data */
    sine_model.invoke();
    tml_port_write(*(const uint8_t *)output->data); /* your use of the result */
}
#endif
