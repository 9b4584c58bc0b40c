"""Words of the vector unit's instructions, and what is said of text that is none."""

from __future__ import annotations

import pytest

from tinyml.base.errors import BuildError
from tinyml.simulate.lx7.pie import encode, instructions, is_vector

# As assemblers of others encode them: GNU as for the ESP32-S3, LLVM's tests.
WORDS = {
    "ee.srs.accx a12, a1, 0": "14 1c 7e",
    "ee.srcmb.s16.qacc q2, a4, 0": "44 72 dd",
    "ee.srcmb.s16.qacc q2, a4, 1": "44 76 dd",
    "ee.vmulas.s8.accx q1, q0": "c4 01 1a",
    "ee.vrelu.s8 q0, a2, a3": "34 52 cd",
    "ee.vld.128.ip q0, a6, 16": "64 01 83",
    "ee.zero.q q0": "a4 7f cd",
    "ee.vmulas.s8.accx.ld.ip q1, a2, 16, q0, q3": "2e 11 8a f0",
    "EE.VLD.128.IP Q0, SP, -2048": "14 00 c3",
    "rur.accx_0 a5": "00 50 e3",
}


@pytest.mark.parametrize(("text", "word"), WORDS.items())
def test_words(text: str, word: str) -> None:
    assert encode(text).hex(" ") == word


def test_there_are_220_and_no_word_means_two() -> None:
    """Fixed bits of any two of one length differ somewhere."""
    found = list(instructions().values())
    assert len(found) == 220
    for i, one in enumerate(found):
        for other in found[i + 1 :]:
            if one.nbytes == other.nbytes:
                common = one.mask & other.mask
                assert (one.match ^ other.match) & common, (one.mnemonic, other.mnemonic)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ee.nothing q0", "the vector unit has no instruction 'ee.nothing'"),
        ("ee.zero.q", "operands are qa"),
        ("ee.zero.q q8", "'q8' is no register q"),
        ("ee.vld.128.ip q0, a16, 16", "'a16' is no register a"),
        ("ee.vld.128.ip q0, a2, 8", "'8' is not within -2048 to 2032 in steps of 16"),
        ("ee.vld.128.ip q0, a2, 4096", "'4096' is not within -2048 to 2032 in steps of 16"),
    ],
)
def test_wrong_text(text: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        encode(text)


def test_which_statements_are_the_vector_units() -> None:
    names = ("ee.zero.q q0", "mv.qr q0, q1", "wur.sar_byte a2", "EE.ZERO.ACCX")
    assert all(map(is_vector, names))
    assert not any(map(is_vector, ("add a2, a3, a4", ".byte 1", "", "rur.threadptr a2", "f:")))
