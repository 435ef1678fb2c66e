"""How small a shift of a column would still be paged in time: what its bets would win, worked out beforehand.

A lasting shift by d moves the location by d / unit in every window. The column's filter answers with standardised
errors that begin at the shift's full size and fall as it adapts; they follow from its covariances alone. The
shift is found when one bet has won so much of them that it pages by itself. That is the path of the mean: about
half of the shifts of the size so found are paged sooner.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isnan

import numpy as np

from driftd.detect.evidence.arrays import pack, unpack
from driftd.detect.evidence.bets import BETS, CLIP, DEPENDENT_CLIP, stakes
from driftd.detect.evidence.innovations import Innovations, Mask
from driftd.detect.evidence.onsets import FLOOR
from driftd.detect.evidence.scores import Scores
from driftd.detect.observed import Observed
from driftd.references.dependence import Dependence
from driftd.references.profile import Floats, Ints
from driftd.values.keys import Channel
from driftd.values.state import State
from driftd.values.verdict import Within

EVERY = 60  # windows of the monitor from one estimate to the next
MOST_WINDOWS = 1_440  # a shift that takes more windows than these is taken not to be found
_NEWEST = 60  # windows of a column that tell its present traffic
_SINGLE = 12  # windows after the shift that are looked at one by one, those after them in stretches
_GROWTH = 1.2  # of the stretches
_HALVINGS = 12  # of the range in which the smallest shift lies, on a log scale: to 1 in 1,000
_LOCATION = 0  # as the number of a channel


class Sensitivity:
    """The present traffic of each column of a monitor, and the smallest shifts that would be paged at it.

    ``found`` (columns): shifts of mean u; without an entry where none would be paged, or where it is not known.
    """

    def __init__(self, columns: int) -> None:
        self._windows = 0  # of the monitor
        self._seen = np.zeros(columns, dtype=np.int64)  # windows of each column
        self._rows, self._span_ms = np.zeros(columns), np.zeros(columns)  # means over its newest windows
        self._shifts = np.full((columns, len(Within)), np.nan)
        self.found = _told(self._shifts)

    def observe(self, observed: Sequence[tuple[int, Observed]], spans_ms: Sequence[int]) -> bool:
        """Take in a window of these columns (index, sums), each with its span; tell whether an estimate is due."""
        at = np.array([column for column, _ in observed], dtype=np.int64)
        self._seen[at] += 1
        weight = 1 / np.minimum(self._seen[at], _NEWEST)
        self._rows[at] += weight * (np.array([one.valid for _, one in observed]) - self._rows[at])
        self._span_ms[at] += weight * (np.array(spans_ms) - self._span_ms[at])
        self._windows += 1
        return self._windows % EVERY == 1

    def estimate(self, scores: Scores, filters: Innovations, tolls: Floats, shares: Floats, threshold: float) -> None:
        """Work out what would be paged from now on.

        ``tolls`` (2, bets): of dependent and of independent columns; ``shares`` (columns): the part of the budget
        that each column's location has; ``threshold``: the evidence that pages.
        """
        known = scores.varies[:, _LOCATION] & (self._rows > 0) & (shares > 0)
        rows = np.where(known, self._rows, 1.0)
        shares = np.where(known, shares, 1.0)
        spans = np.array([within.span_ms for within in Within])
        windows = np.clip(spans / np.maximum(self._span_ms, 1.0)[:, None], 1, MOST_WINDOWS).astype(np.int64)
        shifts = smallest_shifts(scores, filters, tolls, np.log(threshold / shares), rows, windows)
        self._shifts = np.where(known[:, None], shifts, np.nan)
        self.found = _told(self._shifts)

    def to_state(self) -> State:
        """Return all that is remembered."""
        return {
            "windows": self._windows,
            "seen": pack(self._seen),
            "rows": pack(self._rows),
            "span_ms": pack(self._span_ms),
            "shifts": pack(self._shifts),
        }

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave."""
        self._windows = state["windows"]
        self._seen = unpack(state["seen"], self._seen)
        self._rows = unpack(state["rows"], self._rows)
        self._span_ms = unpack(state["span_ms"], self._span_ms)
        self._shifts = unpack(state["shifts"], self._shifts)
        self.found = _told(self._shifts)


