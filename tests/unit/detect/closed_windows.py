"""Closed windows of one model and the profile that they are held against, for the tests of the detect stage."""

from collections.abc import Sequence

import numpy as np

from driftd.references.bins import numeric_bins
from driftd.references.profile import ColumnProfile, Floats, Ints, Profile
from driftd.values.closed import ClosedWindow, ColumnSums
from driftd.values.keys import ColumnKey, Kind, MonitorKey, Role
from driftd.values.windows import Window

TRAINING = np.random.default_rng(3).normal(size=1_000)
BINS = numeric_bins(TRAINING)
MONITOR = MonitorKey("fraud", "3")


def fine(values: Sequence[float] | Floats) -> Ints:
    """Count values per fine bin."""
    return np.bincount(np.searchsorted(BINS.edges, values, side="right"), minlength=len(BINS.test_of))


def profile(columns: int = 2, reference_id: str = "r1") -> Profile:
    """Build a profile of like columns."""
    counts = tuple(fine(TRAINING).tolist())
    keys = [ColumnKey(Role.FEATURE, f"x{i}") for i in range(columns)]
    return Profile(
        "fraud",
        "3",
        1_000,
        tuple(ColumnProfile(k, Kind.NUMERIC, 1_000, 0, 0, counts, BINS.edges, BINS.test_of) for k in keys),
        reference_id=reference_id,
    )


def closed(
    number: int,
    shifts: Sequence[float],
    *,
    monitor: MonitorKey = MONITOR,
    missing: int = 0,
    reference_id: str = "r1",
    starved: tuple[int, ...] = (),
) -> ClosedWindow:
    """Close minute ``number``: 200 normal values a column, moved by its shift."""
    rng = np.random.default_rng([number, *map(ord, monitor.model)])
    span = Window(number * 60_000, (number + 1) * 60_000)
    runs = []
    for column, shift in enumerate(shifts):
        counts = fine(rng.normal(size=200) + shift)
        runs.append(ColumnSums(column, span, 1, np.array([200 + missing, missing, 0, 0, *counts], dtype=np.int64)))
    return ClosedWindow(
        monitor, span, reference_id, "s", 200, incomplete=False, sources=(), columns=tuple(runs), starved=starved
    )
