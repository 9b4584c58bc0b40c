/* page.c: a model as a WebAssembly module of a report's page, which sees each layer's output.
 *
 * The page writes inputs into the module's memory, calls run(), and is told after each layer: then
 * that layer's output is whole, later ones may lie over it.
 */
#include "tml.h"

extern const tml_model TML_MODEL;

#define EXPORT(name) __attribute__((export_name(name)))

__attribute__((import_module("page"), import_name("layer_done"))) void page_layer_done(uint32_t i);

bool tml_layer_done(uint32_t layer)
{
    page_layer_done(layer);
    return false;
}

bool tml_inference_is_ended(void)
{
    return false;
}

EXPORT("input") void *page_input(uint32_t i)
{
    return TML_MODEL.inputs[i].data;
}

EXPORT("output") void *page_output(uint32_t i)
{
    return TML_MODEL.outputs[i].data;
}

EXPORT("layer") void *page_layer(uint32_t i)
{
    return TML_MODEL.layers[i].data;
}

EXPORT("run") void page_run(void)
{
    TML_MODEL.invoke();
}

/* Forgets the state that inferences leave for the next one, where the model has any. */
EXPORT("reset") void page_reset(void)
{
    if (TML_MODEL.reset != NULL) {
        TML_MODEL.reset();
    }
}