def smallest_shifts(
    scores: Scores, filters: Innovations, tolls: Floats, wanted: Floats, rows: Floats, windows: Ints
) -> Floats:
    """Return the smallest shifts of mean u that page: (columns, spans); NaN where the column cannot move so far.

    ``wanted`` (columns): ln of the evidence of the location that pages; ``rows`` > 0 (columns): values in each
    window from now on; ``windows`` (columns, spans): how many of them there are. Never less than the significance
    gate asks for. Time: O(columns x windows).
    """
    independent = np.asarray(filters.dependence.gain[:, _LOCATION] == 0)
    sampling = scores.nominal[:, _LOCATION] / rows
    ends = _stretches(int(windows.max(initial=1)))
    responses, variance = _step_responses(filters, sampling, ends)
    prices = _prices(scores, rows, sampling, variance) + tolls[independent.astype(np.int64)]
    played = stakes(independent)
    capital = wanted[:, None] - np.log(np.where(played > 0, played, 1e-300))  # no bet ever wins the latter
    clip = np.where(independent, CLIP, DEPENDENT_CLIP)
    reach = np.where(scores.live, np.abs(scores.ranks[_LOCATION]), 0.0).max(axis=1)
    out = np.empty(windows.shape)
    for span in range(windows.shape[1]):
        passed = np.minimum(ends[:, None], windows[:, span])
        lengths = np.diff(passed, axis=0, prepend=0)

        def pages(shift: Floats, passed: Ints = passed, lengths: Ints = lengths) -> Mask:
            won = (lengths * np.minimum(shift / scores.unit[:, _LOCATION] * responses, clip)).cumsum(axis=0)
            evidence = [(bet * won - prices[:, n] * passed).max(axis=0) for n, bet in enumerate(BETS.tolist())]
            return np.asarray((np.stack(evidence, axis=1) >= capital).any(axis=1))

        out[:, span] = _smallest(pages, reach)
    return out


def _stretches(windows: int) -> Ints:
    """Return how many windows have passed at the end of each stretch: the first ones alone, the later ones together."""
    ends = list(range(1, min(windows, _SINGLE) + 1))
    while ends[-1] < windows:
        ends.append(min(int(ends[-1] * _GROWTH), windows))
    return np.array(ends, dtype=np.int64)


def _step_responses(filters: Innovations, sampling: Floats, ends: Ints) -> tuple[Floats, Floats]:
    """Return the mean error that a lasting step of 1 leaves in each stretch (stretches, columns), and the variance of y.

    Only the location is followed: an array of one channel. The variance is that of the first window.
    """
    dependence = filters.dependence
    step = Innovations(
        Dependence(dependence.gain[:, _LOCATION], dependence.decay[:, _LOCATION]), filters.level_variance[:, _LOCATION]
    )
    step.covariance = filters.covariance[:, _LOCATION].copy()
    step.effect_variance = filters.effect_variance[:, _LOCATION].copy()
    one, seen = np.ones(len(sampling)), np.ones(len(sampling), dtype=bool)
    out, begin = np.zeros((len(ends), len(sampling))), 0
    first = one
    for stretch, end in enumerate(ends.tolist()):
        for window in range(begin, end):
            error, variance = step.step(one, sampling, seen)
            out[stretch] += error
            first = variance if window == 0 else first
        out[stretch] /= end - begin
        begin = end
    return out, first


def _prices(scores: Scores, rows: Floats, sampling: Floats, variance: Floats) -> Floats:
    """Return what each bet must win in a window to break even, the dearer of both sides: (columns, bets)."""
    gaussian = BETS**2 / 2
    stake = np.repeat((BETS / np.sqrt(variance)[:, None])[:, None, :], scores.means.shape[1], axis=1)
    exact = scores.cumulants(stake, np.repeat(rows[:, None], scores.means.shape[1], axis=1))[:, :, _LOCATION]
    sampled = gaussian * (sampling / variance)[:, None]
    return np.asarray(gaussian + np.maximum(exact.max(axis=0) - sampled, 0.0), dtype=np.float64)


def _smallest(pages: Callable[[Floats], Mask], reach: Floats) -> Floats:
    """Return the smallest shift of each column that ``pages``, from the floor to its reach; NaN where none does."""
    low = np.full(len(reach), FLOOR[Channel.LOCATION])
    high = np.maximum(reach, low)
    found, at_once = pages(high) & (reach > low), pages(low)
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        enough = pages(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(found, np.where(at_once, FLOOR[Channel.LOCATION], high), np.nan)


def _told(shifts: Floats) -> list[Mapping[Within, float]]:
    return [
        {within: shift for within, shift in zip(Within, row, strict=True) if not isnan(shift)}
        for row in shifts.tolist()
    ]
