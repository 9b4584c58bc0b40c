"""The vector unit's instructions as the emulated core wants them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from tinyml.simulate.lx7.pie import Instruction, Operand, instructions

FIELDS, FIELD_BITS = 8, 8
_MOVES = ("vld", "vst", "ld.", "st.", "ldf", "stf", "ldqa", "ldxq", "stxq", "vldbc", "vldhbc")
_ROLES = {
    **{"qu": "U", "qv": "U", "qr": "U", "qx": "X", "qs": "X", "qy": "Y"},
    **{"qa": "Z", "qz": "Z", "qu1": "Z", "qs0": "S0", "qs1": "S1"},
    **{"qa0": "Z", "qa1": "S1", "qz1": "S1", "qm": "S0", "as0": "T"},
    **{"as": "S", "ad": "R", "ax": "R", "au": "T", "ay": "T", "mask": "IMM"},
    **{"fu0": "X", "fu1": "Y", "fu2": "S0", "fu3": "S1"},
    **{"fv0": "X", "fv1": "Y", "fv2": "S0", "fv3": "S1"},
}
# Numbers that share one byte of a decoded instruction: where the second of two begins.
_BEHIND = {("sel4", "sel8"): 4, ("sel8", "upd4"): 8, ("upd4", "sar4"): 32}


class Field(ctypes.Structure):
    """Where an operand lies: lx7_field."""

    _fields_ = [
        ("role", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("is_signed", ctypes.c_uint8),
        ("scale", ctypes.c_uint8),
        ("at", ctypes.c_uint8 * FIELD_BITS),
    ]


class Form(ctypes.Structure):
    """One instruction: lx7_form."""

    _fields_ = [
        ("mask", ctypes.c_uint32),
        ("match", ctypes.c_uint32),
        ("nbytes", ctypes.c_uint8),
        ("operation", ctypes.c_uint8),
        ("access", ctypes.c_uint8),
        ("step", ctypes.c_uint8),
        ("has_qup", ctypes.c_uint8),
        ("fields", ctypes.c_uint8),
        ("field", Field * FIELDS),
    ]


def forms(number: Callable[[str, str], int]) -> ctypes.Array[Form]:
    """All instructions; ``number`` says what the core calls an operation, access, step or role."""
    found = [_form(item, number) for item in instructions().values()]
    return (Form * len(found))(*found)


def parts(mnemonic: str) -> tuple[str, str, str, bool]:
    """(operation, access, step, whether two registers are shifted as well) of an instruction."""
    name = mnemonic.removeprefix("ee.")
    if name.startswith("fft."):
        return name, "none", "stay", False
    has_qup = name.endswith(".qup") and name != "src.q.qup"
    name = name.removesuffix(".qup") if has_qup else name
    if name in ("ld.qr", "st.qr"):
        return "none", name, "offset", False
    if name == "mv.qr":
        return name, "none", "stay", False
    if name.endswith("xxp.2q"):
        return name, "none", "xp", False
    step = next((item for item in ("ip", "xp", "incp") if name.endswith(f".{item}")), "stay")
    name = name.removesuffix(f".{step}")
    if name == "srcq.128.st":
        return "none", "srcq.128", step, False
    if name.startswith(_MOVES):
        return "none", name, step, has_qup
    for ending, access in ((".ldbc", "vldbc"), (".ld", "vld.128"), (".st", "vst.128")):
        if name.endswith(ending):
            name = name.removesuffix(ending)
            if access == "vldbc":
                access = "vldbc.8" if ".s8." in name or ".u8." in name else "vldbc.16"
            # A load beside src.q shifts its two registers as .qup does, not into a third one.
            is_shift = name == "src.q"
            return "none" if is_shift else name, access, step, has_qup or is_shift
    return name, "none", "stay", has_qup


def _form(item: Instruction, number: Callable[[str, str], int]) -> Form:
    operation, access, step, has_qup = parts(item.mnemonic)
    known = number("operation", _identifier(operation))
    form = Form(
        mask=item.mask,
        match=item.match,
        nbytes=item.nbytes,
        operation=known if known >= 0 else number("operation", "unknown"),
        access=max(number("access", _identifier(access)), 0),
        step=number("step", step),
        has_qup=has_qup,
    )
    if known < 0:
        form.access = 0  # of an instruction that is not emulated nothing happens
        return form
    names = [operand.name for operand in item.operands]
    for place, operand in enumerate(item.operands):
        form.field[place] = _field(operand, number, names)
    form.fields = len(item.operands)
    return form


def _field(operand: Operand, number: Callable[[str, str], int], names: list[str]) -> Field:
    name = operand.name
    role = _ROLES.get(name, "IMM" if name.startswith("imm") else "SELECT")
    scale = operand.scale
    if role == "SELECT":  # behind the bits of those before, where there are several
        scale = next(
            (bit for (first, then), bit in _BEHIND.items() if then == name and first in names), 1
        )
    at = (ctypes.c_uint8 * FIELD_BITS)(*operand.at)
    return Field(number("role", role), len(operand.at), operand.is_signed, scale, at)


def _identifier(name: str) -> str:
    return name.replace(".", "_")
