# start.s: reset and register-window vectors for QEMU's Xtensa core de233_fpu, and the call to its host.
# Source: Xtensa Instruction Set Architecture Reference Manual: Windowed Register Option, window vectors.
    .section .reset, "ax"
    .p2align 2
    .global _reset
_reset:
    j 1f
    .p2align 2
.Lstack: .long _stack_top
.Lstart: .long _start
.Lvectors: .long _vectors
.Lps: .long 0x40020 # windows on, user mode
    .p2align 2
1:  l32r a1, .Lstack
    l32r a0, .Lvectors
    wsr a0, vecbase
    movi a0, 1
    wsr a0, windowstart
    movi a0, 0
    wsr a0, windowbase
    rsync
    l32r a0, .Lps
    wsr a0, ps
    movi a0, 1
    wsr a0, cpenable # the floating-point unit
    rsync
    l32r a0, .Lstart
    jx a0

# Registers of a caller that the window leaves are saved below the stack of the one it called.
    .section .vectors, "ax"
    .p2align 10
    .global _vectors
_vectors:
    s32e a0, a5, -16 # overflow of 4
    s32e a1, a5, -12
    s32e a2, a5, -8
    s32e a3, a5, -4
    rfwo
    .org 0x40
    l32e a0, a5, -16 # underflow of 4
    l32e a1, a5, -12
    l32e a2, a5, -8
    l32e a3, a5, -4
    rfwu
    .org 0x80
    s32e a0, a9, -16 # overflow of 8
    l32e a0, a1, -12
    s32e a1, a9, -12
    s32e a2, a9, -8
    s32e a3, a9, -4
    s32e a4, a0, -32
    s32e a5, a0, -28
    s32e a6, a0, -24
    s32e a7, a0, -20
    rfwo
    .org 0xC0
    l32e a0, a9, -16 # underflow of 8
    l32e a1, a9, -12
    l32e a2, a9, -8
    l32e a7, a1, -12
    l32e a3, a9, -4
    l32e a4, a7, -32
    l32e a5, a7, -28
    l32e a6, a7, -24
    l32e a7, a7, -20
    rfwu
    .org 0x100
    s32e a0, a13, -16 # overflow of 12
    l32e a0, a1, -12
    s32e a1, a13, -12
    s32e a2, a13, -8
    s32e a3, a13, -4
    s32e a4, a0, -48
    s32e a5, a0, -44
    s32e a6, a0, -40
    s32e a7, a0, -36
    s32e a8, a0, -32
    s32e a9, a0, -28
    s32e a10, a0, -24
    s32e a11, a0, -20
    rfwo
    .org 0x140
    l32e a0, a13, -16 # underflow of 12
    l32e a1, a13, -12
    l32e a2, a13, -8
    l32e a11, a1, -12
    l32e a3, a13, -4
    l32e a4, a11, -48
    l32e a5, a11, -44
    l32e a6, a11, -40
    l32e a7, a11, -36
    l32e a8, a11, -32
    l32e a9, a11, -28
    l32e a10, a11, -24
    l32e a11, a11, -20
    rfwu

# Anything else ends the program with the cause plus 100; but for MOVSP, with which a function makes room for the
# arguments of a call. It traps (cause 5) when the caller's registers are not in the window any more. Then the window is
# turned back to the caller, as if its return had underflowed, and the underflow vector reloads them; MOVSP is tried again.
    .org 0x300
    j .Ldie
    .org 0x340
    wsr a0, excsave1
    rsr a0, exccause
    beqz a0, .Lillegal
    bnei a0, 5, .Ldie
    rsr a0, windowbase # is to be the owner that the underflow vector goes back to
    rotw -1 # what was a0 is a4
    rsr a2, ps
    extui a3, a2, 8, 4
    xor a3, a3, a4
    slli a3, a3, 8
    xor a2, a2, a3
    wsr a2, ps
    rsync
    rsr a4, excsave1 # the return address; its top bits say how far the call turned the window
    bbci a4, 31, .Lby_4
    rotw -1
    bbci a8, 30, .Lby_8
    rotw -1
    j _vectors + 0x140
.Lby_4:
    j _vectors + 0x40
