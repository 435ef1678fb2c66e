"""Vectors of sums as bytes: exact, short where there is little in them, and the same for the same vector."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.values.layout import sums_from_bytes, sums_to_bytes

numbers = st.one_of(st.integers(0, 3), st.sampled_from([255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63 - 1]))
vectors = st.one_of(
    st.lists(numbers, max_size=40),
    st.builds(
        lambda size, filled: [filled.get(at, 0) for at in range(size)],
        st.sampled_from([255, 256, 3_000, 70_000]),
        st.dictionaries(st.integers(0, 69_999), numbers, max_size=6),
    ),
)


@given(vectors)
def test_vector_reads_back_as_it_was_written(vector: list[int]) -> None:
    """Every number is exact, however wide, in either form."""
    assert vector == sums_from_bytes(sums_to_bytes(np.array(vector, dtype=np.int64))).tolist()


@given(vectors)
def test_wire_form_is_never_longer_than_eight_bytes_a_number(vector: list[int]) -> None:
    """Beyond the first byte it takes at most what plain 64-bit integers do."""
    assert len(sums_to_bytes(np.array(vector, dtype=np.int64))) <= 1 + 8 * len(vector)


def test_vector_can_be_added_to() -> None:
    """What is read is nobody else's: both forms come back as arrays that may be changed."""
    for vector in ([0] * 100 + [7], [1, 2, 3]):
        sums = sums_from_bytes(sums_to_bytes(np.array(vector, dtype=np.int64)))
        sums += 1
        assert [number + 1 for number in vector] == sums.tolist()


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        ([], "01"),
        ([1, 2, 3], "01010203"),
        ([256, 1], "0200010100"),
        ([70_000], "0470110100"),
        ([2**32], "080000000001000000"),
        ([0] * 20, "1114000000"),
        ([0] * 19 + [5], "11140000001305"),
        ([0] * 300 + [300], "122d0100002c012c01"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_wire_form_is_fixed(vector: list[int], expected: str) -> None:
    """Other implementations and older snapshots hold these very bytes."""
    assert expected == sums_to_bytes(np.array(vector, dtype=np.int64)).hex()


def test_plain_integers_behind_their_width_are_read() -> None:
    """What wrote all numbers as 64-bit integers is read with the byte 08 in front."""
    assert [1, 0, 2**40] == sums_from_bytes(b"\x08" + np.array([1, 0, 2**40], dtype="<i8").tobytes()).tolist()


def test_sums_of_a_single_event_are_small() -> None:
    """A monitor of one event takes a few bytes for each column, not eight for each bin."""
    sums = np.zeros(24 * 104, dtype=np.int64)
    sums[::104] = sums[50::104] = 1
    assert len(sums_to_bytes(sums)) == 5 + 48 * (2 + 1)
