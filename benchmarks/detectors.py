"""River's detectors on closed windows: false detections and delays, against river fed row by row.

    python benchmarks/detectors.py

One column, windows of 200 rows, fixed seeds; prints a table in Markdown. A delay counts windows from the
first drifted one, that one included: the median over the runs, ">60" where half the runs saw nothing. The
rivals see every row's exact u = F(x), with river's defaults but alpha = 1. Below it: how long the detect
stage takes for one closed window of 1,000 columns.
"""

import math
import time
from collections.abc import Iterable, Iterator
from statistics import median
from typing import Any

import numpy as np
from river import drift
from scipy.stats import norm

from driftd.detect.bank import Bank
from driftd.detect.baseline import Baseline
from driftd.detect.observed import observed_row
from driftd.detect.river_adapter import DetectorKit
from driftd.detect.settings import DetectorSettings, DetectSettings
from driftd.detect.stage import DetectStage
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile, Profile
from driftd.values.closed import ClosedWindow, ColumnSums
from driftd.values.keys import Channel, ColumnKey, Kind, MonitorKey, Role
from driftd.values.settings import PageRule
from driftd.values.windows import Window

ROWS, BINS, CLEAN, BEFORE, AFTER, RUNS = 200, 20, 6_000, 200, 60, 20
SHIFTS = (0.25, 0.5, 1.0)
DETECTORS = ("adwin", "page_hinkley")
KEY = ColumnKey(Role.FEATURE, "x")
REFERENCE_WINDOWS = 300


def windows(seed: int, count: int, strength: float, shift: float = 0.0, shifted_from: int = 0) -> Iterator[np.ndarray]:
    """Yield windows of u; ``strength`` scales an AR(1) window effect (rho .9) in standard errors of a window's mean."""
    rng, effect = np.random.default_rng(seed), 0.0
    for number in range(count):
        if strength:
            effect = 0.9 * effect + math.sqrt(1 - 0.81) * rng.normal()
        moved = strength * effect / math.sqrt(ROWS) + (shift if number >= shifted_from else 0.0)
        yield norm.cdf(rng.normal(size=ROWS) + moved)


def sums(u: np.ndarray) -> tuple[int, ...]:
    counts = np.bincount(np.minimum((u * BINS).astype(int), BINS - 1), minlength=BINS)
    return (len(u), 0, 0, 0, *counts.tolist())


