/* tml_tflm_log.cpp: what TensorFlow Lite Micro says, on the serial line.
 *
 * A line begins with "tflm: ". The formats that TFLM uses are known: %s %c %d %i %u %x %p %f, with flags,
 * widths and length modifiers passed over (%ld, %zu); 64-bit numbers are not among them.
 * Both functions replace those of micro/debug_log.cc.
 */
#include <cstdarg>
#include <cstddef>
#include <cstdint>

#include "tml_port.h"

extern "C" void DebugLog(const char *format, va_list args);
extern "C" int DebugVsnprintf(char *buffer, size_t size, const char *format, va_list args);

namespace {

/* Where the text goes: a buffer, or the serial line when there is none. */
struct Sink {
    char *buffer;
    size_t size;
    size_t count;

    void put(char c)
    {
        if (buffer == nullptr) {
            tml_port_write(static_cast<uint8_t>(c));
        } else if (count + 1 < size) {
            buffer[count] = c;
        }
        count++;
    }

    void put_text(const char *text)
    {
        while (*text != '\0') {
            put(*text++);
        }
    }

    void put_number(uint32_t value, uint32_t base)
    {
        char digits[10];
        int length = 0;
        do {
            digits[length++] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        while (length > 0) {
            put(digits[--length]);
        }
    }

    void put_signed(int32_t value)
    {
        if (value < 0) {
            put('-');
        }
        put_number(value < 0 ? 0u - static_cast<uint32_t>(value) : static_cast<uint32_t>(value),
                   10);
    }

    /* The whole part and three digits; TFLM only prints floats in messages about scales. */
    void put_float(double value)
    {
        if (value < 0) {
            put('-');
            value = -value;
        }
        const uint32_t thousandths = static_cast<uint32_t>(value * 1000.0 + 0.5);
        put_number(thousandths / 1000, 10);
        put('.');
        put(static_cast<char>('0' + thousandths / 100 % 10));
        put(static_cast<char>('0' + thousandths / 10 % 10));
        put(static_cast<char>('0' + thousandths % 10));
    }
};

bool is_modifier(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == ' ' || c == '#'
        || c == 'l' || c == 'z' || c == 'h' || c == 't';
}

void format_text(Sink &sink, const char *format, va_list args)
{
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            sink.put(*format);
            continue;
        }
        do {
            format++;
        } while (is_modifier(*format));
        switch (*format) {
        case 's': sink.put_text(va_arg(args, const char *)); break;
        case 'c': sink.put(static_cast<char>(va_arg(args, int))); break;
        case 'd':
        case 'i': sink.put_signed(va_arg(args, int)); break;
        case 'u': sink.put_number(va_arg(args, unsigned), 10); break;
        case 'x':
        case 'X':
        case 'p': sink.put_number(va_arg(args, unsigned), 16); break;
        case 'f':
        case 'g': sink.put_float(va_arg(args, double)); break;
        case '\0': return;
        default: sink.put(*format); break;
        }
    }
}

} // namespace

extern "C" void DebugLog(const char *format, va_list args)
{
    static bool is_line_open = false;
    Sink sink = {nullptr, 0, 0};
    if (!is_line_open) {
        sink.put_text("tflm: ");
    }
    format_text(sink, format, args);
    /* MicroPrintf sends the message and its line end apart. */
    size_t length = 0;
    while (format[length] != '\0') {
        length++;
    }
    is_line_open = length == 0 || format[length - 1] != '\n';
}

extern "C" int DebugVsnprintf(char *buffer, size_t size, const char *format, va_list args)
{
    Sink sink = {buffer, size, 0};
    format_text(sink, format, args);
    if (size > 0) {
        buffer[sink.count < size ? sink.count : size - 1] = '\0';
    }
    return static_cast<int>(sink.count);
}
