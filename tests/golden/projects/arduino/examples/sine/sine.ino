// Your sketch. tinyml wrote it once and does not touch it again.
//
// The agent runs the model when it is told to on the serial line: open the serial monitor, type help%
// and press Enter. README.md shows how to call the model yourself.
#include <sine.h>
#include <agent/tml_agent.h>
#include <tml_port.h>

void setup()
{
  tml_port_init();  // Serial and the cycle counter
  sine_init();
  tml_agent_start(&sine_model);
}

void loop()
{
  tml_agent_poll();
}