def design_effect(means: np.ndarray) -> float:
    """Variance of window means over that of independent rows, times the autocorrelation time (Sokal's window)."""
    z = means - means.mean()
    total = 1.0
    for lag in range(1, len(z) // 4):
        total += 2 * float((z[lag:] * z[:-lag]).sum() / (z * z).sum())
        if lag >= 5 * total:
            break
    return max(1.0, float(means.var() * 12 * ROWS) * max(1.0, total))


def baseline(strength: float) -> Baseline:
    """The reference: independent rows in unknown order, or 300 windows in time order with what they teach."""
    even = ColumnProfile(
        KEY, Kind.NUMERIC, 10_000, 0, 0, (500,) * BINS, tuple(np.arange(1, BINS) / BINS), tuple(range(BINS))
    )
    if not strength:
        return Baseline(even, None)
    blocks = tuple(sums(u) for u in windows(1, REFERENCE_WINDOWS, strength))
    counts = np.array(blocks)[:, 4:]
    deff = {}
    for channel, ranks in (Baseline(even, None).ranks).items():
        means = (counts * ranks).sum(axis=1) / ROWS
        deff[channel] = design_effect((means - means.mean()) * math.sqrt(1 / 12 / ranks.var()))
    total = tuple(counts.sum(axis=0).tolist())
    column = ColumnProfile(KEY, Kind.NUMERIC, sum(total), 0, 0, total, even.edges, even.test_of)
    return Baseline(column, Calibration(60_000, ROWS, len(blocks), {KEY: deff}, {KEY: BlockCounts(blocks)}))


def by_window(stream: Iterable[np.ndarray], reference: Baseline) -> dict[tuple[Channel, str], list[int]]:
    """Windows in which each detector of the product spoke."""
    bank = Bank(DetectorKit(DetectorSettings()), "benchmark")
    spoke: dict[tuple[Channel, str], list[int]] = {
        (c, d): [] for c in (Channel.LOCATION, Channel.SCALE) for d in DETECTORS
    }
    for number, u in enumerate(stream):
        for channel, detector in bank.observe(observed_row(sums(u)), reference, (), 200):
            spoke[channel, detector].append(number)
    return spoke


def by_row(stream: Iterable[np.ndarray]) -> dict[tuple[Channel, str], list[int]]:
    """Windows in which river's detectors spoke, fed every row's u; a window counts once per alarm."""
    rivals: dict[str, Any] = {
        "adwin": drift.ADWIN(),  # type: ignore[no-untyped-call]
        "page_hinkley": drift.PageHinkley(alpha=1.0),
    }
    spoke: dict[tuple[Channel, str], list[int]] = {(Channel.LOCATION, name): [] for name in rivals}
    for number, u in enumerate(stream):
        for value in u.tolist():
            for name, rival in rivals.items():
                rival.update(value)
                if rival.drift_detected:
                    spoke[Channel.LOCATION, name].append(number)
    return spoke


def delay(runs: list[list[int]]) -> str:
    first = [next((number - BEFORE + 1 for number in spoke if number >= BEFORE), AFTER + 1) for spoke in runs]
    middle = median(first)
    return f">{AFTER}" if middle > AFTER else f"{middle:g}"


def detection_table() -> None:
    print("| windows | detector | fed with | false detections: location (scale) | delay .25 / .5 / 1 sd |")
    print("|---|---|---|---|---|")
    for label, strength in (("independent", 0.0), ("AR .9 window effect, sampling noise's size", 1.0)):
        reference = baseline(strength)
        deff = reference.deff(Channel.LOCATION, ROWS)
        feeds = (
            (f"effective observations (deff {deff:.1f})", lambda s, r=reference: by_window(s, r)),
            ("every row", by_row),
        )
        for fed, run in feeds:
            false = run(windows(2, CLEAN, strength))
            shifted = [
                [run(windows(100 + i, BEFORE + AFTER, strength, s, BEFORE)) for i in range(RUNS)] for s in SHIFTS
            ]
            for detector in DETECTORS:
                location = len(false[Channel.LOCATION, detector])
                scale = f" ({len(false[Channel.SCALE, detector])})" if (Channel.SCALE, detector) in false else ""
                delays = " / ".join(delay([r[Channel.LOCATION, detector] for r in runs]) for runs in shifted)
                print(f"| {label} | {detector} | {fed} | {location}{scale} | {delays} |", flush=True)


def stage_cost(columns: int, settings: DetectSettings) -> list[float]:
    """CPU seconds of the first windows of one monitor; the first one also feeds the reference to each detector."""
    even = (500,) * BINS
    edges, test_of = tuple(np.arange(1, BINS) / BINS), tuple(range(BINS))
    profile = Profile(
        "model",
        "",
        10_000,
        tuple(
            ColumnProfile(ColumnKey(Role.FEATURE, f"f{i:05}"), Kind.NUMERIC, 10_000, 0, 0, even, edges, test_of)
            for i in range(columns)
        ),
        reference_id="reference",
    )
    stage = DetectStage(lambda _: settings, lambda *_: Paging((PageRule("adwin"), PageRule("gross"))), lambda _: profile)
    took = []
    for number in range(6):
        span = Window(number * 60_000, (number + 1) * 60_000)
        stream = windows(number, columns, 0.0)
        runs = tuple(ColumnSums(i, span, 1, np.array(sums(u), dtype=np.int64)) for i, u in enumerate(stream))
        closed = ClosedWindow(
            MonitorKey("model"), span, "reference", "summary", ROWS, incomplete=False, sources=(), columns=runs
        )
        start = time.process_time()
        stage.observe(closed)
        took.append(time.process_time() - start)
    return took


if __name__ == "__main__":
    begun = time.perf_counter()
    detection_table()
    without = DetectSettings(detectors=DetectorSettings(adwin=None, page_hinkley=None))
    for many, what, chosen in (
        (1_000, "ADWIN and Page-Hinkley", DetectSettings()),
        (10_000, "no detector of river's", without),
    ):
        first, *later = stage_cost(many, chosen)
        print(f"\n{many:,} columns, {what}: {median(later):.2f} s CPU a window; the first one {first:.1f} s")
    print(f"\nThe whole run took {time.perf_counter() - begun:.0f} s.")
