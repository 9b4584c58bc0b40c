"""Several model files as one, for a program that runs each of them: their graphs side by side.

The file is an ordinary .tflite whose one graph computes all of them; what each of them is called
and how many inputs and outputs it has is an entry of its metadata. So everything that is done with
a model is done with several: one arena, since one model runs at a time, and one table of layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Submodel
from tinyml.ir.parts import parts_of_ops, side_by_side
from tinyml.model.file import ModelFile, c_identifier, model_file
from tinyml.model.reader import load
from tinyml.model.writer import write

MOST = 16  # models in a program


def together(files: Sequence[ModelFile]) -> ModelFile:
    """One file of all of them, in this order; named after them.

    Raises ModelError where a file cannot be compiled, or two have one name in C.
    """
    if len(files) > MOST:
        raise ModelError(f"{len(files)} models; at most {MOST} are put into one program")
    names = [file.name for file in files]
    for number, file in enumerate(files):
        if file.name in names[:number]:
            other = files[names.index(file.name)]
            raise ModelError(
                f"is called '{file.name}' in C, as {other.file_name} is",
                hint="rename one of the files: its name is what its functions begin with",
                where=file.file_name,
            )
    graphs = [load(file) for file in files]
    if any(graph.parts for graph in graphs):
        raise ModelError("one of the files holds several models", hint="give each one alone")
    parts = tuple(
        Submodel(file.name, len(graph.inputs), len(graph.outputs), graph.source)
        for file, graph in zip(files, graphs, strict=True)
    )
    name = _name(names)
    whole = replace(side_by_side(graphs, names), name=name, parts=parts)
    parts_of_ops(whole)  # raises
    return model_file(f"{name}.tflite", write(whole))


def _name(names: Sequence[str]) -> str:
    """What the program is called: no model has that name."""
    name = c_identifier("_".join(names))
    return f"{name}_all" if name in names else name
