/* records.c: one model as a program of a PC: records of inputs on stdin, of outputs on stdout.
 *
 * Each inference goes on with the state that the one before has left.
 */
#include <stdio.h>

#include "tml.h"

extern const tml_model TML_MODEL;

#ifndef TML_START
#define TML_START (void)0 /* what is to be done before all inferences */
#endif

int main(void)
{
    const tml_model *const model = &TML_MODEL;
    TML_START;
    if (model->reset != NULL) {
        model->reset();
    }
    for (;;) {
        for (unsigned i = 0; i < model->input_count; ++i) {
            const tml_tensor *const input = &model->inputs[i];
            if (fread(input->data, 1, input->bytes, stdin) != input->bytes) {
                return i == 0 ? 0 : 1;
            }
        }
        model->invoke();
        for (unsigned i = 0; i < model->output_count; ++i) {
            const tml_tensor *const output = &model->outputs[i];
            (void)fwrite(output->data, 1, output->bytes, stdout);
        }
    }
}
