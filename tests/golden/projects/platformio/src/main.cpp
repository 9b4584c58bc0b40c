// main.cpp: your application. tinyml wrote it once and does not touch it again.
#include <Arduino.h>

#include <sine.h>
#include <agent/tml_agent.h>
#include <tml_port.h>

// The agent runs the model when it is told to on the serial line: see README.md.
void setup()
{
    tml_port_init(); // Serial and the cycle counter
    sine_init();
    tml_agent_start(&sine_model);
}

void loop()
{
    tml_agent_poll();
}
