"""The ESP32-S3's vector unit in numpy, written from the manual's pages, not from our emulator.

One function per family of instructions; registers are arrays of bytes. It knows what is published
and what others measured on the chip: espressif/qemu issues 161 to 166.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Q = np.ndarray[Any, np.dtype[np.uint8]]
_TYPES = {"s8": "<i1", "s16": "<i2", "s32": "<i4", "u8": "<u1", "u16": "<u2"}
_RANGES = {"s8": 8, "s16": 16, "s32": 32}


class UnpublishedError(Exception):
    """The manual does not say what the instruction does with these operands."""


@dataclass
class State:
    """What instructions of the vector unit read and write; memory is one array from address 0."""

    q: Q = field(default_factory=lambda: np.zeros((8, 16), np.uint8))
    a: list[int] = field(default_factory=lambda: [0] * 16)
    f: list[int] = field(default_factory=lambda: [0] * 16)
    sar: int = 0
    sar_byte: int = 0
    accx: int = 0
    qacc: int = 0  # 320 bits, QACC_L the lower half
    ua_state: bytes = bytes(16)
    gpio_out: int = 0
    memory: bytearray = field(default_factory=bytearray)


def execute(state: State, name: str, operands: dict[str, int]) -> None:
    """Changes the state as one instruction does."""
    old = State(**{**vars(state), "q": state.q.copy(), "a": list(state.a)})
    base = name.removeprefix("ee.")
    if base.startswith("fft."):
        _fourier(state, old, base, operands)
        return
    fused = next((end for end in (".ld.ip", ".ld.xp", ".ld.incp") if end in base), None)
    stored = next((end for end in (".st.incp",) if end in base), None)
    broadcast = ".ldbc.incp" in base
    if base.startswith(("vld", "ld.", "ldqa", "ldf", "ldxq", "vst", "st.", "stf", "stxq")):
        _move(state, old, base, operands)
        return
    if base.endswith(".qup") and base != "src.q.qup":
        state.q[operands["qs0"]] = _funnel(old, operands)
    if base.startswith("src.q.ld"):
        state.q[operands["qs0"]] = _funnel(old, operands)
    elif base.startswith("srcq.128"):
        _store(state, old.a[operands["as"]], _funnel(old, operands).tobytes())
    else:
        _operate(state, old, base, operands)
    address = old.a[operands["as"]] if "as" in operands else 0
    if stored and not base.startswith("srcq"):
        _store(state, address, old.q[operands["qv"]].tobytes())
    if fused:
        state.q[operands["qu"]] = np.frombuffer(_load(old, address, 16), np.uint8)
    step = 16
    if broadcast:
        step = 1 if "8" in base.split(".")[1] else 2
        state.q[operands["qu"]] = np.frombuffer(_load(old, address, step) * (16 // step), np.uint8)
    if fused or stored or broadcast or "xxp" in base:
        by = operands.get("imm16", old.a[operands["ad"]] if "ad" in operands else step)
        state.a[operands["as"]] = (address + by) & 0xFFFFFFFF


def lanes(q: Q, kind: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A register's values."""
    return np.frombuffer(q.tobytes(), _TYPES[kind]).astype(np.int64)


def _bytes(values: Any, kind: str) -> Q:
    width = int(_TYPES[kind][2]) * 8
    wrapped = np.asarray([int(v) & ((1 << width) - 1) for v in values], f"<u{width // 8}")
    return np.frombuffer(wrapped.tobytes(), np.uint8)


def _clip(values: Any, bits: int) -> Any:
    return [max(-(1 << bits - 1), min(int(v), (1 << bits - 1) - 1)) for v in values]


def _funnel(old: State, operands: dict[str, int]) -> Q:
    both = np.concatenate([old.q[operands["qs0"]], old.q[operands["qs1"]]])
    return both[old.sar_byte : old.sar_byte + 16]


def _aligned(address: int, nbytes: int) -> int:
    return address & ~(nbytes - 1)


