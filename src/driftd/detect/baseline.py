"""What a column's channels look like in training: the level, the spread and the windows to begin with."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from driftd.detect.distances import chance_psi
from driftd.detect.effective import MOST
from driftd.detect.observed import RATES, Observed, observed_row
from driftd.references.profile import Calibration, ColumnProfile, Floats, Ints, Profile
from driftd.references.season import Season
from driftd.values.keys import Channel, Kind, Role
from driftd.values.layout import HEADER, N

#: Without a known time order the reference is taken as so many windows of 200 rows, at most.
MOST_SYNTHETIC_WINDOWS = 50


@dataclass(frozen=True, slots=True)
class Level:
    """A channel in training: observations, their mean and their variance (of one observation)."""

    n: int
    mean: float
    variance: float


class ReferenceWindow(NamedTuple):
    """A window of the reference, so many times running, with the rows its design effect is taken for."""

    observed: Observed
    rows: float
    times: int


class Baseline:
    """One column's reference as detecting uses it; built once for each profile and column.

    ``ranks[channel][b]`` is what an observation in test bin b counts on that channel: the mid-rank u for
    location, |2u - 1| for scale. Under no drift the mean of the mid-ranks is exactly 1/2.
    """

    def __init__(self, column: ColumnProfile, calibration: Calibration | None) -> None:
        self.column = column
        self.counts = column.test_counts
        self.ranks: dict[Channel, Floats] = {
            Channel.LOCATION: column.midranks,
            Channel.SCALE: np.abs(2 * column.midranks - 1),
        }
        self._calibration = calibration
        self._deff = calibration.deff.get(column.key, {}) if calibration else {}
        self._test_of = np.asarray(column.test_of, dtype=np.int64)
        self.levels = {channel: self._rank_level(ranks) for channel, ranks in self.ranks.items()} | {
            channel: self._rate_level(channel) for channel in RATES
        }

    @property
    def calibration(self) -> Calibration | None:
        """What the time order of the training rows tells; None where there was none."""
        return self._calibration

    @property
    def training(self) -> Observed:
        """The training rows as one observation. Nothing in them is unseen."""
        header = [0] * HEADER
        header[:3] = self.column.n, self.column.missing, self.column.invalid
        return Observed(tuple(header), self.counts)

    def observed(self, sums: Ints) -> Observed:
        """Sum a window's run of sums (values.layout) to test bins."""
        fine = sums[HEADER:]
        if self.column.kind is Kind.NUMERIC:
            # Weighted counts are float64: exact below 2**53 events.
            fine = np.bincount(self._test_of, weights=fine, minlength=self.column.test_bins).astype(np.int64)
        return Observed(tuple(sums[:HEADER].tolist()), fine)

    @property
    def history(self) -> Ints:
        """The reference's own windows in time order, a run of sums over test bins each; empty: order not known."""
        known = self._calibration.history.get(self.column.key) if self._calibration else None
        rows = known.counts if known is not None else ()
        return np.asarray(rows, dtype=np.int64).reshape(len(rows), HEADER + len(self.counts))

    @property
    def season(self) -> Mapping[Channel, Season]:
        """The seasons of its channels (references.season); empty: none."""
        return self._calibration.season.get(self.column.key, {}) if self._calibration else {}

    def chance_psi(self, n: int) -> float:
        """Return the mean of the PSI of ``n`` values without drift."""
        return chance_psi(len(self.counts), n, self.levels[Channel.LOCATION].n)

    def deff(self, channel: Channel, rows: float) -> float:
        """Return the design effect of a channel; 1 where nothing is known.

        It was learnt on blocks of ``block_rows``. ``rows`` are those that the same span of event time holds
        now: what moves all rows of a moment moves more of them where traffic is denser, so the effect beyond
        independence grows with the density, and is never taken to shrink.
        """
        learnt = self._deff.get(channel, 1.0)
        if self._calibration is None or learnt <= 1.0:
            return 1.0
        return max(learnt, 1 + (learnt - 1) * rows / self._calibration.block_rows)

    def rows_per_block(self, rows: float, span_ms: int) -> float:
        """Return how many rows a block's span of event time holds where ``span_ms`` hold ``rows``."""
        if self._calibration is None or not self._calibration.block_ms or span_ms <= 0:
            return rows
        return rows * self._calibration.block_ms / span_ms

    def windows(self) -> tuple[ReferenceWindow, ...]:
        """Return the reference's windows, oldest first.

        The profile's blocks where it knows the time order; else the whole reference again and again: its
        systematic sample is what a window looks like when nothing changes.
        """
        calibration = self._calibration
        history = calibration.history.get(self.column.key) if calibration else None
        if history is not None:
            return tuple(ReferenceWindow(observed_row(row), row[N], 1) for row in history.counts)
        rows = calibration.block_rows if calibration else float(MOST)
        times = max(1, min(MOST_SYNTHETIC_WINDOWS, self.column.n // MOST))
        return (ReferenceWindow(self.training, rows, times),)

    @cached_property
    def bin_of_one(self) -> int | None:
        """The test bin of the value 1 in an error column that holds 0 and 1 only, else None."""
        column = self.column
        extremes = (column.moments.get("min"), column.moments.get("max"))
        if column.key.role is not Role.ERROR or column.kind is not Kind.NUMERIC or extremes != (0.0, 1.0):
            return None
        if np.count_nonzero(column.counts) != 2:
            return None
        return int(column.test_of[np.searchsorted(column.edges, 1.0, side="right")])

    def _rank_level(self, ranks: Floats) -> Level:
        n = int(self.counts.sum())
        shares = self.counts / max(n, 1)
        mean = float((shares * ranks).sum())
        return Level(n, mean, float((shares * (ranks - mean) ** 2).sum()))

    def _rate_level(self, channel: Channel) -> Level:
        n = self.column.n
        rate = self.training.rate_count(channel) / max(n, 1)
        return Level(n, rate, rate * (1 - rate))


class Baselines:
    """The baselines of one profile's columns, made when a column is first looked at."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._made: dict[int, Baseline] = {}

    def all(self) -> list[Baseline]:
        """Return the baselines of all columns, in the profile's order."""
        return [self[column] for column in range(len(self.profile.columns))]

    def __getitem__(self, column: int) -> Baseline:
        if column not in self._made:
            self._made[column] = Baseline(self.profile.columns[column], self.profile.calibration)
        return self._made[column]
