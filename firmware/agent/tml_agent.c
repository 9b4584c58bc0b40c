/* tml_agent.c: receives commands and hands them to their functions. */
#include "tml_agent.h"

#include "tml_checked.h"
#include "tml_commands.h"
#include "tml_config.h"
#include "tml_control.h"
#include "tml_port.h"
#include "tml_session.h"
#include "tml_text.h"

#define MAX_COMMAND 80
#define CANCEL 0x18 /* ASCII CAN, Ctrl-X */
#define WAIT_S 2u   /* for a host, before the application begins */
#define LISTEN_S \
    5u /* the same after a byte that came while the application ran: more may have been lost */

typedef struct {
    const char *word;
    void (*run)(const tml_model *model, const char *arguments);
} tml_command;

static void help(const tml_model *model, const char *arguments);
#ifndef TML_AGENT_BENCHMARK
static void begin_app(const tml_model *model, const char *arguments);
#endif

static const tml_command commands[] = {
    {"name", tml_command_name},
    {"profile", tml_command_profile},
    {"timestamp", tml_command_timestamp},
    {"db", tml_command_db},
    {"infer", tml_command_infer},
    {"results", tml_command_results},
    {"help", help},
#ifndef TML_AGENT_BENCHMARK /* else nothing but what the benchmark knows */
    {"id", tml_command_id},
    {"tensor", tml_command_tensor},
    {"layers", tml_command_layers},
    {"cycles", tml_command_cycles},
    {"mem", tml_command_mem},
    {"out", tml_command_out},
    {"layer", tml_command_layer},
    {"baud", tml_command_baud},
    {"boot", tml_command_boot},
    {"reset", tml_command_reset},
    {"state", tml_command_state},
    {"app", begin_app},
#endif
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const tml_model *model;
static char line[MAX_COMMAND + 1];
static uint32_t length;  /* MAX_COMMAND + 1 when the command is too long */
static bool is_complete; /* the line is a command that waits */
static enum { WAITING, SERVING, IDLE } phase;
static uint64_t idle_from; /* cycles: the end of waiting */

static void help(const tml_model *served, const char *arguments)
{
    (void)served;
    (void)arguments;
    tml_put_line(
        "name% profile% timestamp% db load N% db HEX% db print% infer N W% results% Ctrl-X");
#ifndef TML_AGENT_BENCHMARK
    tml_put_line(
        "id% tensor in|out|layer K% db select K% db crc% layers% cycles% mem% out K% layer K%");
    tml_put_line("baud N% boot% reset% state keep|reset% app% [SSSS NN session]-XXXX%");
#endif
}

/* From here on inputs hold what the application writes. */
static void become_idle(void)
{
    for (uint32_t input = 0; input < model->input_count; input++) {
        tml_session_input_changed(input);
    }
    phase = IDLE;
}

static void wait_for_host(uint32_t seconds)
{
    phase = WAITING;
    idle_from = tml_session_cycles() + (uint64_t)seconds * tml_port_clock_hz();
}

bool tml_agent_is_idle(void)
{
    if (phase == WAITING && tml_session_cycles() >= idle_from) {
        become_idle();
    }
    return phase == IDLE;
}

#ifndef TML_AGENT_BENCHMARK
static void begin_app(const tml_model *served, const char *arguments)
{
    (void)served;
    (void)arguments;
    become_idle();
}
#endif

static void run(const char *text)
{
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const char *arguments = text;
        if (tml_take_word(&arguments, commands[i].word)) {
            tml_control_heard();
            phase = SERVING;
            commands[i].run(model, arguments);
            return;
        }
    }
    tml_put_text("e-[Unknown command: ");
    tml_put_text(text);
    tml_put_line("]");
}

static void take(int byte)
{
    if (phase == IDLE) {
        wait_for_host(LISTEN_S);
    }
    if (byte == '%') {
        is_complete = true;
    } else if (byte == CANCEL) {
        length = 0;
    } else if (byte >= ' ' && byte <= '~') {
        if (length < MAX_COMMAND) {
            line[length++] = (char)byte;
        } else {
            length = MAX_COMMAND + 1;
        }
    } /* line ends and noise are nothing */
}

/* The line belongs to the next command as soon as this one runs the model. */
static void carry_out(void)
{
    const uint32_t count = length;
    length = 0;
    is_complete = false;
    if (count > MAX_COMMAND) {
        tml_put_line("e-[Command too long]");
    } else {
        line[count] = '\0';
#ifdef TML_AGENT_BENCHMARK
        run(line);
#else
        const char *command = tml_checked_open(line, count);
        if (command != NULL) {
            run(command);
        }
        tml_checked_close();
#endif
    }
    tml_put_line("m-ready");
    tml_control_replied();
}

bool tml_is_cancelled(void)
{
    while (!is_complete) {
        const int byte = tml_port_read();
        if (byte < 0) {
            break;
        }
        take(byte);
        if (byte == CANCEL) {
            return true;
        }
    }
    return false;
}

void tml_agent_start(const tml_model *served)
{
    model = served;
    tml_session_start(served);
    wait_for_host(WAIT_S);
    tml_put_line("m-init-done");
    tml_put_line("m-ready");
}

void tml_agent_poll(void)
{
    tml_control_poll();
    for (;;) {
        (void)tml_is_cancelled(); /* nothing runs that could be */
        if (!is_complete) {
            return;
        }
        carry_out();
    }
}
