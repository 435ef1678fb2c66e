"""river's detectors on effective observations: few false detections, short delays, also on dependent windows.

A shortened form of benchmarks/detection/rivals.py, which compares them with others: windows of 200 rows, one column,
fixed seeds. A quarter of the full run's clean windows, with bars no wider than its own; ADWIN fed with every
row shows that the dependent stream is one on which detectors flood.
"""

import math
from collections.abc import Iterable, Iterator
from statistics import median

import numpy as np
import pytest
from river import drift
from scipy.stats import norm

from driftd.detect.bank import Bank
from driftd.detect.baseline import Baseline
from driftd.detect.observed import observed_row
from driftd.detect.river_adapter import DetectorKit
from driftd.detect.settings import DetectorSettings
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile, Floats
from driftd.values.keys import Channel, ColumnKey, Kind, Role

pytestmark = pytest.mark.statistical

ROWS, BINS, BEFORE, AFTER = 200, 20, 200, 60
KEY = ColumnKey(Role.FEATURE, "x")
EDGES, TEST_OF = tuple(i / BINS for i in range(1, BINS)), tuple(range(BINS))
INDEPENDENT = Baseline(ColumnProfile(KEY, Kind.NUMERIC, 10_000, 0, 0, (500,) * BINS, EDGES, TEST_OF), None)
Spoken = list[int]


def windows(seed: int, count: int, *, dependent: bool, shift: float = 0.0) -> Iterator[Floats]:
    """Yield windows of u, shifted by so many standard deviations of a row from window BEFORE on.

    Dependent windows share an AR(1) effect, rho .9, as large as the sampling noise of their mean.
    """
    rng, effect = np.random.default_rng(seed), 0.0
    for number in range(count):
        if dependent:
            effect = 0.9 * effect + math.sqrt(1 - 0.81) * rng.normal()
        yield norm.cdf(rng.normal(size=ROWS) + effect / math.sqrt(ROWS) + shift * (number >= BEFORE))


def row_of(u: Floats) -> tuple[int, ...]:
    """Sum a window to a row of a profile's blocks."""
    counts = np.bincount(np.minimum((u * BINS).astype(int), BINS - 1), minlength=BINS)
    return (len(u), 0, 0, 0, *counts.tolist())


@pytest.fixture(scope="module")
def dependent() -> Baseline:
    """A reference of 300 dependent windows, with the design effect they show."""
    blocks = tuple(row_of(u) for u in windows(1, 300, dependent=True))
    counts = np.array(blocks)[:, 4:]
    z = (counts * INDEPENDENT.ranks[Channel.LOCATION]).sum(axis=1) / ROWS
    z -= z.mean()
    time = 1.0
    for lag in range(1, len(z) // 4):  # Sokal's window
        time += 2 * float((z[lag:] * z[:-lag]).sum() / (z * z).sum())
        if lag >= 5 * time:
            break
    deff = float(z.var() * 12 * ROWS) * max(1.0, time)
    assert 8 < deff < 14
    total = tuple(counts.sum(axis=0).tolist())
    column = ColumnProfile(KEY, Kind.NUMERIC, sum(total), 0, 0, total, EDGES, TEST_OF)
    calibration = Calibration(60_000, ROWS, len(blocks), {KEY: {Channel.LOCATION: deff}}, {KEY: BlockCounts(blocks)})
    return Baseline(column, calibration)


def spoken(stream: Iterable[Floats], baseline: Baseline) -> dict[str, Spoken]:
    """Return the windows in which each detector spoke on the location channel."""
    bank = Bank(DetectorKit(DetectorSettings()), "column")
    found: dict[str, Spoken] = {"adwin": [], "page_hinkley": []}
    for number, u in enumerate(stream):
        for channel, detector in bank.observe(observed_row(row_of(u)), baseline, (), 200):
            if channel is Channel.LOCATION:
                found[detector].append(number)
    return found


def median_delays(baseline: Baseline, shift: float, runs: int, *, depend: bool) -> dict[str, float]:
    """Return the median number of windows from the shift to each detector's word; AFTER + 1 where there is none."""
    delays: dict[str, list[int]] = {"adwin": [], "page_hinkley": []}
    for seed in range(100, 100 + runs):
        stream = windows(seed, BEFORE + AFTER, dependent=depend, shift=shift)
        for detector, numbers in spoken(stream, baseline).items():
            delays[detector].append(next((n - BEFORE + 1 for n in numbers if n >= BEFORE), AFTER + 1))
    return {detector: median(found) for detector, found in delays.items()}


def test_clean_independent_windows_are_quiet() -> None:
    """Of 1,500 clean windows ADWIN falsely tells at most 1 and Page-Hinkley at most 2."""
    false = spoken(windows(2, 1_500, dependent=False), INDEPENDENT)
    assert len(false["adwin"]) <= 1
    assert len(false["page_hinkley"]) <= 2


def test_clean_dependent_windows_are_quiet_where_rows_flood(dependent: Baseline) -> None:
    """1,500 windows with an AR .9 effect: at most 2 and 3 false detections, while ADWIN fed with rows floods."""
    stream = list(windows(2, 1_500, dependent=True))
    false = spoken(stream, dependent)
    assert len(false["adwin"]) <= 2
    assert len(false["page_hinkley"]) <= 3
    by_row, alarms = drift.ADWIN(), 0  # type: ignore[no-untyped-call]
    for value in np.concatenate(stream).tolist():
        by_row.update(value)  # type: ignore[no-untyped-call]
        alarms += by_row.drift_detected
    assert alarms >= 10


@pytest.mark.parametrize(("shift", "bar"), [(0.25, 4), (0.5, 2), (1.0, 1)])
def test_shifts_are_told_within_a_few_windows(shift: float, bar: int) -> None:
    """A quarter, half and whole standard deviation take at most 4, 2 and 1 windows in the median of 9 runs."""
    delays = median_delays(INDEPENDENT, shift, runs=9, depend=False)
    assert delays["adwin"] <= bar
    assert delays["page_hinkley"] <= bar


def test_a_whole_standard_deviation_is_told_among_dependent_windows(dependent: Baseline) -> None:
    """At a design effect of 11 it takes about ten windows: later, and not never."""
    delays = median_delays(dependent, 1.0, runs=5, depend=True)
    assert delays["adwin"] <= 8
    assert delays["page_hinkley"] <= 15
