"""Test bins and fine bins of numeric columns."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.references.bins import Bins, numeric_bins
from driftd.references.profile import Ints

finite = st.floats(allow_nan=False, allow_infinity=False)
columns = st.one_of(
    st.lists(finite, min_size=1, max_size=300),
    st.lists(st.integers(-3, 12).map(float), min_size=1, max_size=300),
    st.lists(st.one_of(st.sampled_from([0.0, -0.0, 1.0]), st.floats(-5, 5)), min_size=1, max_size=300),
    st.lists(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True, width=16), min_size=1),
)


def fine_counts(bins: Bins, values: list[float]) -> Ints:
    """Count values per fine bin."""
    return np.bincount(np.searchsorted(bins.edges, values, side="right"), minlength=len(bins.test_of))


def counted(bins: Bins, values: list[float]) -> list[int]:
    """Count values per test bin."""
    return [int(c) for c in np.bincount(bins.test_of, weights=fine_counts(bins, values))]


@given(columns)
def test_edges_are_finite_and_strictly_increasing(values: list[float]) -> None:
    """Edges are finite, strictly increasing, and never a negative zero."""
    edges = numeric_bins(np.array(values)).edges
    assert all(math.isfinite(edge) for edge in edges)
    assert all(low < high for low, high in pairwise(edges))
    assert not any(edge == 0 and math.copysign(1, edge) < 0 for edge in edges)


@given(columns, st.integers(2, 40))
def test_every_value_lies_in_one_test_bin(values: list[float], test_bins: int) -> None:
    """Test bins start at 0, rise by 0 or 1, and hold all values."""
    bins = numeric_bins(np.array(values), test_bins)
    assert len(bins.test_of) == len(bins.edges) + 1
    assert bins.test_of[0] == 0
    assert {after - before for before, after in pairwise(bins.test_of)} <= {0, 1}
    assert sum(counted(bins, values)) == len(values)


@given(columns)
def test_training_values_lie_within_the_range(values: list[float]) -> None:
    """Nothing of the training data lies in a tail: the edges at the range are the minimum and above the maximum."""
    bins = numeric_bins(np.array(values))
    counts = fine_counts(bins, values)
    below = bins.edges.index(min(values) + 0.0)
    assert counts[: below + 1].sum() == 0
    above = math.nextafter(max(values), math.inf)
    if math.isfinite(above):
        assert counts[bins.edges.index(above) + 1 :].sum() == 0


@given(columns)
def test_atom_is_a_bin_of_its_own(values: list[float]) -> None:
    """A value with more than a twentieth of the mass is a fine bin, and a test bin that holds nothing else."""
    bins = numeric_bins(np.array(values))
    for value in set(values):
        mass = sum(other == value for other in values)
        if mass * 20 > len(values):
            at = int(np.searchsorted(bins.edges, value, side="right"))
            assert bins.edges[at - 1] == value
            assert fine_counts(bins, values)[at] == mass
            assert counted(bins, values)[bins.test_of[at]] == mass


@pytest.mark.parametrize("size", [200, 997, 5_000])
def test_continuous_bins_are_equally_probable(size: int) -> None:
    """Without ties there are 20 test bins of 5 fine bins, equal but for rounding, and 12 tail bins a side."""
    values = np.random.default_rng(size).normal(size=size).tolist()
    bins = numeric_bins(np.array(values))
    assert [abs(count - size / 20) <= 1 for count in counted(bins, values)] == [True] * 20
    inner = fine_counts(bins, values)[12:-12]
    assert len(inner) == 100
    assert all(abs(count - size / 100) <= 1.5 for count in inner)


@given(
    st.lists(st.integers(-2000, 2000), min_size=1, max_size=300),
    st.sampled_from([math.exp, lambda x: x * 1000 + 5, lambda x: x**3, math.atan]),
)
def test_increasing_map_leaves_the_counts(integers: list[int], increasing: object) -> None:
    """The counts per test bin are the same after any strictly increasing map of the column."""
    assert callable(increasing)
    values = [integer / 128 for integer in integers]
    mapped = [increasing(value) for value in values]
    expected = counted(numeric_bins(np.array(values)), values)
    assert counted(numeric_bins(np.array(mapped)), mapped) == expected


def test_tails_grow_fourfold() -> None:
    """Beyond the range the fine bins start with a twentieth of it and grow fourfold, eleven times bounded."""
    edges = numeric_bins(np.arange(2_001) / 100).edges
    upper = [high - low for low, high in pairwise(edges[-12:])]
    lower = [high - low for low, high in pairwise(edges[:12])]
    assert upper == pytest.approx([4**k for k in range(11)])
    assert lower == pytest.approx([4**k for k in reversed(range(11))])


def test_constant_column_can_be_seen_to_move() -> None:
    """What lies below or above a constant is in a test bin without training mass."""
    bins = numeric_bins(np.array([5.0] * 40))
    assert counted(bins, [5.0] * 40) == [0, 40, 0]
    assert counted(bins, [4.999, 5.0, 5.001, 1e9]) == [1, 1, 2]


def test_two_values_are_two_test_bins() -> None:
    """A flag has a test bin for each value; between them the lower one's holds what turns up."""
    bins = numeric_bins(np.array([0.0] * 30 + [1.0] * 10))
    assert counted(bins, [0.0] * 30 + [1.0] * 10) == [0, 30, 10, 0]
    assert counted(bins, [-1.0, 0.0, 0.5, 1.0, 2.0]) == [1, 2, 1, 1]


def test_small_integers_are_bins_of_their_own() -> None:
    """Eleven equally frequent integers are eleven test bins, and bins for what lies beyond them."""
    values = [float(v) for v in range(11)] * 9
    assert counted(numeric_bins(np.array(values)), values) == [0, *[9] * 11, 0]


def test_segment_behind_an_atom_starts_right_behind_it() -> None:
    """A value between an atom and the least training value above it counts with the values above."""
    bins = numeric_bins(np.array([0.0] * 60 + [1 + k / 100 for k in range(40)]))
    before = counted(bins, [0.0] * 60 + [1 + k / 100 for k in range(40)])
    assert before == [0, 60, 5, 5, 5, 5, 5, 5, 5, 5]
    assert counted(bins, [1e-300]) == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("values", [[1e308, -1e308, 1.7976931348623157e308], [5e-324, 0.0, -0.0, 1e-323]])
def test_extreme_magnitudes_have_bins(values: list[float]) -> None:
    """Values at the ends of the doubles are told apart like any others."""
    bins = numeric_bins(np.array(values))
    assert [count for count in counted(bins, values) if count] == [values.count(value) for value in sorted(set(values))]
