/* threads.c: the parts of FreeRTOS that run a model on two cores, with threads of a PC.
 *
 * A semaphore and a notification are both a counter that somebody waits for.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

struct counter {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned int count;
};

static struct counter notified = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
static struct counter done = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
static TaskFunction_t task;

static void give(struct counter *counter)
{
    pthread_mutex_lock(&counter->mutex);
    ++counter->count;
    pthread_cond_signal(&counter->changed);
    pthread_mutex_unlock(&counter->mutex);
}

static void take(struct counter *counter)
{
    pthread_mutex_lock(&counter->mutex);
    while (counter->count == 0) {
        pthread_cond_wait(&counter->changed, &counter->mutex);
    }
    --counter->count;
    pthread_mutex_unlock(&counter->mutex);
}

static void *run(void *unused)
{
    task(unused);
    return NULL;
}

TaskHandle_t xTaskCreateStaticPinnedToCore(TaskFunction_t code, const char *const name,
                                           const uint32_t depth, void *const parameters,
                                           UBaseType_t priority, StackType_t *const stack,
                                           StaticTask_t *const memory, const BaseType_t core)
{
    static pthread_t thread;
    if (task != NULL || depth < 1024 || priority != uxTaskPriorityGet(NULL) || core != 1) {
        (void)fprintf(stderr, "%s: started twice, or on the wrong core\n", name);
        abort();
    }
    (void)parameters, (void)stack;
    task = code;
    if (pthread_create(&thread, NULL, run, NULL) != 0) {
        abort();
    }
    return (TaskHandle_t)memory;
}

UBaseType_t uxTaskPriorityGet(const TaskHandle_t which)
{
    (void)which;
    return 1;
}

BaseType_t xPortGetCoreID(void)
{
    return 0;
}

BaseType_t xTaskNotifyGive(TaskHandle_t which)
{
    (void)which;
    give(&notified);
    return pdPASS;
}

uint32_t ulTaskNotifyTake(BaseType_t is_cleared, TickType_t ticks)
{
    (void)is_cleared, (void)ticks;
    take(&notified);
    return 1;
}

SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *memory)
{
    return (SemaphoreHandle_t)memory;
}

BaseType_t xSemaphoreGive(SemaphoreHandle_t which)
{
    (void)which;
    give(&done);
    return pdPASS;
}

BaseType_t xSemaphoreTake(SemaphoreHandle_t which, TickType_t ticks)
{
    (void)which, (void)ticks;
    take(&done);
    return pdPASS;
}
