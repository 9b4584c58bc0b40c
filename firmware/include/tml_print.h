/* tml_print.h: text and numbers on the serial port, without stdio. For your application. */
#ifndef TML_PRINT_H
#define TML_PRINT_H

#include "tml_port.h"

/* One copy of each, called from where it is wanted: they have time. */
#define TML_PRINT static __attribute__((noinline, unused))

#ifdef __cplusplus
extern "C" {
#endif

TML_PRINT void tml_print(const char *text)
{
    while (*text != '\0') {
        tml_port_write((uint8_t)*text++);
    }
}

TML_PRINT void tml_print_unsigned(uint32_t value)
{
    char digits[11];
    char *first = digits + sizeof digits - 1;
    *first = '\0';
    do {
        *--first = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0u);
    tml_print(first);
}

TML_PRINT void tml_print_signed(int32_t value)
{
    if (value < 0) {
        tml_print("-");
    }
    tml_print_unsigned(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
}

/* A real value with three decimals, rounded; beyond 2,000,000 the greatest that is shown. Uses float. */
TML_PRINT void tml_print_real(float value)
{
    const float most = 2000000.0f;
    if (value < 0.0f) {
        tml_print("-");
        value = -value;
    }
    const uint32_t thousandths = (uint32_t)((value < most ? value : most) * 1000.0f + 0.5f);
    tml_print_unsigned(thousandths / 1000u);
    const char decimals[] = {
        '.',
        (char)('0' + thousandths / 100u % 10u),
        (char)('0' + thousandths / 10u % 10u),
        (char)('0' + thousandths % 10u),
        '\0',
    };
    tml_print(decimals);
}

#ifdef __cplusplus
}
#endif

#endif
