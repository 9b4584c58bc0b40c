/* tml_checked.c: see tml_checked.h. */
#include "tml_checked.h"

#include "tml.h"
#include "tml_crc.h"
#include "tml_text.h"

#ifndef TML_AGENT_BENCHMARK

#define HEAD 9u /* characters of "[SSSS NN " */
#define TAIL 6u /* of "]-XXXX" */

static uint32_t session; /* 0 after a reset */
static uint32_t number;
static bool is_checked;

/* So many hexadecimal digits; more than they can hold when one is none. */
static TML_NOINLINE uint32_t hex(const char *text, int digits)
{
    uint32_t value = 0;
    TML_ROLLED
    for (int i = 0; i < digits; i++) {
        const int digit = tml_hex_digit(text[i]);
        if (digit < 0) {
            return UINT32_MAX;
        }
        value = value * 16u + (uint32_t)digit;
    }
    return value;
}

static bool is_whole(const char *line, uint32_t length)
{
    if (length < HEAD + TAIL || line[5] != ' ' || line[8] != ' ') {
        return false;
    }
    const char *tail = line + length - TAIL;
    uint16_t crc = TML_CRC16_START;
    TML_ROLLED
    for (const char *at = line + 1; at < tail; at++) {
        crc = tml_crc16_add(crc, (uint8_t)*at);
    }
    return tail[0] == ']' && tail[1] == '-' && hex(tail + 2, 4) == crc;
}

const char *tml_checked_open(char *line, uint32_t length)
{
    is_checked = false;
    if (line[0] != '[') {
        return line;
    }
    const uint32_t named = hex(line + 1, 4);
    number = hex(line + 6, 2);
    if (!is_whole(line, length) || named > 0xFFFFu || number > 0xFFu) {
        tml_put_line("e-[Damaged command]");
        return NULL;
    }
    is_checked = true;
    line[length - TAIL] = '\0';
    const char *command = line + HEAD;
    tml_begin_checked();
    if (tml_take_word(&command, "session")) {
        session = named;
        return NULL;
    }
    if (named != session) {
        tml_put_line("e-[Another session]");
        return NULL;
    }
    return command;
}

void tml_checked_close(void)
{
    if (!is_checked) {
        return;
    }
    const uint32_t crc = tml_checked_crc();
    tml_begin_reply("done");
    tml_put_hex(session, 4);
    tml_put_char(',');
    tml_put_hex(number, 2);
    tml_put_char(',');
    tml_put_hex(crc, 8);
    tml_end_reply();
}

bool tml_is_checked(void)
{
    return is_checked;
}

#else

typedef int tml_benchmark_has_no_sessions; /* a file must not be empty */

#endif