def _load(old: State, address: int, nbytes: int) -> bytes:
    at = _aligned(address, nbytes)
    return bytes(old.memory[at : at + nbytes])


def _store(state: State, address: int, data: bytes) -> None:
    at = _aligned(address, len(data))
    state.memory[at : at + len(data)] = data


def qacc_lanes(qacc: int, bits: int, *, is_signed: bool = True) -> list[int]:
    """The accumulators, 16 of 20 or 8 of 40 bits, the lowest first."""
    found = [qacc >> bits * i & ((1 << bits) - 1) for i in range(320 // bits)]
    return [v - (1 << bits) if is_signed and v >> bits - 1 else v for v in found]


def _packed(values: list[int], bits: int) -> int:
    return sum((int(v) & ((1 << bits) - 1)) << bits * i for i, v in enumerate(values))


def _operate(state: State, old: State, base: str, operands: dict[str, int]) -> None:
    parts = base.split(".")
    x = old.q[operands["qx"]] if "qx" in operands else old.q[operands.get("qs", 0)]
    y = old.q[operands["qy"]] if "qy" in operands else x
    to = operands.get("qa", operands.get("qz", 0))
    match parts[0]:
        case "vadds" | "vsubs" | "vmax" | "vmin" | "vcmp":
            state.q[to] = _pairs(parts, x, y)
        case "vmul":
            both = lanes(x, parts[1]) * lanes(y, parts[1])
            gone = old.sar == 32
            state.q[to] = _bytes([0 if gone else int(v) >> old.sar for v in both], parts[1])
        case "vmulas" | "vsmulas":
            _accumulate(state, old, parts, x, y, operands)
        case "srcmb" | "srs":
            _shift_out(state, old, parts, operands)
        case "vrelu" | "vprelu":
            _rectify(state, old, parts, operands)
        case "mov":
            bits = 20 if parts[1].endswith("8") else 40
            state.qacc = _packed(list(lanes(x, parts[1])), bits)
        case "zero":
            _zero(state, parts[1], operands)
        case "cmul":
            _complex(state, old, operands)
        case "slci" | "srci" | "slcxxp" | "srcxxp":
            _shift_pair(state, old, parts[0], operands)
        case "vzip" | "vunzip":
            _zip(state, old, parts, operands)
        case _:
            _single(state, old, base, operands)


def _pairs(parts: list[str], x: Q, y: Q) -> Q:
    kind = parts[2] if parts[0] == "vcmp" else parts[1]
    a, b = lanes(x, kind), lanes(y, kind)
    match parts[0]:
        case "vadds":
            return _bytes(_clip(a + b, _RANGES[kind]), kind)
        case "vsubs":
            return _bytes(_clip(a - b, _RANGES[kind]), kind)
        case "vmax":
            return _bytes(np.maximum(a, b), kind)
        case "vmin":
            return _bytes(np.minimum(a, b), kind)
    found = {"eq": a == b, "lt": a < b, "gt": a > b}[parts[1]]
    return _bytes(np.where(found, -1, 0), kind)


# Six parameters: an instruction's operands and both states.
def _accumulate(
    state: State, old: State, parts: list[str], x: Q, y: Q, operands: dict[str, int]
) -> None:
    kind, target = parts[1], parts[2]
    a, b = lanes(x, kind), lanes(y, kind)
    if parts[0] == "vsmulas":
        b = np.full_like(a, b[operands.get("sel8", operands.get("sel16", 0))])
    if target == "accx":
        (state.accx,) = _clip([old.accx + int((a * b).sum())], 40)
        return
    bits, is_signed = (20 if kind.endswith("8") else 40), kind[0] == "s"
    held = qacc_lanes(old.qacc, bits, is_signed=is_signed)
    sums = [h + int(v) for h, v in zip(held, a * b, strict=True)]
    most = (1 << bits) - 1
    state.qacc = _packed(_clip(sums, bits) if is_signed else [min(v, most) for v in sums], bits)


def _shift_out(state: State, old: State, parts: list[str], operands: dict[str, int]) -> None:
    by = old.a[operands["as"]]
    if parts[0] == "srs":
        state.accx = old.accx >> (by & 63)
        state.a[operands["au"]] = _clip([state.accx], 32)[0] & 0xFFFFFFFF
        return
    bits, kind = (20, "s8") if parts[1] == "s8" else (40, "s16")
    shifted = [v >> (by & (31 if kind == "s8" else 63)) for v in qacc_lanes(old.qacc, bits)]
    state.qacc = _packed(shifted, bits)
    state.q[operands["qu"]] = _bytes(_clip(shifted, _RANGES[kind]), kind)


def _rectify(state: State, old: State, parts: list[str], operands: dict[str, int]) -> None:
    kind = parts[1]
    by = old.a[operands["ay"]] & (31 if kind == "s8" else 63)
    if parts[0] == "vprelu":
        values, slopes = lanes(old.q[operands["qx"]], kind), lanes(old.q[operands["qy"]], kind)
        to = operands["qz"]
    else:
        values, to = lanes(old.q[operands["qs"]], kind), operands["qs"]
        word = np.frombuffer(old.a[operands["ax"]].to_bytes(4, "little") * 4, np.uint8)
        slopes = np.full_like(values, lanes(word, kind)[0])
    made = [
        v * s >> by if v <= 0 else v
        for v, s in zip(map(int, values), map(int, slopes), strict=True)
    ]
    state.q[to] = _bytes(made, kind)


def _zero(state: State, what: str, operands: dict[str, int]) -> None:
    if what == "accx":
        state.accx = 0
    elif what == "qacc":
        state.qacc = 0
    else:
        state.q[operands["qa"]] = 0


def _complex(state: State, old: State, operands: dict[str, int]) -> None:
    x, y = lanes(old.q[operands["qx"]], "s16"), lanes(old.q[operands["qy"]], "s16")
    z = lanes(old.q[operands["qz"]], "s16")
    first = 4 * (operands["sel4"] & 1)
    sign = -1 if operands["sel4"] >= 2 else 1
    for k in (first, first + 2):
        a, b, c, d = int(x[k]), int(x[k + 1]), int(y[k]), sign * int(y[k + 1])
        z[k], z[k + 1] = (a * c - b * d) >> old.sar, (a * d + b * c) >> old.sar
    state.q[operands["qz"]] = _bytes(z, "s16")


def _shift_pair(state: State, old: State, name: str, operands: dict[str, int]) -> None:
    low, high = operands["qs0"], operands["qs1"]
    both = int.from_bytes(old.q[low].tobytes() + old.q[high].tobytes(), "little")
    by = 8 * (operands["sar16"] if "sar16" in operands else old.a[operands["as"]] & 15) + 8
    both = (both << by if name.startswith("sl") else both >> by) & ((1 << 256) - 1)
    data = np.frombuffer(both.to_bytes(32, "little"), np.uint8)
    state.q[low], state.q[high] = data[:16], data[16:]


def _zip(state: State, old: State, parts: list[str], operands: dict[str, int]) -> None:
    width = int(parts[1]) // 8
    low, high = (old.q[operands[name]].reshape(-1, width) for name in ("qs0", "qs1"))
    both = np.concatenate([low, high])
    if parts[0] == "vzip":
        woven = np.stack([low, high], 1).reshape(-1)
    else:
        woven = np.concatenate([both[0::2], both[1::2]]).reshape(-1)
    state.q[operands["qs0"]], state.q[operands["qs1"]] = woven[:16], woven[16:]


def _single(state: State, old: State, base: str, operands: dict[str, int]) -> None:
    q = old.q
    match base:
        case "andq" | "orq" | "xorq":
            op = {"andq": np.bitwise_and, "orq": np.bitwise_or, "xorq": np.bitwise_xor}[base]
            state.q[operands["qa"]] = op(q[operands["qx"]], q[operands["qy"]])
        case "notq":
            state.q[operands["qa"]] = ~q[operands["qx"]]
        case "src.q":
            state.q[operands["qa"]] = _funnel(old, operands)
        case "src.q.qup":
            state.q[operands["qs0"]] = q[operands["qs1"]]
            state.q[operands["qa"]] = _funnel(old, operands)
        case "vsl.32":
            state.q[operands["qa"]] = _bytes(lanes(q[operands["qs"]], "s32") << old.sar, "s32")
        case "vsr.32":
            state.q[operands["qa"]] = _bytes(lanes(q[operands["qs"]], "s32") >> old.sar, "s32")
        case "movi.32.a":
            word = lanes(q[operands["qs"]], "s32")[operands["sel4"]]
            state.a[operands["au"]] = int(word) & 0xFFFFFFFF
        case "movi.32.q":
            at = 4 * operands["sel4"]
            word = old.a[operands["as"]].to_bytes(4, "little")
            state.q[operands["qu"]][at : at + 4] = np.frombuffer(word, np.uint8)
        case "mv.qr":
            state.q[operands["qu"]] = q[operands["qs"]]
        case "wr_mask_gpio_out":
            mask = old.a[operands["ax"]] & 255
            state.gpio_out = (old.gpio_out & ~mask) | (old.a[operands["as"]] & mask)
        case "set_bit_gpio_out":
            state.gpio_out = old.gpio_out | operands["mask"]
        case "clr_bit_gpio_out":
            state.gpio_out = old.gpio_out & ~operands["mask"]
        case _:
            raise AssertionError(f"no model of {base}")


_SIZES = {"vldbc.8": 1, "vldbc.16": 2, "vldbc.32": 4, "ldxq": 4, "stxq": 4, "vldhbc": 16}


def _size(base: str) -> int:
    for start, nbytes in _SIZES.items():
        if base.startswith(start):
            return nbytes
    if ".h.32" in base:
        return 4
    if ".64" in base or "accx" in base:
        return 8
    return 16


def _move(state: State, old: State, base: str, operands: dict[str, int]) -> None:
    address, nbytes = old.a[operands["as"]], _size(base)
    if base in ("ld.qr", "st.qr"):
        address += operands["imm"]
    if "xq" in base:
        address += 4 * int(lanes(old.q[operands["qs"]], "u16")[operands["sel8"]])
    address &= 0xFFFFFFFF
    if base.startswith(("vst", "st")):
        _store(state, address, _stored(old, base, operands))
    else:
        _loaded(state, old, base, operands, _load(old, address, nbytes))
    if base.endswith((".ip", ".xp", ".incp")):
        steps = [v for k, v in operands.items() if k.startswith("imm")]
        by = steps[0] if steps else old.a[operands["ad"]] if "ad" in operands else nbytes
        state.a[operands["as"]] = (old.a[operands["as"]] + by) & 0xFFFFFFFF


def _half(base: str) -> int:
    return 160 if "qacc_h" in base else 0


def _stored(old: State, base: str, operands: dict[str, int]) -> bytes:
    if base.startswith("stf"):
        names = ("fv0", "fv1", "fv2", "fv3")[: 4 if "128" in base else 2]
        return b"".join(old.f[operands[name]].to_bytes(4, "little") for name in names)
    if base.startswith("st.accx"):
        return (old.accx & ((1 << 40) - 1)).to_bytes(8, "little")
    if base.startswith("st.ua"):
        return old.ua_state
    if "qacc" in base:
        half = old.qacc >> _half(base) & ((1 << 160) - 1)
        data = half.to_bytes(20, "little")
        return data[16:] if ".h.32" in base else data[:16]
    data = old.q[operands.get("qv", operands.get("qr", 0))].tobytes()
    if base.startswith("stxq"):
        return data[4 * operands["sel4"] :][:4]
    return data[8:] if ".h.64" in base else data[:8] if ".l.64" in base else data


# Five values that one load has to do with.
def _loaded(state: State, old: State, base: str, operands: dict[str, int], data: bytes) -> None:
    array = np.frombuffer(data, np.uint8)
    if base.startswith("ldf"):
        for i, name in enumerate(("fu0", "fu1", "fu2", "fu3")[: len(data) // 4]):
            state.f[operands[name]] = int.from_bytes(data[4 * i :][:4], "little")
    elif base.startswith("ldqa"):
        kind = base.split(".")[1]
        state.qacc = _packed(list(lanes(array, kind)), 20 if kind.endswith("8") else 40)
    elif "qacc" in base:
        shift = _half(base) + (128 if ".h.32" in base else 0)
        mask = ((1 << 8 * len(data)) - 1) << shift
        state.qacc = (old.qacc & ~mask) | int.from_bytes(data, "little") << shift
    elif base.startswith("ld.accx"):
        low = int.from_bytes(data, "little") & ((1 << 40) - 1)
        state.accx = low - (1 << 40) if low >> 39 else low
    elif base.startswith("ld.ua"):
        state.ua_state = data
    elif base.startswith("ldxq"):
        state.q[operands["qu"]][4 * operands["sel4"] :][:4] = array
    elif base.startswith("vldhbc"):
        twice = np.repeat(lanes(array, "s16"), 2)
        state.q[operands["qu"]] = _bytes(twice[:8], "s16")
        state.q[operands["qu1"]] = _bytes(twice[8:], "s16")
    elif base.startswith("vldbc"):
        state.q[operands["qu"]] = np.tile(array, 16 // len(array))
    elif ".64" in base:
        at = 8 if ".h." in base else 0
        state.q[operands["qu"]][at : at + 8] = array
    else:
        state.q[operands.get("qu", operands.get("qr", 0))] = array
        if "usar" in base:
            state.sar_byte = old.a[operands["as"]] & 15


def _signed(value: int) -> int:
    return (value + (1 << 15) & 0xFFFF) - (1 << 15)


def _narrow(value: int) -> int:
    """A sum of 16 bits that is multiplied or shifted; the manual does not say what overflows do."""
    if _signed(value) != value:
        raise UnpublishedError
    return value


def _fourier(state: State, old: State, base: str, operands: dict[str, int]) -> None:
    """The operations of chapter 1.8 as they are written there, on lists of 16-bit numbers."""
    q = {
        name: [int(v) for v in lanes(old.q[n], "s16")]
        for name, n in operands.items()
        if name[0] == "q"
    }
    q |= {name: [0] * 8 for name in ("qx", "qy", "qm", "qv") if name not in q}
    name = base.removeprefix("fft.")
    address = old.a[operands["as"]] if "as" in operands else 0
    made: dict[str, list[int]] = {}
    stored: list[int] | None = None
    step = 16
    match name:
        case "r2bf.s16":
            made = _butterfly(q["qx"], q["qy"], operands["sel2"])
        case "r2bf.s16.st.incp":
            pairs = list(zip(q["qx"], q["qy"], strict=True))
            by = operands["sar4"]
            stored = [(_narrow(a + b) if by else a + b) >> by for a, b in pairs]
            made = {"qa0": [a - b for a, b in pairs]}
        case "cmul.s16.ld.xp" | "cmul.s16.st.xp":
            stored, made = _products(old, q, operands, is_store=".st." in name)
            step = old.a[operands["ad"]]
        case "vst.r32.decp":
            halves = [v >> operands["sar2"] for v in q["qv"]]
            stored = [halves[k] for k in (6, 7, 4, 5, 2, 3, 0, 1)]
            step = -16
        case _:
            stored, made = _real(state, old, q, operands, name)
            step = -16 if name.endswith("decp") else 16
    for register, values in made.items():
        state.q[operands[register]] = _bytes(values, "s16")
    if stored is not None:
        _store(state, address, _bytes(stored, "s16").tobytes())
    if "as" in operands:
        state.a[operands["as"]] = (address + step) & 0xFFFFFFFF


def _butterfly(x: list[int], y: list[int], sel2: int) -> dict[str, list[int]]:
    if sel2 == 0:
        a, b = x[:4] + y[:4], x[4:] + y[4:]
    else:
        a = x[0:2] + x[4:6] + y[0:2] + y[4:6]
        b = x[2:4] + x[6:8] + y[2:4] + y[6:8]
    total = [i + j for i, j in zip(a, b, strict=True)]
    difference = [i - j for i, j in zip(a, b, strict=True)]
    return {"qa0": total[:4] + difference[:4], "qa1": total[4:] + difference[4:]}


def _products(
    old: State, q: dict[str, list[int]], operands: dict[str, int], *, is_store: bool
) -> tuple[list[int] | None, dict[str, list[int]]]:
    sel8, x, y = operands["sel8"], q["qx"], q["qy"]
    if (sel8 >= 6) != is_store or operands.get("upd4") == 3:
        raise UnpublishedError
    low, high = sel8 // 2 * 2, sel8 // 2 * 2 + 1
    if sel8 % 2 == 0:
        real = x[low] * y[low] + x[high] * y[high] >> old.sar
        imaginary = x[high] * y[low] - x[low] * y[high] >> old.sar
    else:
        real = x[low] * y[low] - x[high] * y[high] >> old.sar
        imaginary = x[high] * y[low] + x[low] * y[high] >> old.sar
    if not is_store:
        z = q["qz"][:]
        z[low : high + 1] = real, imaginary
        loaded = [int(v) for v in lanes(_loaded_16(old, operands), "s16")]
        return None, {"qu": loaded, "qz": z}
    shifted = [v >> operands["sar4"] for v in x]
    v = q["qv"]
    rest = [v[:6], shifted[:4] + v[4:6], shifted[:2] + v[4:6] + shifted[2:4]][operands["upd4"]]
    return [*rest, real, imaginary], {}


def _loaded_16(old: State, operands: dict[str, int]) -> Q:
    return np.frombuffer(_load(old, old.a[operands["as"]], 16), np.uint8)


# Five parameters: both states, the registers, the operands and which of four it is.
def _real(
    state: State, old: State, q: dict[str, list[int]], operands: dict[str, int], name: str
) -> tuple[list[int] | None, dict[str, list[int]]]:
    first = {"ams.s16.ld.incp.uaup": 0, "ams.s16.ld.incp": 2, "ams.s16.ld.r32.decp": 4}.get(name, 6)
    (a, b), (c, d), (e, f) = (q[item][first : first + 2] for item in ("qx", "qy", "qm"))
    temp0, temp1 = a + c, b - d
    less, more = _narrow(a - c), _narrow(b + d)
    if operands["sel2"] == 0:
        temp2, temp3 = less * e - more * f >> old.sar, less * f + more * e >> old.sar
    else:
        temp2, temp3 = more * f + less * e >> old.sar, more * e - less * f >> old.sar
    z1 = q["qz1"][:]
    z1[first : first + 2] = temp0 - temp2, temp3 - temp1
    made = {"qz1": z1}
    if name.endswith("st.incp"):
        kept = old.a[operands["as0"]]
        stored = [_signed(kept), _signed(kept >> 16), *q["qv"][:6]]
        state.a[operands["as0"]] = (temp1 + temp3 & 0xFFFF) << 16 | (temp0 + temp2 & 0xFFFF)
        return [v >> 1 for v in stored] if operands["sel2"] == 0 else stored, made
    z = q["qz"][:]
    z[first : first + 2] = temp0 + temp2, temp1 + temp3
    loaded = _loaded_16(old, operands)
    if name.endswith("uaup"):
        state.ua_state = loaded.tobytes()
        both = old.ua_state + loaded.tobytes()
        loaded = np.frombuffer(both[old.sar_byte : old.sar_byte + 16], np.uint8)
    elif name.endswith("decp"):
        loaded = loaded.reshape(4, 4)[::-1].reshape(-1)
    return None, made | {"qz": z, "qu": [int(v) for v in lanes(loaded, "s16")]}
