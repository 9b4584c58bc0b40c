/* main.c: your application. tinyml wrote it once and does not touch it again. */
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

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

#define PRIORITY 1 /* above the idle task only: Wi-Fi and drivers go first */

/* The last core. On a chip with two, ESP-IDF keeps Wi-Fi and its own tasks on the first one. The
 * task stays there because each core counts cycles for itself. */
#if CONFIG_SOC_CPU_CORES_NUM > 1 && !CONFIG_FREERTOS_UNICORE
#define CORE 1
#else
#define CORE 0
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

static void model_task(void *unused)
{
    (void)unused;
#ifdef TML_TWO_CORES
    tml_both_start(); /* large layers run on the other core, too */
#endif
    tml_port_init(); /* serial line, cycle counter */
    (void)sine_init(); /* cannot fail with this runtime */
#ifdef TML_AGENT /* a host may measure and verify the model over the serial line: see README.md */
    tml_agent_start(&sine_model);
    for (;;) {
        tml_agent_poll();
        if (tml_agent_is_idle()) {
            (void)take_turn();
        }
        vTaskDelay(1);
    }
#else
    for (;;) {
        (void)take_turn();
        vTaskDelay(1);
    }
#endif
}

void app_main(void)
{
    (void)xTaskCreatePinnedToCore(model_task, "model", TML_STACK_BYTES, NULL, PRIORITY, NULL, CORE);
}
