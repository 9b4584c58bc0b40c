/* tml_text.h: writes replies and reads arguments of the serial protocol, without stdio and floats.
 *
 * A checked reply is "m-<what>-[payload]-XXXX", XXXX = CRC-16 of the payload.
 */
#ifndef TML_TEXT_H
#define TML_TEXT_H

#include <stdbool.h>
#include <stdint.h>

void tml_put_char(char c);
void tml_put_text(const char *text);

/* The text, then the end of the line. */
void tml_put_line(const char *text);

void tml_put_unsigned(uint64_t value);
void tml_put_signed(int64_t value);

/* `digits` upper-case hexadecimal digits, leading zeros included. */
void tml_put_hex(uint32_t value, int digits);

/* factor * scale with three decimals, rounded as printf does. The scale comes as the bits of a float;
 * |factor| < 2^29, or < 2^52 when the scale is a power of two. A product of 2^64 / 1000 and more reads
 * "inf", an undefined one "nan". */
void tml_put_decimal(int64_t factor, uint32_t scale_bits);

/* "m-<what>-[" and "]-XXXX\r\n"; what is put in between is the payload. */
void tml_begin_reply(const char *what);
void tml_end_reply(void);

/* A checksum of all that is put from now on: CRC-32 as in zlib. */
void tml_begin_checked(void);
uint32_t tml_checked_crc(void);

/* The next unsigned decimal number of *text, which may be behind spaces; moves *text behind it.
 * Returns false, and leaves *text alone, when there is none or it does not fit 32 bits. */
bool tml_take_number(const char **text, uint32_t *value);

/* Whether nothing but spaces is left. */
bool tml_at_end(const char *text);

/* Whether *text goes on with the word, complete; moves *text behind it. */
bool tml_take_word(const char **text, const char *word);

/* The value of a hexadecimal digit, or -1. */
int tml_hex_digit(char c);

#endif
