/* registers.c: special and user registers, as RSR, WSR, RUR and WUR show them. */
#include "inner.h"

#include <string.h>

uint32_t lx7_special_register(const lx7_core *core, uint32_t number)
{
    switch (number) {
    case 0: return core->lbeg;
    case 1: return core->lend;
    case 2: return core->lcount;
    case 3: return core->sar;
    case 72: return core->window_base;
    case 73: return core->window_start;
    case 230: return core->ps;
    case 234: return (uint32_t)(core->shows_instructions ? core->instructions : core->cycles);
    default: return core->special[number];
    }
}

void lx7_set_special_register(lx7_core *core, uint32_t number, uint32_t value)
{
    switch (number) {
    case 0: core->lbeg = value; break;
    case 1: core->lend = value; break;
    case 2: core->lcount = value; break;
    case 3: core->sar = value & 63u; break;
    case 72: core->window_base = value & 15u; break;
    case 73: core->window_start = value & 0xFFFFu; break;
    case 230: core->ps = value; break;
    case 234: break; /* the counter is the emulator's */
    default: core->special[number] = value; break;
    }
}

/* The vector unit's registers as the core's user registers show them. */
uint32_t lx7_user_register(const lx7_core *core, uint32_t number)
{
    if (number == 0) {
        return (uint32_t)core->accx;
    }
    if (number == 1) {
        return (uint32_t)(core->accx >> 32) & 0xFFu;
    }
    if (number <= 11) { /* QACC_H_0 to 4, QACC_L_0 to 4: 160 bits each */
        const uint32_t *lane = core->qacc + (number <= 6 ? 8 : 0);
        const uint32_t bit = (number <= 6 ? number - 2 : number - 7) * 32;
        uint32_t value = 0;
        for (uint32_t k = 0; k < 32; ++k) {
            value |= (lane[(bit + k) / 20] >> (bit + k) % 20 & 1u) << k;
        }
        return value;
    }
    if (number >= 15 && number <= 18) {
        uint32_t value;
        memcpy(&value, core->ua_state + (number - 15) * 4, 4);
        return value;
    }
    return number == 12 ? core->gpio_out : number == 13 ? core->sar_byte : number == 14 ? core->fft_bit_width
                                                                                         : core->user[number];
}

void lx7_set_user_register(lx7_core *core, uint32_t number, uint32_t value)
{
    if (number == 0) {
        core->accx = (int64_t)(((uint64_t)core->accx & ~UINT64_C(0xFFFFFFFF)) | value);
    } else if (number == 1) {
        core->accx = (int64_t)((uint64_t)(uint8_t)value << 56 | ((uint64_t)core->accx & 0xFFFFFFFFu) << 24) >> 24;
    } else if (number <= 11) {
        uint32_t *lane = core->qacc + (number <= 6 ? 8 : 0);
        const uint32_t bit = (number <= 6 ? number - 2 : number - 7) * 32;
        for (uint32_t k = 0; k < 32; ++k) {
            const uint32_t mask = 1u << (bit + k) % 20;
            uint32_t *at = &lane[(bit + k) / 20];
            *at = (value >> k & 1u) ? *at | mask : *at & ~mask;
        }
    } else if (number >= 15 && number <= 18) {
        memcpy(core->ua_state + (number - 15) * 4, &value, 4);
    } else if (number == 12) {
        core->gpio_out = value & 0xFFu;
    } else if (number == 13) {
        core->sar_byte = value & 15u;
    } else if (number == 14) {
        core->fft_bit_width = value & 15u;
    } else {
        core->user[number] = value;
    }
}
