/* tml_load.c: db load, db HEX, db print, db select, db crc. */
#include "tml_commands.h"
#include "tml_crc.h"
#include "tml_session.h"
#include "tml_task.h"
#include "tml_text.h"

#define BYTES_PER_LINE 8u

static uint32_t selected; /* input that is filled */
static uint32_t expected; /* bytes of this load; 0 when there was none */
static uint32_t received;

static uint8_t *input_bytes(const tml_model *model)
{
    return tml_task_bytes(model, selected);
}

static void load(const tml_model *model, const char *arguments)
{
    uint32_t count;
    if (!tml_take_number(&arguments, &count) || count == 0) {
        tml_put_line("e-[Expected a number of bytes]");
        return;
    }
    const uint32_t capacity = tml_task_capacity(model, selected);
    if (count > capacity) {
        tml_put_text("e-[Input has ");
        tml_put_unsigned(capacity);
        tml_put_line(" bytes]");
        return;
    }
    expected = count;
    received = 0;
    tml_session_input_changed(selected);
    tml_put_text("m-[Expecting ");
    tml_put_unsigned(count);
    tml_put_line(" bytes]");
}

/* Checks all digits before the first byte is written. Returns the number of bytes, or 0. */
static uint32_t check_digits(const char *digits)
{
    uint32_t count = 0;
    for (; digits[0] != '\0'; digits += 2) {
        if (digits[1] == '\0') {
            tml_put_line("e-[Insufficent number of hex digits]"); /* sic: as the benchmark has it */
            return 0;
        }
        if (tml_hex_digit(digits[0]) < 0 || tml_hex_digit(digits[1]) < 0) {
            tml_put_text("e-[Invalid hex digit '");
            tml_put_char(digits[0]);
            tml_put_char(digits[1]);
            tml_put_line("']");
            return 0;
        }
        count++;
    }
    return count;
}

static void take_bytes(const tml_model *model, const char *digits)
{
    if (received >= expected) {
        tml_put_line("e-[No load in progress: send db load N first]");
        return;
    }
    const uint32_t count = check_digits(digits);
    if (count > expected - received) {
        tml_put_text("e-[Too many bytes: ");
        tml_put_unsigned(expected - received);
        tml_put_line(" are missing]");
        return;
    }
    for (uint32_t i = 0; i < count; i++, digits += 2) {
        const int byte = tml_hex_digit(digits[0]) * 16 + tml_hex_digit(digits[1]);
        input_bytes(model)[received++] = (uint8_t)byte;
    }
    if (count > 0 && received == expected) {
        tml_session_input_loaded(selected);
        tml_put_line("m-load-done");
    }
}

bool tml_refuse_while_loading(void)
{
    if (received < expected) {
        tml_put_text("e-[Load in progress: ");
        tml_put_unsigned(expected - received);
        tml_put_line(" bytes are missing]");
        return true;
    }
    return false;
}

static void print(const tml_model *model)
{
    for (uint32_t i = 0; i < received; i++) {
        if (i % BYTES_PER_LINE == 0) {
            tml_put_text(i == 0 ? "m-buffer" : "\r\nm-buffer");
        }
        tml_put_char('-');
        tml_put_hex(input_bytes(model)[i], 2);
    }
    tml_put_line("");
}

static void select_input(const tml_model *model, const char *arguments)
{
    uint32_t index;
    if (!tml_take_number(&arguments, &index) || index >= model->input_count) {
        tml_put_text("e-[Inputs are 0 to ");
        tml_put_unsigned(model->input_count - 1u);
        tml_put_line("]");
        return;
    }
    selected = index;
    expected = 0;
    received = 0;
}

static void checksum(const tml_model *model)
{
    tml_begin_reply("crc");
    tml_put_unsigned(selected);
    tml_put_char(',');
    tml_put_unsigned(received);
    tml_put_char(',');
    uint32_t crc = TML_CRC32_START;
    for (uint32_t i = 0; i < received; i++) {
        crc = tml_crc32_add(crc, input_bytes(model)[i]);
    }
    tml_put_hex(~crc, 8);
    tml_end_reply();
}

void tml_command_db(const tml_model *model, const char *arguments)
{
    if (tml_take_word(&arguments, "load")) {
        load(model, arguments);
    } else if (tml_take_word(&arguments, "print")) {
        print(model);
    } else if (tml_take_word(&arguments, "select")) {
        select_input(model, arguments);
    } else if (tml_take_word(&arguments, "crc")) {
        checksum(model);
    } else {
        while (*arguments == ' ') {
            arguments++;
        }
        take_bytes(model, arguments);
    }
}
