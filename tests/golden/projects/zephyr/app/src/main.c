/* main.c: your application. tinyml wrote it once and does not touch it again. */
#include <zephyr/kernel.h>

#include "sine.h"

#ifdef TML_AGENT
#include "agent/tml_agent.h"
#include "tml_port.h"

/* The agent runs the model when it is told to on the serial line: see README.md. */
int main(void)
{
    tml_port_init(); /* the cycle counter; Zephyr has set up the rest */
    (void)sine_init(); /* cannot fail with this runtime */
    tml_agent_start(&sine_model);
    for (;;) {
        tml_agent_poll(); /* polls the UART: a sleep here would lose bytes */
        k_yield();
    }
    return 0;
}
#else
/* Without the agent. Each turn: write the input, run, read the output. The inference may overwrite its
 * input, so write all of it every time. sine.h describes type, shape and scale of both. */
int main(void)
{
    const tml_tensor *input = &sine_model.inputs[0];
    const tml_tensor *output = &sine_model.outputs[0];
    (void)sine_init(); /* cannot fail with this runtime */
    for (;;) {
        memset(input->data, 0, input->bytes); /* your sensor's data */
        sine_model.invoke();
        printk("first byte of the output: %d\n", *(const uint8_t *)output->data); /* your use of it */
        k_msleep(1000);
    }
    return 0;
}
#endif
