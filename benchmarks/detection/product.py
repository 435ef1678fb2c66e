"""The whole product: MonitorEvidence on tables of counts, its incidents told apart."""

import pickle
from collections.abc import Iterable, Sequence

import numpy as np

from detection.streams import ROWS, counts
from driftd.detect.baseline import Baseline
from driftd.detect.evidence.monitor import Judged, MonitorEvidence
from driftd.detect.observed import Observed
from driftd.references.calibration import channel_design_effects
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile, Floats, Ints
from driftd.values.keys import ColumnKey, Kind, Role
from driftd.values.layout import HEADER
from driftd.values.windows import Window

WINDOW_MS = 300_000
_JOINED_FOR = 12  # windows after a page in which columns join its incident


def baselines(
    effect: Floats, rng: np.random.Generator, *, rows: int = ROWS, missing: float = 0.0, design: bool = False
) -> list[Baseline]:
    """Return references whose training rows are windows with these effects (columns, blocks), and nothing else.

    ``design``: with the design effects that river's detectors are fed by.
    """
    columns, blocks = effect.shape
    runs = np.zeros((columns, blocks, HEADER + counts(np.zeros(1), rng).shape[-1]), dtype=np.int64)
    runs[..., 0] = rows
    runs[..., 1] = rng.binomial(rows, missing, size=effect.shape)
    for at in range(blocks):
        runs[:, at, HEADER:] = _counts_of(effect[:, at], rows - runs[:, at, 1], rng)
    profiles = [_profile(f"c{at:05}", runs[at]) for at in range(columns)]
    history = {p.key: BlockCounts(tuple(map(tuple, run.tolist()))) for p, run in zip(profiles, runs, strict=True)}
    deff = {p.key: channel_design_effects(p, run) for p, run in zip(profiles, runs, strict=True)} if design else {}
    calibration = Calibration(WINDOW_MS, rows, blocks, deff, history)
    return [Baseline(profile, calibration) for profile in profiles]


def _profile(name: str, runs: Ints) -> ColumnProfile:
    total = runs.sum(axis=0)
    bins = len(total) - HEADER
    edges = tuple((np.arange(1, bins) / bins).tolist())
    key, held = ColumnKey(Role.FEATURE, name), tuple(total[HEADER:].tolist())
    return ColumnProfile(key, Kind.NUMERIC, int(total[0]), int(total[1]), 0, held, edges, tuple(range(bins)))


def _counts_of(effect: Floats, rows: Ints, rng: np.random.Generator) -> Ints:
    if (rows == rows[0]).all():
        return counts(effect, rng, int(rows[0]))
    return np.stack([counts(effect[at], rng, int(n)) for at, n in enumerate(rows)])


class Monitored:
    """A monitor that lives through windows; ``pages`` are (window, columns named by it or joining it)."""

    def __init__(self, references: Sequence[Baseline], threshold: float) -> None:
        self._evidence = MonitorEvidence(references, WINDOW_MS)
        self._threshold = threshold
        self.window = 0
        self.pages: list[tuple[int, set[int]]] = []
        self.recovered: list[tuple[int, int]] = []  # (window, column)

    def copy(self) -> "Monitored":
        """Return a monitor in the same state."""
        other: Monitored = pickle.loads(pickle.dumps(self))
        return other

    def observe(self, table: Ints, missing: Ints | None = None) -> Judged:
        """Take in a window of all columns."""
        lost = np.zeros(len(table), dtype=np.int64) if missing is None else missing
        sizes = (table.sum(axis=1) + lost).tolist()
        observed = [
            (at, Observed((n, int(gone), 0, 0), row))
            for at, (n, gone, row) in enumerate(zip(sizes, lost, table, strict=True))
        ]
        span = Window(self.window * WINDOW_MS, (self.window + 1) * WINDOW_MS)
        judged = self._evidence.observe(observed, span, self._threshold, 0)
        alarming = {at for at, said in judged.columns.items() if said.alarm}
        if alarming and self.pages and self.window <= self.pages[-1][0] + _JOINED_FOR:
            self.pages[-1][1].update(alarming)
        elif alarming:
            self.pages.append((self.window, alarming))
        self.recovered += [(self.window, at) for at, said in judged.columns.items() if said.recovered]
        self.window += 1
        return judged

    def live(self, tables: Iterable[Ints]) -> None:
        """Take in windows."""
        for table in tables:
            self.observe(table)

    def until_page(self, tables: Iterable[Ints], naming: int | None = None) -> float:
        """Return the windows until it pages (and names a column); infinite where it does not."""
        begun = len(self.pages)
        for number, table in enumerate(tables, start=1):
            self.observe(table)
            if any(naming is None or naming in named for _, named in self.pages[begun:]):
                return float(number)
        return float("inf")
