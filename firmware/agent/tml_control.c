/* tml_control.c: boot, reset, what becomes of the model's state, and a faster serial line for as long as somebody talks on it. */
#include "tml_control.h"

#include "tml_commands.h"
#include "tml_config.h"
#include "tml_port.h"
#include "tml_session.h"
#include "tml_text.h"

/* A board that nobody understands at the new rate must not be lost: without a command for so long it
 * goes back to its own rate. */
#define TRIAL_S 1u /* until the first command at the new rate */
#define HOLD_S 5u  /* after each one */

static uint32_t wanted;     /* rate that begins after the reply; 0: none */
static uint32_t patience_s; /* 0: the line has its own rate */
static uint64_t heard;      /* when */

void tml_command_baud(const tml_model *model, const char *arguments)
{
    (void)model;
    uint32_t baud;
    if (!tml_take_number(&arguments, &baud) || baud == 0) {
        tml_put_line("e-[Expected a baud rate]");
        return;
    }
    if (!tml_port_has_baud(baud)) {
        tml_put_line("e-[This port cannot be set to that baud rate]");
        return;
    }
    wanted = baud;
    tml_begin_reply("baud");
    tml_put_unsigned(baud);
    tml_end_reply();
}

void tml_command_boot(const tml_model *model, const char *arguments)
{
    (void)model;
    (void)arguments;
    tml_begin_reply("boot");
    tml_put_unsigned(tml_port_boot_us());
    tml_put_char(',');
    tml_put_unsigned(tml_session_first_cycles());
    tml_end_reply();
}

void tml_command_reset(const tml_model *model, const char *arguments)
{
    (void)model;
    (void)arguments;
    tml_port_reset();
    tml_put_line("e-[This port cannot reset itself]");
}

void tml_command_state(const tml_model *model, const char *arguments)
{
    (void)model;
    const bool is_kept = tml_take_word(&arguments, "keep");
    if (!is_kept && !tml_take_word(&arguments, "reset")) {
        tml_put_line("e-[Expected keep or reset]");
        return;
    }
    tml_session_keep_state(is_kept);
    tml_begin_reply("state");
    tml_put_text(is_kept ? "keep" : "reset");
    tml_end_reply();
}

void tml_control_heard(void)
{
    heard = tml_session_cycles();
    if (patience_s != 0) {
        patience_s = HOLD_S;
    }
}

void tml_control_replied(void)
{
    heard = tml_session_cycles();
    if (wanted != 0) {
        tml_port_set_baud(wanted);
        patience_s = wanted == TML_BAUD ? 0 : TRIAL_S;
        wanted = 0;
    }
}

void tml_control_poll(void)
{
    const uint64_t silent = tml_session_cycles() - heard;
    if (patience_s != 0 && silent > (uint64_t)patience_s * tml_port_clock_hz()) {
        tml_port_set_baud(TML_BAUD);
        patience_s = 0;
    }
}
