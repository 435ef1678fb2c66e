"""Counting many values at once against counting them one by one, and against the law in plain words."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.references.profile import ColumnProfile
from driftd.summarise.columns import counter_of
from driftd.summarise.unseen import UnseenTexts
from driftd.values.hashing import text_hash
from driftd.values.keys import ColumnKey, Kind, Role
from driftd.values.layout import HEADER

EDGES = (-1e300, -1.0, 0.0, 1.0, 2.0**53, 2.0**63, 2.0**64, 1e300)
NUMERIC = ColumnProfile(ColumnKey(Role.FEATURE, "x"), Kind.NUMERIC, 0, 0, 0, (0,) * 9, EDGES, tuple(range(9)))
EDGELESS = ColumnProfile(ColumnKey(Role.FEATURE, "x"), Kind.NUMERIC, 0, 0, 0, (0,), (), (0,))
CATEGORICAL = ColumnProfile(
    ColumnKey(Role.FEATURE, "x"),
    Kind.CATEGORICAL,
    0,
    0,
    0,
    (0,) * 5,
    categories=("a", "", "true", "1"),
    known=frozenset({text_hash("rare")}),
)
OPEN = ColumnProfile(
    ColumnKey(Role.FEATURE, "x"), Kind.CATEGORICAL, 0, 0, 0, (0, 0), categories=("a",), open_vocabulary=True
)
COLUMNS = {"numeric": NUMERIC, "edgeless": EDGELESS, "categorical": CATEGORICAL, "open": OPEN}

NUMBERS = st.one_of(
    st.floats(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([2**53, 2**53 + 1, 2**64 - 1, -0.0, 1.0, 1, True, float("nan"), float("inf")]),
)
TEXTS = st.sampled_from(["a", "", "true", "1", "rare", "new", "1.5", "nan", "é" * 200])
ODD: st.SearchStrategy[Any] = st.one_of(st.just([1]), st.just({}), st.just([]))
MIXED = st.one_of(
    st.lists(NUMBERS),
    st.lists(TEXTS),
    st.lists(st.one_of(NUMBERS, st.none())),
    st.lists(st.one_of(TEXTS, st.none())),
    st.lists(st.one_of(NUMBERS, TEXTS, ODD, st.none())),
)


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS.keys())
@given(values=MIXED, times=st.integers(1, 20))
def test_many_at_once_count_like_one_by_one(column: ColumnProfile, values: list[Any], times: int) -> None:
    """Any mixture of numbers, booleans, texts, null and other things comes to the same sums both ways."""
    counter = counter_of(column)
    at_once, one_by_one = (np.zeros(HEADER + column.fine_bins, dtype=np.int64) for _ in range(2))
    unseen_at_once, unseen_one_by_one = UnseenTexts(), UnseenTexts()

    counter.count(values * times, at_once, unseen_at_once)
    for value in values * times:
        counter.count_value(value, one_by_one, unseen_one_by_one)

    assert at_once.tolist() == one_by_one.tolist()
    assert list(unseen_at_once.categories(0)) == list(unseen_one_by_one.categories(0))


@given(values=st.lists(NUMBERS, min_size=16))
def test_bin_is_the_number_of_edges_at_or_below(values: list[float]) -> None:
    """Numbers are compared as doubles, and an edge belongs to the bin above it."""
    run = np.zeros(HEADER + NUMERIC.fine_bins, dtype=np.int64)
    counter_of(NUMERIC).count(values, run, UnseenTexts())
    expected = [0] * NUMERIC.fine_bins
    for value in values:
        if abs(float(value)) < float("inf"):
            expected[sum(edge <= float(value) for edge in EDGES)] += 1

    assert run[HEADER:].tolist() == expected
    assert run[:HEADER].tolist() == [len(values), 0, len(values) - sum(expected), 0]


def test_true_one_and_the_text_are_told_apart() -> None:
    """Equal keys to Python, three different things to a categorical column."""
    run = np.zeros(HEADER + CATEGORICAL.fine_bins, dtype=np.int64)
    counter_of(CATEGORICAL).count([True, 1, 1.0, "1", "true", False, None] * 4, run, UnseenTexts())

    assert run.tolist() == [28, 4, 8, 4, 0, 0, 8, 4, 4]


@pytest.mark.parametrize(
    ("values", "expected"), [([], [0, 0, 0, 0, 0]), ([None] * 20, [20, 20, 0, 0, 0]), ([1] * 20, [20, 0, 0, 0, 20])]
)
def test_column_without_edges_has_one_bin(values: list[Any], expected: list[int]) -> None:
    """A constant training column still counts what comes."""
    run = np.zeros(HEADER + 1, dtype=np.int64)
    counter_of(EDGELESS).count(values, run, UnseenTexts())

    assert run.tolist() == expected
