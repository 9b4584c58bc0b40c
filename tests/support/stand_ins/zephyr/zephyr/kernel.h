/* Stand-ins with what our port and application use of Zephyr, written from its documentation. */
#ifndef ZEPHYR_KERNEL_H
#define ZEPHYR_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct k_thread *k_tid_t;

k_tid_t k_current_get(void);
int k_thread_stack_space_get(const struct k_thread *thread, size_t *unused_ptr);
uint32_t k_uptime_get_32(void);
int32_t k_msleep(int32_t ms);
void k_yield(void);
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
