"""What the kernels for cores without DSP instructions rest on: rescaling, sums in 16 bits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.unit.test_requant import _critical_sums, _rescalings
from tinyml.ir.requant import Rescaling
from tinyml.target.boards import all_boards
from tinyml.variants.families import FAMILIES
from tinyml.variants.portable_depthwise import largest_chunk
from tinyml.variants.portable_gemm import LARGEST_CHUNK, cut_down
from tinyml.variants.portable_rescale import solve_split

_WORD = 1 << 32


@given(_rescalings())
def test_split_form_equals_the_reference(rescaling: Rescaling) -> None:
    """At every threshold, end and random sum; and no intermediate leaves 32 bits."""
    split = solve_split(rescaling)
    if split is None:
        return
    sums = _critical_sums(rescaling)
    assert np.array_equal(split.apply(sums, rescaling.bounds), rescaling.apply(sums))
    held = np.maximum(sums + split.bias, 0)
    low = split.factor & ((1 << split.low_bits) - 1)
    high = split.factor >> split.low_bits
    products = (held, held * low, ((held * low) >> split.low_bits) + held * high + split.offset)
    assert max(int(item.max()) for item in products) < _WORD
    assert high.max() < 1 << 16
    for word in split.words():
        assert np.array_equal(word, word & (_WORD - 1))


def test_split_form_is_found_for_usual_layers() -> None:
    """Layers with a fused ReLU, whose values start at the zero point."""
    rng = np.random.default_rng(0)
    multiplier = rng.integers(1 << 30, 1 << 31, 64)
    shift = np.repeat(np.arange(-9, -5), 16)
    reach = rng.integers(60_000, 400_000, 64)
    rescaling = Rescaling(multiplier, shift, -128, (-128, 127), -reach, reach)
    assert solve_split(rescaling) is not None


@given(
    arrays(np.int64, st.tuples(st.integers(1, 3), st.integers(1, 4)), elements=st.just(0)).flatmap(
        lambda shape: arrays(
            np.int64,
            (shape.shape[0], 4 * shape.shape[1]),
            elements=st.one_of(st.integers(-128, 127), st.sampled_from((-128, 127))),
        )
    )
)
def test_cut_down_weights_fit_and_add_up(weights: np.ndarray) -> None:
    kept, rest = cut_down(weights, 4)
    assert np.array_equal(kept + rest, weights)
    assert np.abs(kept).reshape(len(kept), -1, 4).sum(axis=2).max() <= LARGEST_CHUNK
    assert np.abs(rest).max() <= 128  # 128 times that fits 16 bits too
    untouched = np.abs(weights).reshape(len(kept), -1, 4).sum(axis=2) <= LARGEST_CHUNK
    assert not rest.reshape(len(kept), -1, 4)[untouched].any()


def test_taps_that_16_bits_hold() -> None:
    """The greatest sums of a chunk stay within a signed 16-bit field for all inputs."""
    assert largest_chunk(np.full((1, 9), 127), 3) == 2
    assert largest_chunk(np.full((1, 9), 85), 3) == 3
    assert largest_chunk(np.full((1, 9), -128), 3) == 1
    assert 128 * LARGEST_CHUNK < 1 << 15


def test_chips_without_dsp_instructions_name_their_family() -> None:
    """Else their kernels would be the slowest ones."""
    families = {family.name for family in FAMILIES}
    for board in all_boards():
        isa = set(board.chip.isa)
        assert len(isa & families) == (0 if "dsp" in isa else 1), board.chip.name
