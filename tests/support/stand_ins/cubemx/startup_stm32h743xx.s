  .syntax unified
  .cpu cortex-m7
  .fpu fpv5-d16
  .thumb
  .section .isr_vector,"a",%progbits
  .word _estack
  .word Reset_Handler
  .section .text.Reset_Handler
  .global Reset_Handler
  .type Reset_Handler, %function
Reset_Handler:
  ldr r0, =0xE000ED88 /* CPACR: the FPU on */
  ldr r1, [r0]
  orr r1, r1, #(0xF << 20)
  str r1, [r0]
  dsb
  isb
  ldr r0, =_sdata
  ldr r1, =_edata
  ldr r2, =_sidata
1:
  cmp r0, r1
  bcs 2f
  ldr r3, [r2], #4
  str r3, [r0], #4
  b 1b
2:
  ldr r0, =_sbss
  ldr r1, =_ebss
  movs r2, #0
3:
  cmp r0, r1
  bcs 4f
  str r2, [r0], #4
  b 3b
4:
  bl main
  b .
  .size Reset_Handler, . - Reset_Handler
