"""The operators, as table, page and records: which forms, which kernels of them, on which cores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from tinyml.ops import all_ops
from tinyml.ops.forms import Constraint, Form, Limit, form_text, sentence
from tinyml.ops.spec import OpSpec
from tinyml.report.text import Table
from tinyml.target.boards import all_boards
from tinyml.variants import Variant, all_variants

_PLAIN = "plain C"


@cache  # asked for each kernel; the boards are tinyml's own
def cores_of(feature: str) -> tuple[str, ...]:
    """The cores of our boards that have a feature, or a vendor's library for it, by title."""
    chips = {board.chip.name: board.chip for board in all_boards()}.values()
    found = {c.core.title for c in chips if feature in c.isa or feature in _words(c.libraries)}
    return tuple(sorted(found))


def _words(libraries: Iterable[str]) -> set[str]:
    return {name.replace("-", "_") for name in libraries}


def kernels_of(kind: str, form: Form) -> tuple[Variant, ...]:
    """The faster kernels of a form."""
    return tuple(v for v in all_variants() if (v.kind, v.form) == (kind, form.name))


def op_table() -> Table:
    """A row for each operator and the forms that have the same kernels."""
    rows: list[tuple[str, str, str]] = []
    for spec in all_ops().values():
        for number, (forms, kernels) in enumerate(_alike(spec)):
            rows.append(("" if number else spec.kind, ", ".join(forms), kernels))
    columns = ("operator", "forms", "kernels")
    return Table("Operators", columns, tuple(rows))


def _alike(spec: OpSpec) -> Iterable[tuple[list[str], str]]:
    found: dict[str, list[str]] = {}
    for form in spec.forms:
        found.setdefault(_kernels_text(kernels_of(spec.kind, form)), []).append(form.name)
    return ((forms, kernels) for kernels, forms in found.items())


def _kernels_text(variants: Sequence[Variant]) -> str:
    """By feature, those with the same ones together: "mve, xtensa: add; dsp: add, more"."""
    found: dict[str, list[str]] = {}
    for item in variants:
        found.setdefault(item.isa, []).append(item.name.split("/", 1)[-1])
    alike: dict[str, list[str]] = {}
    for isa, names in sorted(found.items()):
        alike.setdefault(", ".join(names), []).append(isa)
    return "; ".join(f"{', '.join(isa)}: {names}" for names, isa in alike.items()) or _PLAIN


def feature_lines() -> tuple[str, ...]:
    """What the features in the table are: on which cores of our boards they are."""
    features = sorted({item.isa for item in all_variants()})
    return tuple(f"{name}: {', '.join(cores_of(name)) or 'no board here'}" for name in features)


def op_page(written_by: str) -> str:
    """docs/ops.md: every operator with the constraints that a model must meet."""
    parts = [
        written_by,
        "# Operators\n\nEach form of an operator has a plain C kernel, which runs on every core. "
        "Forms are named by their values: `s8` int8, `s16` int16, `f32` float32, `bytes` several "
        "types that are only moved. Faster kernels need a feature of the core:\n\n",
        *(f"- {line}\n" for line in feature_lines()),
        "\n",
    ]
    table = op_table()
    parts += [f"| {' | '.join(table.columns)} |\n", "| --- | --- | --- |\n"]
    parts += [f"| {' | '.join(map(str, row))} |\n" for row in table.rows]
    for spec in all_ops().values():
        parts.append(f"\n## {spec.kind}\n\n{spec.title}\n\n")
        parts += [f"- {sentence(constraint)}\n" for constraint in spec.constraints]
        for form in spec.forms:
            parts.append(f"\nForm {form_text(form, (*spec.inputs, *spec.outputs))}\n")
            demands = [*map(sentence, form.constraints), *map(sentence, form.limits)]
            parts += ["\n", *(f"- {demand}\n" for demand in demands)] if demands else []
    return "".join(parts)


def op_records() -> list[dict[str, object]]:
    """One record per supported operator."""
    return [
        {
            "operator": spec.kind,
            "title": spec.title,
            "constraints": _sentences(spec.constraints),
            "forms": [
                {
                    "form": form.name,
                    "types": form_text(form, (*spec.inputs, *spec.outputs)),
                    "constraints": _sentences((*form.constraints, *form.limits)),
                    "kernels": [
                        {"name": item.name, "needs": item.isa, "cores": list(cores_of(item.isa))}
                        for item in kernels_of(spec.kind, form)
                    ],
                }
                for form in spec.forms
            ],
            "variants": [item.name for item in all_variants() if item.kind == spec.kind],
        }
        for spec in all_ops().values()
    ]


def _sentences(constraints: Sequence[Constraint | Limit]) -> list[str]:
    return [sentence(constraint) for constraint in constraints]