.Lby_8:
    j _vectors + 0xC0
.Ldie:
    rsr a3, exccause
    movi a2, 100
    add a3, a3, a2
    movi a2, 1 # exit
    .byte 0x00, 0x51, 0x00 # simcall
    j .Ldie
.Lillegal:
    j multiply_high
    .org 0x3C0
    j .Ldie # a second exception within the first
    .org 0x400

# MULSH and MULUH, which the LX7 has and no core of QEMU: always the same number of instructions, so that they can be taken off.
# All 16 registers that the window shows are put back as they were, whosever they are.
    .p2align 2
.Lregisters: .long registers
.Lemulated: .long emulated
.Llow: .long 0xFFFF
multiply_high:
    l32r a0, .Lregisters
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    s32i a\n, a0, 4 * \n
    .endr
    rsr a1, excsave1
    s32i a1, a0, 0
    rsr a2, epc1
    l8ui a3, a2, 0 # t, 0
    l8ui a4, a2, 1 # r, s
    l8ui a5, a2, 2 # 0xB2 for MULSH, 0xA2 for MULUH
    movi a6, 0x10
    or a6, a5, a6
    movi a7, 0xB2
    sub a6, a6, a7
    extui a7, a3, 0, 4
    or a6, a6, a7
    bnez a6, .Lother
    extui a6, a4, 0, 4
    addx4 a6, a6, a0
    l32i a6, a6, 0
    extui a7, a3, 4, 4
    addx4 a7, a7, a0
    l32i a7, a7, 0
    l32r a15, .Llow
    and a8, a6, a15 # halves of the first factor: a9, a8
    srai a9, a6, 16
    and a10, a7, a15 # of the second: a11, a10
    srai a11, a7, 16
    mull a12, a8, a10
    extui a12, a12, 16, 16
    mull a13, a9, a10
    add a12, a12, a13
    and a13, a12, a15
    mull a14, a8, a11
    add a13, a13, a14
    srai a12, a12, 16
    srai a13, a13, 16
    mull a14, a9, a11
    add a14, a14, a12
    add a14, a14, a13
    extui a5, a5, 4, 1
    addi a5, a5, -1 # all bits for MULUH: what factors above 2^31 are more than the negative ones that they were taken for
    srai a12, a6, 31
    and a12, a12, a7
    srai a13, a7, 31
    and a13, a13, a6
    add a12, a12, a13
    and a12, a12, a5
    add a14, a14, a12
    extui a8, a4, 4, 4
    addx4 a8, a8, a0
    s32i a14, a8, 0
    l32r a8, .Lemulated
    l32i a9, a8, 0
    addi a9, a9, 1
    s32i a9, a8, 0
    addi a2, a2, 3 # where to go on: behind it, or, where a hardware loop ends there, at its start
    rsr a3, lend
    sub a3, a3, a2
    rsr a4, lcount
    movi a5, 0
    moveqz a5, a4, a3
    movi a6, 0
    movi a7, 1
    movnez a6, a7, a5
    sub a4, a4, a6
    wsr a4, lcount
    rsr a6, lbeg
    movnez a2, a6, a5
    wsr a2, epc1
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    l32i a\n, a0, 4 * \n
    .endr
    l32i a0, a0, 0
    rfe
.Lother:
    j .Ldie

    .bss
    .p2align 2
registers: .space 64
emulated: .space 4

    .text
    .p2align 2
.Lmain: .long main
    .global _start
    .p2align 2
_start:
    movi a0, 0
    l32r a4, .Lmain
    callx4 a4
1:  j 1b

# int host_call(int number, int a, int b, int c): 1 exit, 3 read, 4 write
    .p2align 2
    .global host_call
    .type host_call, @function
host_call:
    entry a1, 32
    .byte 0x00, 0x51, 0x00 # simcall
    retw

# uint32_t ccount(void)
    .p2align 2
    .global ccount
    .type ccount, @function
ccount:
    entry a1, 32
    rsr a2, ccount
    retw

# uint32_t host_count(void): the emulator's counter
    .p2align 2
    .global host_count
    .type host_count, @function
host_count:
    entry a1, 32
    rsr a2, ccount
    retw
