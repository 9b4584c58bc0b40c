/* tml_both.h: two halves of a layer, which two cores may run at the same time.
 *
 * A model that was compiled for two cores calls tml_both() for its large layers. Neither half reads what the
 * other writes: the compiler has proved it. So results are the same whether they run in turn, in any order or
 * at once. firmware/port/ has what runs them on a chip.
 */
#ifndef TML_BOTH_H
#define TML_BOTH_H

#ifdef __cplusplus
extern "C" {
#endif

/* Starts what waits for work on the other core. To be called once, by the task that runs the model and stays
 * on its core; until then all runs on that one. */
void tml_both_start(void);

/* Runs both, `there` on the other core if it was started; returns when both are done. Not for two tasks at
 * the same time. */
void tml_both(void (*here)(void), void (*there)(void));

#ifdef __cplusplus
}
#endif

#endif
