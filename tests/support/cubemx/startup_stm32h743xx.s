  .syntax unified
  .cpu cortex-m7
  .thumb
  .section .isr_vector,"a",%progbits
  .word _estack
  .word Reset_Handler
  .section .text.Reset_Handler
  .global Reset_Handler
  .type Reset_Handler, %function
Reset_Handler:
  bl main
  b .
  .size Reset_Handler, . - Reset_Handler
