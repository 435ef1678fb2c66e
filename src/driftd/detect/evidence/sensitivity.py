"""How small a shift of a column would still be paged in time: what its bets would win, worked out beforehand.

A lasting shift by d moves the location by d / unit in every window. The column's filter answers with standardised
errors that begin at the shift's full size and fall as it adapts; they follow from its covariances alone. The
shift is found when the bets have won the evidence that pages. That is the path of the mean: about half of the
shifts of the size so found are paged in time.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import NamedTuple

import numpy as np

from driftd.detect.evidence.arrays import pack, unpack
from driftd.detect.evidence.bets import BETS, CLIP, DEPENDENT_CLIP, stakes
from driftd.detect.evidence.innovations import Innovations, Mask
from driftd.detect.evidence.onsets import FLOOR, NEGLIGIBLE
from driftd.detect.evidence.scores import Scores
from driftd.detect.observed import Observed
from driftd.references.dependence import Dependence
from driftd.references.profile import Floats, Ints
from driftd.values.keys import Channel, ColumnKey
from driftd.values.state import State
from driftd.values.verdict import Detectable, Within

EVERY = 60  # windows of the monitor from one estimate to the next
MOST_WINDOWS = 1_440  # a shift that takes more windows than these is taken not to be found
_NEWEST = 60  # windows of a column that tell its present traffic
_SINGLE = 8  # windows after the shift that are looked at one by one, those after them in stretches
_GROWTH = 1.25  # of the stretches
_FOLLOWED = 200  # windows that the filters are followed through: the effect is at rest by then
_HALVINGS = 10  # of the range in which the smallest shift lies, on a log scale: to 3 in 1,000
_LOCATION = 0  # as the number of a channel
_NOT_PLAYED = 1e-300
#: What each bet b has beside what it wins, in logs: each window adds 1 to its capital, and all of these grow. The sum
#: of their present values, as the integral of exp(-b W(t) - b^2 t / 2) over a Brownian motion W, is distributed as
#: 2 / (b^2 G), G standard exponential (Dufresne, 1990); its median, and 1 for the first window.
_HEAD_START = np.log(1 + 2 / np.log(2) / BETS**2)


class Terms(NamedTuple):
    """What decides whether a shift is paged.

    ``tolls`` (columns, channels, bets); ``wanted`` (columns): the evidence of the
    location alone that pages.
    """

    scores: Scores
    filters: Innovations
    tolls: Floats
    wanted: Floats


class Traffic(NamedTuple):
    """What each column's windows are like from now on.

    ``rows`` > 0 (columns): values in each; ``sampling`` (columns): variance of their mean by sampling alone, in the
    unit of Innovations; ``windows`` (columns, spans): how many of them there are in each span.
    """

    rows: Floats
    sampling: Floats
    windows: Ints


class Sensitivity:
    """The present traffic of each column of a monitor, and the smallest shifts that would be paged at it.

    ``found`` holds them as last estimated, of the columns that have any.
    """

    def __init__(self, columns: Sequence[ColumnKey]) -> None:
        self._columns = columns
        self._windows = 0  # of the monitor
        self._seen = np.zeros(len(columns), dtype=np.int64)  # windows of each column
        self._rows, self._span_ms = np.zeros(len(columns)), np.zeros(len(columns))  # means over its newest windows
        self._shifts = np.full((len(columns), len(Within)), np.nan)
        self.found: Mapping[ColumnKey, Detectable] = {}

    def observe(self, observed: Sequence[tuple[int, Observed]], spans_ms: Sequence[int]) -> bool:
        """Take in a window of these columns (index, sums), each with its span; tell whether an estimate is due."""
        at = np.array([column for column, _ in observed], dtype=np.int64)
        self._seen[at] += 1
        weight = 1 / np.minimum(self._seen[at], _NEWEST)
        self._rows[at] += weight * (np.array([one.valid for _, one in observed]) - self._rows[at])
        self._span_ms[at] += weight * (np.array(spans_ms) - self._span_ms[at])
        self._windows += 1
        return self._windows % EVERY == 1

    def estimate(self, terms: Terms, spread: Floats) -> None:
        """Work out what would be paged from now on. ``spread`` (columns): variance of a value's u over training's."""
        known = terms.scores.varies[:, _LOCATION] & (self._rows > 0)
        rows = np.where(known, self._rows, 1.0)
        spans_ms = np.array([within.span_ms for within in Within])
        windows = np.clip(spans_ms / np.maximum(self._span_ms, 1.0)[:, None], 1, MOST_WINDOWS).astype(np.int64)
        traffic = Traffic(rows, terms.scores.nominal[:, _LOCATION] / rows * spread, windows)
        self._shifts = np.where(known[:, None], smallest_shifts(terms, traffic), np.nan)
        self._tell()

    def _tell(self) -> None:
        spans = tuple(Within)
        self.found = {
            key: {within: shift for within, shift in zip(spans, shifts, strict=True) if not isnan(shift)}
            for key, shifts in zip(self._columns, self._shifts.tolist(), strict=True)
            if not all(map(isnan, shifts))
        }

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
        self._tell()


def smallest_shifts(terms: Terms, traffic: Traffic) -> Floats:
    """Return the smallest shifts of mean u that page: (columns, spans); NaN where the column cannot move so far.

    Never less than the significance gate asks for. Time: O(columns x windows).
    """
    scores, unit = terms.scores, terms.scores.unit[:, _LOCATION]
    independent = np.asarray(terms.filters.dependence.gain[:, _LOCATION] == 0)
    ends = _stretches(int(traffic.windows.max(initial=1)))
    responses, variance = _step_responses(terms.filters, traffic.sampling, ends)
    prices = _prices(scores, traffic, variance) + terms.tolls[:, _LOCATION]
    start = np.log(np.maximum(stakes(independent), _NOT_PLAYED)) + _HEAD_START
    wanted = np.log(terms.wanted)
    clip = np.where(independent, CLIP[_LOCATION], DEPENDENT_CLIP)
    reach = np.where(scores.live, np.abs(scores.ranks[_LOCATION]), 0.0).max(axis=1)

    def found_within(windows: Ints) -> Callable[[Floats], Mask]:
        passed = np.minimum(ends[:, None], windows)
        lengths = np.diff(passed, axis=0, prepend=0)

        def pages(shifts: Floats) -> Mask:
            won = (
                lengths * np.minimum(np.maximum(shifts - NEGLIGIBLE[_LOCATION], 0.0) / unit * responses, clip)
            ).cumsum(axis=0)
            most = [(bet * won - prices[:, number] * passed).max(axis=0) for number, bet in enumerate(BETS.tolist())]
            return np.asarray(np.logaddexp.reduce(np.stack(most, axis=1) + start, axis=1) >= wanted)

        return pages

    return np.stack([_smallest(found_within(windows), reach) for windows in traffic.windows.T], axis=1)


def _stretches(windows: int) -> Ints:
    """Return how many windows have passed at the end of each stretch: the first ones one by one, then together."""
    ends = list(range(1, min(windows, _SINGLE) + 1))
    while ends[-1] < windows:
        ends.append(min(int(ends[-1] * _GROWTH), windows))
    return np.array(ends, dtype=np.int64)


def _step_responses(filters: Innovations, sampling: Floats, ends: Ints) -> tuple[Floats, Floats]:
    """Return the mean error in each stretch by a lasting step of 1 (stretches, columns), and the first one's variance.

    What the filters of the location answer from where they are now, if nothing but the step happens. Once the
    effect is at rest only the level still learns: its precision grows by the same amount with every window, and the
    errors fall as its variance does.
    """
    gain, decay = filters.dependence.gain[:, _LOCATION], filters.dependence.decay[:, _LOCATION]
    step = Innovations(Dependence(gain, decay), filters.level_variance[:, _LOCATION])
    step.covariance = filters.covariance[:, _LOCATION].copy()
    step.effect_variance = filters.effect_variance[:, _LOCATION].copy()
    one, seen = np.ones_like(sampling), np.ones_like(sampling, dtype=bool)
    first = step.copy().step(one, sampling, seen)[1]
    responses = np.zeros((len(ends), len(sampling)))
    begin = followed = 0
    for stretch, end in enumerate(ends.tolist()):
        if begin < _FOLLOWED:
            for _ in range(begin, end):
                before = step.level_variance
                error, _ = step.step(one, sampling, seen)
                responses[stretch] += error / (end - begin)
            followed, learning = end, before / step.level_variance - 1
        else:  # the mean of error / (1 + learning t) over the stretch, t from the last window that was followed
            from_, to = (np.log1p(learning * (number - followed + 0.5)) for number in (begin, end))
            responses[stretch] = error * (to - from_) / (learning * (end - begin))
        begin = end
    return responses, first


def _prices(scores: Scores, traffic: Traffic, variance: Floats) -> Floats:
    """Return what each bet must win in a window to break even, on the dearer of both sides: (columns, bets)."""
    channels = scores.means.shape[1]
    stake = np.repeat((BETS / np.sqrt(variance)[:, None])[:, None], channels, axis=1)
    exact = scores.cumulants(stake, np.repeat(traffic.rows[:, None], channels, axis=1))[:, :, _LOCATION].max(axis=0)
    sampled = BETS**2 / 2 * (traffic.sampling / variance)[:, None]
    return np.asarray(BETS**2 / 2 + np.maximum(exact - sampled, 0.0), dtype=np.float64)


def _smallest(pages: Callable[[Floats], Mask], reach: Floats) -> Floats:
    """Return the smallest shifts, from the floor to the reach of each column, that ``pages``; NaN where none does."""
    floor = np.full(len(reach), FLOOR[Channel.LOCATION])
    low, high = floor, np.maximum(reach, floor)
    possible, at_once = pages(high) & (reach > floor), pages(floor)
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        enough = pages(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(possible, np.where(at_once, floor, high), np.nan)
