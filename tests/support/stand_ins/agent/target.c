/* target.c: the fake model on a real port. */
#include "agent/tml_agent.h"
#include "fake_model.h"
#include "tml_port.h"

int main(void);

void fake_work(uint32_t cycles)
{
    const uint32_t start = tml_port_cycles();
    while (tml_port_cycles() - start < cycles) {
    }
}

int main(void)
{
    tml_port_init();
    tml_agent_start(&fake_model);
    for (;;) {
        tml_agent_poll();
    }
}
