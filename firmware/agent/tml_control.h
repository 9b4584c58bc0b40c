/* tml_control.h: keeps the rate of the serial line; what the agent tells it of. */
#ifndef TML_CONTROL_H
#define TML_CONTROL_H

/* A known command has arrived. */
void tml_control_heard(void);

/* Its reply is out, m-ready included: a new rate begins now. */
void tml_control_replied(void);

/* To be called often: goes back to the board's own rate when nobody talks at the other one. */
void tml_control_poll(void);

#endif
