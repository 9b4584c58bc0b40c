/* fake_model.h: see fake_model.c. */
#ifndef FAKE_MODEL_H
#define FAKE_MODEL_H

#include "tml.h"

extern const tml_model fake_model;

/* What the model calls to let time pass. */
void fake_work(uint32_t cycles);

#endif
