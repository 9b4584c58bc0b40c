/* tml_agent.h: answers the serial protocol for one model (docs/serial-protocol.md).
 *
 * Nothing of it runs during an inference but the hook after each layer.
 */
#ifndef TML_AGENT_H
#define TML_AGENT_H

#include "tml.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TML_AGENT_PROTOCOL 3

/* Says on the serial line that it is there. tml_port_init() comes first. */
void tml_agent_start(const tml_model *model);

/* Takes what has arrived and carries out each complete command. Returns soon when nothing has. */
void tml_agent_poll(void);

/* Whether the application may run the model and write to the serial line: two seconds after the start unless a host
 * has begun to talk, and after the command `app`. After any other command it may not; after anything else that came
 * while it ran it waits five seconds for the rest. */
bool tml_agent_is_idle(void);

#ifdef __cplusplus
}
#endif

#endif
