"""A made-up world with a day: columns whose values rise and fall with the hour, each with its own.

Values are standard normal in 20 bins of equal probability, windows hold 200 of them. What a profile would know is
worked out from the training windows as `driftd profile` does it.
"""

from dataclasses import replace

import numpy as np
from scipy.special import ndtr, ndtri

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.monitor import MonitorEvidence
from driftd.references.blocks import Blocks
from driftd.references.calibration import calibrate
from driftd.references.profile import ColumnProfile, Floats, Ints
from driftd.references.season import DAY_MS
from driftd.values.keys import ColumnKey, Kind, Role
from driftd.values.layout import HEADER, N
from driftd.values.windows import Window
from evidence_world import BINS, JOIN_WINDOWS, Table, table

WINDOW_MS = 300_000
ROWS = 200
_EDGES = tuple(i / BINS for i in range(1, BINS))
_CUTS = ndtri(np.asarray(_EDGES))
_EPOCH_MS = 1_699_833_600_000  # a midnight


class SeasonWorld:
    """Columns x0, x1, … with so many training windows, and any number of windows after them.

    ``amplitude`` of the daily sine: in standard deviations of a window's mean. The same seed gives the same world.
    """

    def __init__(
        self, seed: int, columns: int, *, amplitude: float, blocks: int = 8_064, window_ms: int = WINDOW_MS
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._phase = self._rng.uniform(0, 2 * np.pi, columns)
        self._amplitude, self.window_ms = amplitude / np.sqrt(ROWS), window_ms
        self._next = 0
        start_ms = _EPOCH_MS + window_ms * np.arange(blocks)
        runs = np.stack([self._counts(0.0) for _ in range(blocks)], axis=1)
        self.columns = tuple(_column(f"x{at}", run) for at, run in enumerate(runs))
        rows = np.full(blocks, ROWS)
        calibration = calibrate(self.columns, Blocks(tuple(runs), rows, start_ms, start_ms + window_ms - 1))
        assert calibration is not None
        self.calibration = calibration

    def baselines(self, *, season: bool = True, ordered: bool = True) -> list[Baseline]:
        """Return the references; without ``season`` or order those of a profile that does not know them."""
        kept = self.calibration if season else replace(self.calibration, season={}, spans=())
        return [Baseline(column, kept if ordered else None) for column in self.columns]

    def window(self, shift: float = 0.0) -> tuple[Table, Window]:
        """Draw the next window, the first column shifted by so many standard deviations of a window's mean."""
        start_ms = _EPOCH_MS + self.window_ms * self._next
        moved = np.where(np.arange(len(self._phase)) == 0, shift / np.sqrt(ROWS), 0.0)
        return table(self._counts(moved)), Window(start_ms, start_ms + self.window_ms)

    def _counts(self, shift: float | Floats) -> Ints:
        middle_ms = self.window_ms * (self._next + 0.5)
        self._next += 1
        at = shift + self._amplitude * np.sin(2 * np.pi * middle_ms / DAY_MS + self._phase)
        shares = np.diff(ndtr(_CUTS - at[:, None]), prepend=0.0, append=1.0)
        out = np.zeros((len(at), HEADER + BINS), dtype=np.int64)
        out[:, N] = ROWS
        out[:, HEADER:] = self._rng.multinomial(ROWS, shares)
        return out


class SeasonWatch:
    """A monitor's evidence; ``pages`` are the numbers of the windows that open an incident."""

    def __init__(self, baselines: list[Baseline], threshold: float, window_ms: int = WINDOW_MS) -> None:
        self.evidence = MonitorEvidence(baselines, window_ms)
        self._threshold = threshold
        self.windows = 0
        self.pages: list[int] = []

    def observe(self, observed: Table, window: Window) -> None:
        """Take in a window."""
        judged = self.evidence.observe(observed, window, self._threshold, 0)
        joins = self.pages and self.windows - self.pages[-1] <= JOIN_WINDOWS
        if not joins and any(said.alarm for said in judged.columns.values()):
            self.pages.append(self.windows)
        self.windows += 1


def _column(name: str, runs: Ints) -> ColumnProfile:
    total = runs.sum(axis=0).tolist()
    key, counts = ColumnKey(Role.FEATURE, name), tuple(total[HEADER:])
    return ColumnProfile(key, Kind.NUMERIC, total[N], 0, 0, counts, edges=_EDGES, test_of=tuple(range(BINS)))
