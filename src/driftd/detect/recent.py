"""The recent windows of one column, and where on a channel they changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import NamedTuple

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.observed import RATES, Observed
from driftd.references.profile import Floats
from driftd.values.keys import Channel
from driftd.values.windows import Window

#: Windows remembered for each column.
KEPT = 64

#: The channels that are means, and so can be followed from window to window.
MEANS = (Channel.LOCATION, Channel.SCALE, *RATES)

#: An effect smaller than this never calls for a page: in u for location and scale, else a rate.
_FLOOR = {Channel.LOCATION: 0.02, Channel.SCALE: 0.02} | dict.fromkeys(RATES, 0.01)
_ERRORS = 3.0


class Recent(NamedTuple):
    """One window: its span, the header of its sums, its usable values and their sums of u and |2u - 1|, and its PSI."""

    start_ms: int
    end_ms: int
    header: tuple[int, ...]
    valid: int
    location: float
    scale: float
    shape: float  # PSI less its part due to chance

    def weight_and_sum(self, channel: Channel) -> tuple[int, float]:
        """Return a channel's observations and their sum."""
        if channel in RATES:
            return self.header[0], float(self.header[RATES[channel]])
        return self.valid, self.location if channel is Channel.LOCATION else self.scale


def recent(span: Window, observed: Observed, psi: float, baseline: Baseline) -> Recent:
    """Keep of a window what finding an onset needs."""
    location, scale = (
        float((observed.counts * baseline.ranks[channel]).sum()) for channel in (Channel.LOCATION, Channel.SCALE)
    )
    shape = psi - baseline.chance_psi(observed.valid) if observed.valid else 0.0
    return Recent(*span, observed.header, observed.valid, location, scale, shape)


@dataclass(frozen=True, slots=True)
class Change:
    """Where a channel changed: its mean before and since the onset, against the reference's.

    ``before`` and ``effect`` are differences to the reference's mean, ``error`` the standard error of
    ``effect`` if nothing had changed.
    """

    channel: Channel
    onset_ms: int
    before: float
    effect: float
    error: float
    step_error: float

    @property
    def z(self) -> float:
        """The effect in standard errors."""
        return self.effect / self.error if self.error > 0 else 0.0

    @property
    def returning(self) -> bool:
        """Whether the channel moved towards its reference: the drift ends or shrinks."""
        return self.before * self.effect > 0 and abs(self.effect) < abs(self.before)

    @property
    def pages(self) -> bool:
        """Whether the change is large, sure, and away from the reference.

        A detector alarms on a return to normal as well: such a detection counts, and wakes nobody. Without
        the last condition the window in which a drift ends half-way would be a page. The step at the onset
        counts as well as the distance from the reference: where a drift has been told already, only a
        further one is news.
        """
        floor = _FLOOR[self.channel]
        large = abs(self.effect) >= max(floor, _ERRORS * self.error)
        step = abs(self.effect - self.before) >= max(floor, _ERRORS * self.step_error)
        return large and step and not self.returning


def find_change(windows: Sequence[Recent], channel: Channel, since_ms: int | None, baseline: Baseline) -> Change | None:
    """Find the onset with the largest likelihood ratio for one change of a channel's mean (Gaussian).

    Looked at are the windows from ``since_ms`` on; None: all, preceded by the reference itself as if it
    were a window. None is returned where there is nothing to compare. O(windows).
    """
    level = baseline.levels[channel]
    looked_at = [window for window in windows if since_ms is None or window.start_ms >= since_ms]
    if not looked_at or level.n == 0:
        return None
    pairs = np.array([window.weight_and_sum(channel) for window in looked_at], dtype=np.float64)
    first = (level.n, level.n * level.mean) if since_ms is None else (0.0, 0.0)
    weight_before, sum_before = (
        first[side] + np.concatenate(([0.0], np.cumsum(pairs[:-1, side]))) for side in range(2)
    )
    weight_since, sum_since = (
        weight_before[-1] + pairs[-1, 0] - weight_before,
        sum_before[-1] + pairs[-1, 1] - sum_before,
    )
    likelihood = _likelihood(weight_before, sum_before, weight_since, sum_since)
    onset = int(np.argmax(likelihood))
    if likelihood[onset] < 0:
        return None
    n = float(weight_since[onset])
    deff = baseline.deff(channel, _rows_per_block(looked_at, float(pairs[:, 0].sum()), baseline))
    variance = level.variance
    if channel in RATES:  # of the pooled rate: the reference's alone may be 0
        rate = (float(sum_since[onset]) + level.n * level.mean) / (n + level.n)
        variance = rate * (1 - rate)
    return Change(
        channel=channel,
        onset_ms=looked_at[onset].start_ms,
        before=float(sum_before[onset] / weight_before[onset]) - level.mean,
        effect=float(sum_since[onset]) / n - level.mean,
        error=sqrt(variance * deff * (1 / n + 1 / level.n)),
        step_error=sqrt(variance * deff * (1 / n + 1 / float(weight_before[onset]))),
    )


def mean_since(windows: Sequence[Recent], channel: Channel, since_ms: int, baseline: Baseline) -> float:
    """Return a channel's mean over the windows from ``since_ms`` on, less the reference's; 0 without observations."""
    pairs = [window.weight_and_sum(channel) for window in windows if window.start_ms >= since_ms]
    weight = sum(weight for weight, _ in pairs)
    return fsum(total for _, total in pairs) / weight - baseline.levels[channel].mean if weight else 0.0


def beyond_chance(windows: Sequence[Recent], channel: Channel, level_told: float, baseline: Baseline) -> bool:
    """Tell whether a channel's mean over these windows is off the reference's, by more than the floor and chance.

    A channel that was at ``level_told`` (and not at the reference) is off until it has come half-way back.
    """
    weights = [window.weight_and_sum(channel)[0] for window in windows]
    level, n = baseline.levels[channel], sum(weights)
    if n == 0 or level.n == 0:
        return False
    moved = mean_since(windows, channel, windows[0].start_ms, baseline)
    variance = level.variance
    if channel in RATES:  # of the pooled rate: the reference's alone may be 0
        pooled = level.mean + moved * n / (n + level.n)
        variance = pooled * (1 - pooled)
    deff = baseline.deff(channel, _rows_per_block(windows, n, baseline))
    error = sqrt(variance * deff * (1 / n + 1 / level.n))
    floor = _FLOOR[channel]
    bound = _ERRORS * error if abs(level_told) < floor else min(abs(level_told) / 2, _ERRORS * error)
    return abs(moved) >= max(floor, bound)


def _rows_per_block(windows: Sequence[Recent], n: float, baseline: Baseline) -> float:
    return baseline.rows_per_block(n, sum(window.end_ms - window.start_ms for window in windows))


def _likelihood(weight_before: Floats, sum_before: Floats, weight_since: Floats, sum_since: Floats) -> Floats:
    """Return the log likelihood ratio of each onset, up to one factor; -1 where a side is empty."""
    both = (weight_before > 0) & (weight_since > 0)
    left, right = np.where(both, weight_before, 1.0), np.where(both, weight_since, 1.0)
    ratio = left * right / (left + right) * (sum_before / left - sum_since / right) ** 2
    return np.where(both, ratio, -1.0)
