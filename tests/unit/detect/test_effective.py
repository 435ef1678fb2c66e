"""Effective observations: few values that stand for a window's counts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftd.detect.effective import MOST, effective_bins, effective_size, van_der_corput_order

counts_of_bins = st.lists(st.integers(0, 500), min_size=2, max_size=30).filter(any)


@given(counts_of_bins, st.integers(1, MOST))
def test_values_stand_at_evenly_spaced_positions_of_the_cumulated_counts(counts: list[int], size: int) -> None:
    """Value i is the first bin whose cumulated count reaches (i + 1/2) n / K."""
    n = sum(counts)
    expected = [
        next(b for b in range(len(counts)) if 2 * size * sum(counts[: b + 1]) >= (2 * i + 1) * n) for i in range(size)
    ]
    assert sorted(expected) == sorted(effective_bins(np.array(counts), size).tolist())
    assert [expected[i] for i in van_der_corput_order(size)] == effective_bins(np.array(counts), size).tolist()


@given(counts_of_bins)
def test_as_many_values_as_rows_are_the_rows(counts: list[int]) -> None:
    """With K = n every row is drawn once."""
    n = sum(counts)
    drawn = np.bincount(effective_bins(np.array(counts), n), minlength=len(counts)) if n <= MOST else np.array(counts)
    assert drawn.tolist() == counts


def test_order_is_the_van_der_corput_sequence() -> None:
    """Positions are visited by their binary digits read backwards."""
    assert van_der_corput_order(8).tolist() == [0, 4, 2, 6, 1, 5, 3, 7]


@given(st.integers(1, MOST))
def test_order_visits_every_position_once(size: int) -> None:
    """The order is a permutation for every size."""
    assert sorted(van_der_corput_order(size).tolist()) == list(range(size))


def test_size_is_divided_by_the_design_effect_and_bounded() -> None:
    """K = min(n / deff, 200), at least 1, and 0 for an empty window."""
    assert [effective_size(n, d) for n, d in ((200, 1.0), (10_000, 1.0), (200, 11.0), (5, 82.0), (0, 1.0))] == [
        200,
        200,
        18,
        1,
        0,
    ]
