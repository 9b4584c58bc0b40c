/* inner.h: what files of the core's execution share. */
#ifndef TML_INNER_H
#define TML_INNER_H

#include "lx7.h"

#define PS_EXCM 0x10u
#define PS_OWB(ps) ((ps) >> 8 & 15u)
#define PS_CALLINC(ps) ((ps) >> 16 & 3u)
#define PS_WOE 0x40000u
enum { SR_EPC1 = 177, SR_VECBASE = 231, SR_EXCCAUSE = 232 };

/* windows.c: whether an exception was taken because an instruction touches registers of a caller. */
bool lx7_overflows(lx7_core *core, uint32_t quad);
lx7_stop lx7_return_window(lx7_core *core);
lx7_stop lx7_enter_function(lx7_core *core, const lx7_insn *i);
/* Whether MOVSP was carried out; else a vector brings registers back first. */
bool lx7_moves_stack(lx7_core *core, const lx7_insn *i);

/* registers.c */
uint32_t lx7_special_register(const lx7_core *core, uint32_t number);
void lx7_set_special_register(lx7_core *core, uint32_t number, uint32_t value);
uint32_t lx7_user_register(const lx7_core *core, uint32_t number);
void lx7_set_user_register(lx7_core *core, uint32_t number, uint32_t value);

#endif
