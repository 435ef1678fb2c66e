"""What it costs the detect stage to judge a closed window."""

import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from driftd.detect.settings import DetectorSettings, DetectSettings
from driftd.detect.stage import DetectStage
from driftd.references.codec import with_ids
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile, Profile
from driftd.values.closed import ClosedWindow, ColumnSums
from driftd.values.keys import ColumnKey, MonitorKey
from driftd.values.paging import Paging
from driftd.values.settings import EVIDENCE, PageRule
from driftd.values.windows import Window
from made_up_events import START_MS, WINDOW_MS, Traffic
from speed.section import Bar, Result, Section, at_most, table, with_range
from speed.site import Site

EVENTS = 2_000  # of a window
WARM_UP = 3  # windows
NO_RIVER = DetectorSettings(adwin=None, page_hinkley=None)
BUILT = 100  # columns of the profile that all are made of
BLOCKS = 64  # of its history: what is learnt of them with the first window takes longer than all others together


def measure(site: Site) -> Result:
    """Judge some windows of each width, with river's detectors and without, by turns."""
    (built,) = Traffic(("fraud",), 83, 16, EVENTS, EVENTS, training_rows=10_240).profiles()
    worlds: dict[str, Any] = {}
    for columns, detectors in ((100, None), (1_000, None), (1_000, NO_RIVER), (10_000, NO_RIVER)):
        settings = DetectSettings() if detectors is None else DetectSettings(detectors=detectors)
        label = f"{columns:,}, {'with' if detectors is None else 'without'} river's"
        worlds[label] = _World(_widened(built, columns // BUILT), settings)
    first = {label: world.seconds(0) for label, world in worlds.items()}
    seconds: dict[str, list[float]] = {label: [] for label in worlds}
    for number in range(1, WARM_UP + site.size(15, 5)):
        for label, world in worlds.items():
            took = world.seconds(number)
            if number >= WARM_UP:
                seconds[label].append(took)
    site.say("detect stage: " + ", ".join(f"{label} {median(took):.3f} s" for label, took in seconds.items()))
    widths = {label: len(world.profile.columns) for label, world in worlds.items()}
    return {"seconds": seconds, "first": first, "columns": widths}


class _World:
    """A monitor that sees windows like its reference."""

    def __init__(self, profile: Profile, settings: DetectSettings) -> None:
        self.profile = profile
        paging = Paging((PageRule(EVIDENCE),))
        self._stage = DetectStage(lambda _: settings, lambda *_: paging, lambda _: profile)
        self._rng = np.random.default_rng(5)

    def seconds(self, number: int) -> float:
        """Judge one window more; return the CPU seconds of it."""
        start_ms = START_MS + number * WINDOW_MS
        span = Window(start_ms, start_ms + WINDOW_MS)
        columns = tuple(
            ColumnSums(position, span, 1, self._drawn(column)) for position, column in enumerate(self.profile.columns)
        )
        key = MonitorKey(self.profile.model, self.profile.version)
        window = ClosedWindow(
            key, span, self.profile.reference_id, "", EVENTS, incomplete=False, sources=(), columns=columns
        )
        began = time.process_time()
        self._stage.observe(window)
        return time.process_time() - began

    def _drawn(self, column: ColumnProfile) -> np.ndarray[Any, np.dtype[np.int64]]:
        counts = np.asarray(column.counts, dtype=np.float64)
        drawn = self._rng.multinomial(EVENTS, counts / counts.sum())
        return np.array([EVENTS, 0, 0, 0, *drawn], dtype=np.int64)


def _widened(profile: Profile, times: int) -> Profile:
    """Return a profile with every column so many times, under other names."""

    def named(key: ColumnKey, number: int) -> ColumnKey:
        return ColumnKey(key.role, f"{key.name}-{number:03}")

    columns = [replace(column, key=named(column.key, number)) for column in profile.columns for number in range(times)]
    known = profile.calibration
    assert known is not None, "its rows are in time order"
    calibration = Calibration(
        block_ms=known.block_ms,
        block_rows=known.block_rows,
        blocks=BLOCKS,
        deff={named(key, number): one for key, one in known.deff.items() for number in range(times)},
        history={
            named(key, number): BlockCounts(one.counts[:BLOCKS])
            for key, one in known.history.items()
            for number in range(times)
        },
        season={named(key, number): one for key, one in known.season.items() for number in range(times)},
        spans=known.spans[:BLOCKS],
    )
    ordered = tuple(sorted(columns, key=lambda column: column.key))
    return with_ids(replace(profile, columns=ordered, calibration=calibration))


def lines(result: Result) -> Iterator[str]:
    """Print one row a width."""
    yield f"""\
One monitor of a profile in time order, windows of {EVENTS:,} events like the reference; CPU time of one window, by
turns, after {WARM_UP} windows. With a monitor's very first window it learns from the history in its
profile, which has {BLOCKS} windows here.
"""
    yield from table(
        ("columns, detectors", "seconds a window", "µs a column", "seconds of the first window"),
        (
            [
                label,
                with_range(took, ".3f"),
                f"{median(took) / result['columns'][label] * 1e6:.0f}",
                f"{result['first'][label]:.1f}",
            ]
            for label, took in result["seconds"].items()
        ),
    )


def bars(result: Result) -> Iterator[Bar]:
    """Hold the two widths against their bars."""
    seconds = result["seconds"]
    for label, what in (
        ("1,000, with river's", "1,000 columns' window in seconds: at most 0.5, detectors included"),
        ("10,000, without river's", "10,000 columns' window in seconds: at most 0.5, without river's"),
    ):
        yield at_most(f"detect stage: {what}", seconds[label], ".3f", 0.5)


SECTION = Section("detect", "The detect stage", measure, lines, bars)
