"""Columns and windows for the tests of detecting, built from plain numbers."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from driftd.references.bins import numeric_bins
from driftd.references.profile import ColumnProfile, Ints
from driftd.values.closed import ColumnSums
from driftd.values.keys import ColumnKey, Kind, Role
from driftd.values.windows import Window

MINUTE_MS = 60_000


def _fine_counts(column: ColumnProfile, values: Sequence[float]) -> Ints:
    bins = np.searchsorted(np.asarray(column.edges), np.asarray(values), side="right")
    return np.bincount(bins, minlength=column.fine_bins).astype(np.int64)


@pytest.fixture
def numeric_column() -> Callable[..., ColumnProfile]:
    """Build a numeric column's profile from training values."""

    def build(name: str, values: Sequence[float], missing: int = 0, role: Role = Role.FEATURE) -> ColumnProfile:
        bins = numeric_bins(np.asarray(values, dtype=np.float64))
        empty = ColumnProfile(
            key=ColumnKey(role, name),
            kind=Kind.NUMERIC,
            n=len(values) + missing,
            missing=missing,
            invalid=0,
            counts=(0,) * len(bins.test_of),
            edges=bins.edges,
            test_of=bins.test_of,
            moments={"min": float(min(values)), "max": float(max(values))},
        )
        counts = tuple(_fine_counts(empty, values).tolist())
        return ColumnProfile(**{**vars(empty), "counts": counts})

    return build


@pytest.fixture
def categorical_column() -> Callable[..., ColumnProfile]:
    """Build a categorical column's profile from counts per category, and of all others."""

    def build(name: str, counts: dict[str, int], other: int = 0) -> ColumnProfile:
        total = (*counts.values(), other)
        return ColumnProfile(
            ColumnKey(Role.FEATURE, name), Kind.CATEGORICAL, sum(total), 0, 0, total, categories=tuple(counts)
        )

    return build


@pytest.fixture
def column_sums() -> Callable[..., ColumnSums]:
    """Sum values of one column in minute ``number``; ``missing``, ``unseen`` and ``invalid`` events come on top."""

    def build(
        column: ColumnProfile,
        values: Sequence[float] | dict[str, int],
        number: int = 0,
        *,
        index: int = 0,
        missing: int = 0,
        invalid: int = 0,
        unseen: int = 0,
    ) -> ColumnSums:
        if isinstance(values, dict):
            fine = np.array([*(values.get(name, 0) for name in column.categories), unseen], dtype=np.int64)
        else:
            fine = _fine_counts(column, values)
        header = [int(fine.sum()) + missing + invalid, missing, invalid, unseen]
        span = Window(number * MINUTE_MS, (number + 1) * MINUTE_MS)
        return ColumnSums(index, span, 1, np.concatenate((header, fine)).astype(np.int64))

    return build
