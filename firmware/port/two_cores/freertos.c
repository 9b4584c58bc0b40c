/* freertos.c: tml_both.h on ESP-IDF, a task that is pinned to the other core.
 *
 * The task sleeps until it is notified, and gives a semaphore when it is done; so the idle task of its core runs
 * between layers, and no watchdog bites. It has the priority and the size of stack of the task that runs the
 * model. Without a second core, or before tml_both_start(), halves run one after the other.
 * Source: ESP-IDF Programming Guide, FreeRTOS (IDF): SMP, task notifications; stacks are counted in bytes.
 */
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "sdkconfig.h"
#include "tml_both.h"
#include "tml_config.h"

static TaskHandle_t worker; /* NULL: there is none */
static SemaphoreHandle_t done;
static void (*work)(void);

#if CONFIG_SOC_CPU_CORES_NUM > 1 && !CONFIG_FREERTOS_UNICORE
static StackType_t stack[TML_STACK_BYTES];
static StaticTask_t task_memory;
static StaticSemaphore_t done_memory;

static void wait_for_work(void *unused)
{
    (void)unused;
    for (;;) {
        (void)ulTaskNotifyTake(pdTRUE, portMAX_DELAY);
        work();
        (void)xSemaphoreGive(done);
    }
}

void tml_both_start(void)
{
    if (worker == NULL) {
        done = xSemaphoreCreateBinaryStatic(&done_memory);
        worker = xTaskCreateStaticPinnedToCore(wait_for_work, "model_there", sizeof stack, NULL,
                                               uxTaskPriorityGet(NULL), stack, &task_memory,
                                               1 - xPortGetCoreID());
    }
}
#else
void tml_both_start(void)
{
}
#endif

void tml_both(void (*here)(void), void (*there)(void))
{
    if (worker == NULL) {
        here();
        there();
        return;
    }
    work = there; /* the notification orders it before what the other core reads */
    (void)xTaskNotifyGive(worker);
    here();
    (void)xSemaphoreTake(done, portMAX_DELAY);
}
