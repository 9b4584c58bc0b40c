/* tml_text.c: see tml_text.h. */
#include "tml_text.h"

#include "tml.h"
#include "tml_crc.h"
#include "tml_port.h"

#define MAX_DIGITS 20

static uint16_t payload_crc;
static uint32_t reply_crc;

TML_NOINLINE void tml_put_char(char c)
{
    payload_crc = tml_crc16_add(payload_crc, (uint8_t)c);
    reply_crc = tml_crc32_add(reply_crc, (uint8_t)c);
    tml_port_write((uint8_t)c);
}

TML_NOINLINE void tml_put_text(const char *text)
{
    while (*text != '\0') {
        tml_put_char(*text++);
    }
}

void tml_put_line(const char *text)
{
    tml_put_text(text);
    tml_put_text("\r\n");
}

TML_NOINLINE void tml_put_unsigned(uint64_t value)
{
    char digits[MAX_DIGITS];
    int count = 0;
    do {
        digits[count++] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    while (count > 0) {
        tml_put_char(digits[--count]);
    }
}

void tml_put_signed(int64_t value)
{
    if (value < 0) {
        tml_put_char('-');
    }
    tml_put_unsigned(value < 0 ? 0u - (uint64_t)value : (uint64_t)value);
}

TML_NOINLINE void tml_put_hex(uint32_t value, int digits)
{
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
        tml_put_char("0123456789ABCDEF"[(value >> shift) & 0xFu]);
    }
}

/* value / 2^shift, halves to even; 0 <= shift <= 63. */
static uint64_t round_shift(uint64_t value, int shift)
{
    if (shift == 0) {
        return value;
    }
    const uint64_t half = UINT64_C(1) << (shift - 1);
    const uint64_t rest = value & ((half << 1) - 1u);
    const uint64_t whole = value >> shift;
    return whole + ((rest > half || (rest == half && (whole & 1u) != 0)) ? 1u : 0u);
}

void tml_put_decimal(int64_t factor, uint32_t scale_bits)
{
    const bool is_negative = (factor < 0) != ((scale_bits >> 31) != 0);
    const int field = (int)((scale_bits >> 23) & 0xFFu);
    const uint32_t fraction = scale_bits & 0x7FFFFFu;
    if (field == 0xFF && (fraction != 0 || factor == 0)) {
        tml_put_text("nan");
        return;
    }
    /* scale = mantissa * 2^exponent, with an odd mantissa so that the product stays small */
    int exponent = (field == 0 ? 1 : field) - 150;
    uint64_t mantissa = field == 0 ? fraction : (fraction | 0x800000u);
    for (; mantissa != 0 && (mantissa & 1u) == 0; mantissa >>= 1) {
        exponent++;
    }
    mantissa *= (uint64_t)(factor < 0 ? -factor : factor) * 1000u;
    if (is_negative) {
        tml_put_char('-');
    }
    if (field == 0xFF
        || (mantissa != 0 && exponent > 0
            && (exponent > 63 || (mantissa >> (64 - exponent)) != 0))) {
        tml_put_text("inf");
        return;
    }
    uint64_t thousandths = 0;
    if (mantissa != 0 && exponent >= -63) {
        thousandths = exponent > 0 ? mantissa << exponent : round_shift(mantissa, -exponent);
    }
    const uint32_t decimals = (uint32_t)(thousandths % 1000u);
    tml_put_unsigned(thousandths / 1000u);
    tml_put_char('.');
    tml_put_char((char)('0' + decimals / 100u));
    tml_put_char((char)('0' + decimals / 10u % 10u));
    tml_put_char((char)('0' + decimals % 10u));
}

void tml_begin_reply(const char *what)
{
    tml_put_text("m-");
    tml_put_text(what);
    tml_put_text("-[");
    payload_crc = TML_CRC16_START;
}

void tml_end_reply(void)
{
    const uint16_t crc = payload_crc;
    tml_put_text("]-");
    tml_put_hex(crc, 4);
    tml_put_line("");
}

void tml_begin_checked(void)
{
    reply_crc = TML_CRC32_START;
}

uint32_t tml_checked_crc(void)
{
    return ~reply_crc;
}

bool tml_take_number(const char **text, uint32_t *value)
{
    const char *at = *text;
    while (*at == ' ') {
        at++;
    }
    if (*at < '0' || *at > '9') {
        return false;
    }
    uint64_t number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10u + (uint64_t)(*at - '0');
        if (number > UINT32_MAX) {
            return false;
        }
    }
    *value = (uint32_t)number;
    *text = at;
    return true;
}

bool tml_at_end(const char *text)
{
    while (*text == ' ') {
        text++;
    }
    return *text == '\0';
}

bool tml_take_word(const char **text, const char *word)
{
    const char *at = *text;
    while (*at == ' ') {
        at++;
    }
    while (*word != '\0') {
        if (*at++ != *word++) {
            return false;
        }
    }
    if (*at != '\0' && *at != ' ') {
        return false;
    }
    *text = at;
    return true;
}

int tml_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}
