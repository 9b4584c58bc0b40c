/* main.c: your application. tinyml wrote it once and does not touch it again. */
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

#include "sine.h"
#include "tml_config.h"
#include "tml_port.h"

#ifdef TML_TWO_CORES
#include "tml_both.h"
#endif
#ifdef TML_AGENT
#include "agent/tml_agent.h"
#else
#include <stdio.h>
#endif

#define PRIORITY 1 /* above the idle task only: Wi-Fi and drivers go first */

/* The last core. On a chip with two, ESP-IDF keeps Wi-Fi and its own tasks on the first one. The
 * task stays there because each core counts cycles for itself. */
#if CONFIG_SOC_CPU_CORES_NUM > 1 && !CONFIG_FREERTOS_UNICORE
#define CORE 1
#else
#define CORE 0
#endif

#ifdef TML_AGENT
/* The agent runs the model when it is told to on the serial line: see README.md. */
static void model_task(void *unused)
{
    (void)unused;
    tml_port_init(); /* serial line, cycle counter */
    (void)sine_init(); /* cannot fail with this runtime */
    tml_agent_start(&sine_model);
    for (;;) {
        tml_agent_poll();
        vTaskDelay(1);
    }
}
#else
/* Built with --no-agent. Each turn: write the input, run, read the output. The inference may
 * overwrite its input, so write all of it every time. sine.h describes type, shape and
 * scale of both. */
static void model_task(void *unused)
{
    (void)unused;
    const tml_tensor *input = &sine_model.inputs[0];
    const tml_tensor *output = &sine_model.outputs[0];
    (void)sine_init(); /* cannot fail with this runtime */
    for (;;) {
        memset(input->data, 0, input->bytes); /* your sensor's data */
        sine_model.invoke();
        printf("output[0] = %d\n", *(const int8_t *)output->data); /* your use of the result */
        vTaskDelay(pdMS_TO_TICKS(1000));
    }
}
#endif

static void first_task(void *unused)
{
#ifdef TML_TWO_CORES
    tml_both_start(); /* large layers run on the other core, too */
#endif
    model_task(unused);
}

void app_main(void)
{
    (void)xTaskCreatePinnedToCore(first_task, "model", TML_STACK_BYTES, NULL, PRIORITY, NULL, CORE);
}
