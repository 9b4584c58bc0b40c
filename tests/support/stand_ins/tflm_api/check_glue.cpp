/* check_glue.cpp: asks the glue what it does when the interpreter misbehaves; one line an answer. */
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include MODEL_HEADER

#include "tml_port.h"

extern "C" {
extern uint32_t stand_in_schema;
extern size_t stand_in_least_arena;
extern size_t stand_in_moved_by;
}

static uint32_t layers_done;
static uint32_t stop_at = UINT32_MAX;
static char said[256];
static size_t said_count;

extern "C" bool tml_layer_done(uint32_t layer)
{
    layers_done++;
    return layer == stop_at;
}

extern "C" void tml_port_write(uint8_t byte)
{
    if (said_count < sizeof said - 1) {
        said[said_count++] = static_cast<char>(byte);
    }
}

extern "C" void DebugLog(const char *format, va_list args);

static void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    DebugLog(format, args);
    va_end(args);
}

int main()
{
    stand_in_schema = 2;
    std::printf("schema %d\n", INIT());
    stand_in_schema = 3;
    stand_in_least_arena = SIZE_MAX;
    std::printf("arena %d\n", INIT());
    stand_in_least_arena = 0;
    stand_in_moved_by = 16;
    std::printf("moved %d\n", INIT());
    stand_in_moved_by = static_cast<size_t>(0) - 16;
    std::printf("moved back %d\n", INIT()); /* the address was taken over: it moves from there */
    stand_in_moved_by = 0;
    std::printf("ready %d\n", INIT());
    INVOKE();
    std::printf("layers %u of %u\n", static_cast<unsigned>(layers_done), MODEL.layer_count);
    layers_done = 0;
    stop_at = 0;
    INVOKE();
    std::printf("stopped after %u\n", static_cast<unsigned>(layers_done));
    layers_done = 0;
    stop_at = UINT32_MAX;
    INVOKE();
    std::printf("again %u\n", static_cast<unsigned>(layers_done));
    say("Node %s (number %u) failed with %d: %5.2f 0x%x", "CONV_2D", 3u, -7, 1.25, 255u);
    say("\r\n");
    say("next %c%%", 'x');
    std::printf("%s\n", said);
    return 0;
}
