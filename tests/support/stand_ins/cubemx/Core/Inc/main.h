#ifndef MAIN_H
#define MAIN_H
#include "stm32h7xx_hal.h"
#endif
