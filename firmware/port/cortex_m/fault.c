/* fault.c: any exception ends here. It says on the serial line where, and stops.
 *
 * "e-[fault 3 at 080012A4 from 08000F31 status 00008200 address 10010000 registers ...]": exception
 * number, program counter, link register; CFSR and BFAR where the core has them; R0 to R3, R12, PSR.
 */
#include "../port.h"

#define CFSR 0xE000ED28u
#define BFAR 0xE000ED38u
#define FRAME_R12 4
#define FRAME_LR 5
#define FRAME_PC 6
#define FRAME_PSR 7

extern uint32_t _stack_bottom[], _stack_top[];

void tml_fault_entry(void);
void tml_fault(const uint32_t *frame, uint32_t number);

/* r0 = stacked registers. After a stack overflow the stack pointer is of no use any more. */
__attribute__((naked, used)) void tml_fault_entry(void)
{
    __asm volatile("mrs r0, msp\n\t"
                   "mrs r1, ipsr\n\t"
                   "ldr r2, =_stack_bottom\n\t"
                   "cmp r0, r2\n\t"
                   "bhs 1f\n\t"
                   "ldr r2, =_stack_top\n\t"
                   "mov sp, r2\n"
                   "1:\n\t"
                   "ldr r2, =tml_fault\n\t"
                   "bx r2\n\t"
                   ".ltorg");
}

static void write_text(const char *text)
{
    while (*text != '\0') {
        tml_port_write((uint8_t)*text++);
    }
}

static void write_word(const char *label, uint32_t value)
{
    write_text(label);
    for (int shift = 28; shift >= 0; shift -= 4) {
        tml_port_write((uint8_t)"0123456789ABCDEF"[(value >> shift) & 0xFu]);
    }
}

__attribute__((noreturn, used)) void tml_fault(const uint32_t *frame, uint32_t number)
{
    const bool is_readable = frame >= _stack_bottom && frame + FRAME_PSR < _stack_top;
    write_text("\r\ne-[fault ");
    if (number >= 10) {
        tml_port_write((uint8_t)('0' + number / 10u));
    }
    tml_port_write((uint8_t)('0' + number % 10u));
    if (is_readable) {
        write_word(" at ", frame[FRAME_PC]);
        write_word(" from ", frame[FRAME_LR]);
    } else {
        write_text(", stack overflow");
    }
#if __ARM_ARCH >= 7
    write_word(" status ", TML_REG(CFSR));
    write_word(" address ", TML_REG(BFAR));
#endif
    if (is_readable) {
        write_word(" registers ", frame[0]);
        for (int i = 1; i <= FRAME_R12; i++) {
            write_word(" ", frame[i]);
        }
        write_word(" ", frame[FRAME_PSR]);
    }
    write_text("]\r\n");
    for (;;) {
        __asm volatile("wfi");
    }
}
