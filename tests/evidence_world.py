"""A made-up world for the evidence: references and windows of many columns as counts, drawn without any rows.

Values are standard normal and stand in 20 bins of equal probability. A window's values all share an effect, a
first-order autoregression, so that windows depend on each other where a column says so.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.monitor import Judged, MonitorEvidence
from driftd.detect.observed import Observed
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile, Floats, Ints
from driftd.values.keys import ColumnKey, Kind, Role
from driftd.values.layout import HEADER, MISSING, N
from driftd.values.windows import Window

MINUTE_MS = 60_000
BINS = 20
JOIN_WINDOWS = 12
_EDGES = tuple(i / BINS for i in range(1, BINS))
_CUTS = ndtri(np.asarray(_EDGES))

Table = list[tuple[int, Observed]]


class World:
    """Columns x0, x1, … with their reference of ``blocks`` windows, and any number of windows after it.

    ``effect``: standard deviation of a window's effect in that of the mean of its ``rows`` by sampling,
    ``decay``: its autocorrelation from window to window, ``missing``: share of events without a value; each one
    number or one a column. Without ``ordered`` the reference does not know the order of its rows. The same seed
    gives the same world.
    """

    def __init__(
        self,
        seed: int,
        columns: int,
        *,
        blocks: int = 100,
        rows: int = 200,
        effect: float | Floats = 0.0,
        decay: float | Floats = 0.0,
        missing: float | Floats = 0.0,
        ordered: bool = True,
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self.columns, self.rows = columns, rows
        self._effect = np.broadcast_to(np.asarray(effect, dtype=np.float64), columns)
        self._decay = np.broadcast_to(np.asarray(decay, dtype=np.float64), columns)
        self._missing = np.broadcast_to(np.asarray(missing, dtype=np.float64), columns)
        self._state = self._rng.normal(size=columns)
        history = np.stack([self.counts() for _ in range(blocks)], axis=1)
        self.baselines = [_baseline(f"x{at}", runs, ordered=ordered) for at, runs in enumerate(history)]

    def counts(self, shift: float | Floats = 0.0, missing: float | Floats | None = None) -> Ints:
        """Draw a window: (columns, HEADER + BINS), its values moved by ``shift`` standard deviations of a row."""
        self._state = self._decay * self._state + np.sqrt(1 - self._decay**2) * self._rng.normal(size=self.columns)
        at = shift + self._effect * self._state / np.sqrt(self.rows)
        below = ndtr(_CUTS - np.broadcast_to(at, self.columns)[:, None])
        shares = np.diff(below, prepend=0.0, append=1.0)
        out = np.zeros((self.columns, HEADER + BINS), dtype=np.int64)
        out[:, N] = self.rows
        out[:, MISSING] = self._rng.binomial(self.rows, self._missing if missing is None else missing)
        out[:, HEADER:] = self._rng.multinomial(self.rows - out[:, MISSING], shares)
        return out

    def window(self, shift: float | Floats = 0.0, missing: float | Floats | None = None) -> Table:
        """Draw a window as the evidence takes it."""
        return table(self.counts(shift, missing))

    def only(self, shift: float, column: int = 0) -> Floats:
        """Return shifts of 0 but for one column."""
        return np.where(np.arange(self.columns) == column, shift, 0.0)


class Page(NamedTuple):
    """A page: the number of its window, and the columns that it names."""

    window: int
    columns: tuple[int, ...]


class Watch:
    """A monitor's evidence, fed window by window; ``pages`` are those that open an incident, not what joins it."""

    def __init__(self, baselines: Sequence[Baseline], threshold: float = 8_640.0) -> None:
        self.baselines = baselines
        self.threshold = threshold
        self.evidence = MonitorEvidence(baselines, MINUTE_MS)
        self.windows = 0
        self.pages: list[Page] = []
        self.recovered: list[tuple[int, int]] = []  # window, column

    def observe(self, observed: Table) -> Judged:
        """Take in a window."""
        number = self.windows
        judged = self.evidence.observe(observed, minute(number), self.threshold, 0)
        alarms = tuple(at for at, said in judged.columns.items() if said.alarm)
        if alarms and (not self.pages or number - self.pages[-1].window > JOIN_WINDOWS):
            self.pages.append(Page(number, alarms))
        self.recovered.extend((number, at) for at, said in judged.columns.items() if said.recovered)
        self.windows += 1
        return judged

    def follow(self, windows: Iterable[Table]) -> "Watch":
        """Take in windows one after the other."""
        for observed in windows:
            self.observe(observed)
        return self


def table(counts: Ints) -> Table:
    """Turn runs of sums, a column each, into what the evidence takes."""
    headers = counts[:, :HEADER].tolist()
    return [(at, Observed(tuple(headers[at]), run)) for at, run in enumerate(counts[:, HEADER:])]


def minute(number: int) -> Window:
    """Return the span of minute ``number``."""
    return Window(number * MINUTE_MS, (number + 1) * MINUTE_MS)


def _baseline(name: str, runs: Ints, *, ordered: bool) -> Baseline:
    key, total = ColumnKey(Role.FEATURE, name), runs.sum(axis=0).tolist()
    column = ColumnProfile(
        key,
        Kind.NUMERIC,
        n=total[N],
        missing=total[MISSING],
        invalid=0,
        counts=tuple(total[HEADER:]),
        edges=_EDGES,
        test_of=tuple(range(BINS)),
    )
    if not ordered:
        return Baseline(column, None)
    history = {key: BlockCounts(tuple(map(tuple, runs.tolist())))}
    return Baseline(column, Calibration(MINUTE_MS, float(runs[:, N].mean()), len(runs), {}, history))
