/* tml_commands.h: one function per command of the serial protocol; arguments follow the command word. */
#ifndef TML_COMMANDS_H
#define TML_COMMANDS_H

#include "tml.h"

/* MLPerf Tiny: tml_benchmark.c and tml_load.c. */
void tml_command_name(const tml_model *model, const char *arguments);
void tml_command_profile(const tml_model *model, const char *arguments);
void tml_command_timestamp(const tml_model *model, const char *arguments);
void tml_command_db(const tml_model *model, const char *arguments);
void tml_command_infer(const tml_model *model, const char *arguments);
void tml_command_results(const tml_model *model, const char *arguments);

/* Ours: tml_control.c. */
void tml_command_baud(const tml_model *model, const char *arguments);
void tml_command_boot(const tml_model *model, const char *arguments);
void tml_command_reset(const tml_model *model, const char *arguments);
void tml_command_state(const tml_model *model, const char *arguments);

/* Ours: tml_inspect.c. */
void tml_command_id(const tml_model *model, const char *arguments);
void tml_command_tensor(const tml_model *model, const char *arguments);
void tml_command_layers(const tml_model *model, const char *arguments);
void tml_command_cycles(const tml_model *model, const char *arguments);
void tml_command_mem(const tml_model *model, const char *arguments);
void tml_command_out(const tml_model *model, const char *arguments);
void tml_command_layer(const tml_model *model, const char *arguments);

/* Takes what has arrived meanwhile; whether it was the order to stop. Only for a command that does not
 * look at its arguments any more: the next command is put in their place. */
bool tml_is_cancelled(void);

/* Whether the rest of a load is missing; says so. */
bool tml_refuse_while_loading(void);

/* Whether there are results; says so when a reset came after the last inference. */
bool tml_has_run(void);

/* A line of warning unless every input was loaded since the last inference. */
void tml_warn_if_overwritten(void);

#endif
