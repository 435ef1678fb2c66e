"""The channels that are means: what each row scores, and how far the mean of a window's rows lies from training."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.innovations import Mask
from driftd.detect.observed import RATES, Observed
from driftd.references.profile import Floats, Ints
from driftd.values.keys import Channel
from driftd.values.layout import HEADER, N

#: The channels that are means of scores, in the order of every array's last axis.
MEANS = (Channel.LOCATION, Channel.SCALE, Channel.MISSING, Channel.UNSEEN, Channel.INVALID)
RANKS = 2  # the first of them score a value's rank, the others are shares of events
_UNKNOWN_ROWS = 200.0  # nominal size of a window where training rows had no known order


@dataclass(frozen=True, slots=True)
class Means:
    """The means of one window, all (columns, channels).

    ``y``: distance to training, ``sampling``: variance of it by sampling alone, both in the unit of
    Innovations; ``n``: observations; ``seen``: whether there are any, and the channel can vary at all.
    """

    y: Floats
    sampling: Floats
    n: Floats
    seen: Mask


class Scores:
    """The reference of a monitor's columns as arrays: (columns, ...), in the profile's order.

    Columns with fewer test bins than others are padded with bins that never count anything.
    """

    def __init__(self, baselines: Sequence[Baseline], block_rows: float | None) -> None:
        columns, bins = len(baselines), max((len(b.counts) for b in baselines), default=1)
        self.counts = np.zeros((columns, bins), dtype=np.int64)
        self.live = np.zeros((columns, bins), dtype=bool)
        self.ranks = np.zeros((RANKS, columns, bins))
        rates, sizes = np.zeros((columns, len(RATES))), np.zeros(columns)
        for at, baseline in enumerate(baselines):
            width = len(baseline.counts)
            self.counts[at, :width] = baseline.counts
            self.live[at, :width] = True
            for number, channel in enumerate(MEANS[:RANKS]):
                self.ranks[number, at, :width] = baseline.ranks[channel]
            rates[at] = [baseline.levels[channel].mean for channel in MEANS[RANKS:]]
            sizes[at] = baseline.column.n
        total = self.counts.sum(axis=1)
        self.shares = self.counts / np.maximum(total, 1)[:, None]
        self.ranks = self.ranks - (self.ranks * self.shares).sum(axis=2, keepdims=True)
        of_ranks = (self.shares * self.ranks**2).sum(axis=2).T
        # Agresti and Coull's estimate: what training never saw has a variance, too
        self.rates = (rates * sizes[:, None] + 2) / (sizes[:, None] + 4)
        self.means = np.concatenate((np.zeros((columns, RANKS)), rates), axis=1)
        self.variance = np.concatenate((of_ranks, self.rates * (1 - self.rates)), axis=1)
        self.varies = np.concatenate((of_ranks > 1e-12, np.repeat(sizes[:, None] > 0, len(RATES), axis=1)), axis=1)
        self.size = np.concatenate((np.repeat(total[:, None], RANKS, axis=1), np.repeat(sizes[:, None], 3, axis=1)), 1)
        rows = block_rows or _UNKNOWN_ROWS
        usable = total / np.maximum(sizes, 1)
        nominal = np.concatenate((np.repeat(usable[:, None], RANKS, axis=1), np.ones((columns, len(RATES)))), axis=1)
        self.nominal = np.maximum(rows * nominal, 1.0)  # rows of a window of nominal size
        self.unit = np.sqrt(np.where(self.varies, self.variance, 1.0) / self.nominal)

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def level_variance(self) -> Floats:
        """Variance of the reference's own mean if its rows are independent, in the unit of y."""
        return np.asarray(self.nominal / np.maximum(self.size, 1), dtype=np.float64)

    def table(self, observed: Sequence[tuple[int, Observed]]) -> tuple[Ints, Ints]:
        """Return headers and counts of a window as arrays; columns that are not there hold zeros."""
        headers = np.zeros((len(self), HEADER), dtype=np.int64)
        counts = np.zeros_like(self.counts)
        for at, one in observed:
            headers[at] = one.header[:HEADER]
            counts[at, : len(one.counts)] = one.counts
        return headers, counts

    def observe(self, headers: Ints, counts: Ints, spread: Floats) -> Means:
        """Return the means of a window. ``spread``: variance of a row's score now over that in training."""
        valid = counts.sum(axis=1)
        n = np.empty(self.means.shape)
        n[:, :RANKS] = valid[:, None]
        n[:, RANKS:] = headers[:, N, None]
        sums = np.empty(self.means.shape)
        for number in range(RANKS):
            sums[:, number] = (counts * self.ranks[number]).sum(axis=1)
        for number, channel in enumerate(MEANS[RANKS:], start=RANKS):
            sums[:, number] = headers[:, RATES[channel]]
        seen = (n > 0) & self.varies
        rows = np.maximum(n, 1)
        return Means((sums / rows - self.means) / self.unit, spread * self.nominal / rows, n, seen)

    def cumulants(self, bets: Floats, n: Floats) -> Floats:
        """Return ln E exp(bet x y) under training for sums of n independent rows: (sides, columns, channels, bets).

        ``bets`` (columns, channels, bets): stakes per unit of y. Exact for the reference's own distribution, so that
        skewed scores (a rare category, a missing rate of 1 in 1,000) are not taken for evidence.
        """
        rows = np.maximum(n, 1)[..., None]
        per_row = bets / (rows * self.unit[..., None])
        out = np.empty((2, *bets.shape))
        for side, sign in enumerate((1.0, -1.0)):
            for number in range(RANKS):
                tilt = np.exp(np.clip(sign * per_row[:, number, None, :] * self.ranks[number][:, :, None], -50, 50))
                mass = (self.shares[:, :, None] * tilt).sum(axis=1)
                out[side, :, number] = rows[:, number] * np.log(np.where(mass > 0, mass, 1.0))
            rate = self.rates[..., None]
            tilt = sign * per_row[:, RANKS:]
            grown = np.log1p(rate * np.expm1(np.clip(tilt, -50, 50)))
            out[side, :, RANKS:] = rows[:, RANKS:] * (grown - rate * tilt)
        return out
