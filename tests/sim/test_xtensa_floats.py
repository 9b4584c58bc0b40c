"""What the compiler calls for of floats on Xtensa, run here: equal to this machine in every bit."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from tinyml.backends.toolchains import host_compiler, host_library
from tinyml.base import process, resources

pytestmark = pytest.mark.host_cc

SOURCE = "port/bare/xtensa/floats.c"
NAMES = (
    *("divsf3", "adddf3", "subdf3", "muldf3", "divdf3", "extendsfdf2", "truncdfsf2"),
    *("floatsidf", "floatunsidf", "floatdidf", "fixdfsi", "fixdfdi"),
    *("unorddf2", "eqdf2", "nedf2", "ltdf2", "ledf2", "gtdf2", "gedf2"),
)
ODD = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 2.2250738585072014e-308]
ODD += [1.7976931348623157e308, -1.7976931348623157e308, 1 + 2**-52, 2.0**53 - 1, 2.0**-1074 * 3]
ODD += [3.4028235677973366e38, 1.1754943508222875e-38, 7.006492321624085e-46, 2.0**-150, 1 / 3]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The functions under names that this machine's compiler has no use for."""
    made = tmp_path_factory.mktemp("floats") / "floats.so"
    renamed = tuple(f"-D__{name}=own_{name}" for name in NAMES)
    sources, flags = (resources.path("firmware") / SOURCE,), ("-O2", *renamed)
    process.run(host_library(host_compiler(), sources, (), made, flags=flags))
    return ctypes.CDLL(str(made))


def doubles() -> np.ndarray:
    """Values of every size: bits at random, those near one another, and odd ones."""
    rng = np.random.default_rng(5)
    anything = rng.integers(0, 1 << 63, 300).astype(np.uint64) * 2 + rng.integers(0, 2, 300)
    near = rng.uniform(-2, 2, 300)
    tiny = rng.integers(0, 1 << 53, 60).astype(np.uint64)
    found = (anything.astype(np.uint64).view(np.float64), near, near.astype(np.float32))
    return np.concatenate([*found, tiny.view(np.float64), np.array(ODD)]).astype(np.float64)


def floats() -> np.ndarray:
    rng = np.random.default_rng(6)
    anything = rng.integers(0, 1 << 32, 400).astype(np.uint32).view(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        return np.concatenate([anything, np.array(ODD).astype(np.float32)])


def same(found: float, wanted: float) -> bool:
    if np.isnan(wanted):
        return bool(np.isnan(found))
    return found == wanted and np.signbit(found) == np.signbit(wanted)


@pytest.mark.parametrize("name", ["adddf3", "subdf3", "muldf3", "divdf3"])
def test_two_doubles(library: ctypes.CDLL, name: str) -> None:
    own = getattr(library, f"own_{name}")
    own.argtypes, own.restype = (ctypes.c_double, ctypes.c_double), ctypes.c_double
    real = {"adddf3": np.add, "subdf3": np.subtract, "muldf3": np.multiply, "divdf3": np.divide}
    values, rng = doubles(), np.random.default_rng(7)
    pairs = [(a, b) for a in ODD for b in ODD]
    pairs += list(zip(rng.choice(values, 20_000), rng.choice(values, 20_000), strict=True))
    with np.errstate(all="ignore"):
        wrong = [(a, b) for a, b in pairs if not same(own(a, b), float(real[name](a, b)))]
    assert not wrong, wrong[:3]


def test_two_floats(library: ctypes.CDLL) -> None:
    own = library.own_divsf3
    own.argtypes, own.restype = (ctypes.c_float, ctypes.c_float), ctypes.c_float
    values, rng = floats(), np.random.default_rng(8)
    pairs = list(zip(rng.choice(values, 20_000), rng.choice(values, 20_000), strict=True))
    with np.errstate(all="ignore"):
        wrong = [(a, b) for a, b in pairs if not same(own(a, b), float(np.divide(a, b)))]
    assert not wrong, wrong[:3]


def test_from_one_kind_to_another(library: ctypes.CDLL) -> None:
    kinds = {
        "extendsfdf2": (ctypes.c_float, ctypes.c_double, floats(), np.float64),
        "truncdfsf2": (ctypes.c_double, ctypes.c_float, doubles(), np.float32),
    }
    for name, (given, made, values, kind) in kinds.items():
        own = getattr(library, f"own_{name}")
        own.argtypes, own.restype = (given,), made
        with np.errstate(all="ignore"):
            wrong = [v for v in values if not same(own(v), float(kind(v)))]
        assert not wrong, (name, wrong[:3])


def test_integers(library: ctypes.CDLL) -> None:
    rng = np.random.default_rng(9)
    for name, given, bits in (
        ("floatsidf", ctypes.c_int32, 32),
        ("floatunsidf", ctypes.c_uint32, 32),
        ("floatdidf", ctypes.c_int64, 64),
    ):
        own = getattr(library, f"own_{name}")
        own.argtypes, own.restype = (given,), ctypes.c_double
        for _ in range(2000):
            value = given(int(rng.integers(0, 1 << 63)) >> int(rng.integers(0, bits))).value
            assert own(value) == float(value), (name, value)
            assert own(given(-value).value) == float(given(-value).value), (name, -value)
    for name, made, limit in (
        ("fixdfsi", ctypes.c_int32, 2**31),
        ("fixdfdi", ctypes.c_int64, 2**63),
    ):
        own = getattr(library, f"own_{name}")
        own.argtypes, own.restype = (ctypes.c_double,), made
        values = [*doubles(), *rng.uniform(-limit, limit, 500), *rng.uniform(-9, 9, 200)]
        for value in values:
            if abs(value) < limit:
                assert own(value) == int(value), (name, value)


@pytest.mark.parametrize("name", ["unorddf2", "eqdf2", "nedf2", "ltdf2", "ledf2", "gtdf2", "gedf2"])
def test_comparisons(library: ctypes.CDLL, name: str) -> None:
    own = getattr(library, f"own_{name}")
    own.argtypes, own.restype = (ctypes.c_double, ctypes.c_double), ctypes.c_int
    says = {  # what the compiler makes of the result, and what it means
        "unorddf2": (lambda r: r != 0, lambda a, b: a != a or b != b),
        "eqdf2": (lambda r: r == 0, lambda a, b: a == b),
        "nedf2": (lambda r: r != 0, lambda a, b: a != b),
        "ltdf2": (lambda r: r < 0, lambda a, b: a < b),
        "ledf2": (lambda r: r <= 0, lambda a, b: a <= b),
        "gtdf2": (lambda r: r > 0, lambda a, b: a > b),
        "gedf2": (lambda r: r >= 0, lambda a, b: a >= b),
    }
    read, means = says[name]
    values, rng = doubles(), np.random.default_rng(10)
    pairs = [(a, b) for a in ODD for b in ODD]
    pairs += list(zip(rng.choice(values, 5000), rng.choice(values, 5000), strict=True))
    assert all(read(own(a, b)) == means(a, b) for a, b in pairs)
