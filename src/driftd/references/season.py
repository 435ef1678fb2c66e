"""What the means of a channel do every day and every week, learnt from training rows in time order.

A season is a short Fourier series in UTC time: two harmonics of the week and three of the day. Dependence alone must
not be taken for one: a harmonic is kept only where its power stands out from that of the frequencies right beside
it, which share whatever spectrum the dependence has (Thomson's F-test for a line, 1982, here on the plain
periodogram). What returns at the same time of every day stands out; noise, a trend or a step does not.
"""

from collections.abc import Mapping

import numpy as np

from driftd.references.profile import ColumnProfile, Floats, Ints
from driftd.values.keys import Channel
from driftd.values.layout import HEADER, INVALID, MISSING, UNSEEN, N
from driftd.values.windows import Window

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
#: Each harmonic: the season it belongs to, and its number in it; those of long periods first.
_HARMONICS = ((WEEK_MS, 1), (WEEK_MS, 2), (DAY_MS, 1), (DAY_MS, 2), (DAY_MS, 3))
_PERIODS_MS = np.array([season / number for season, number in _HARMONICS])
#: Terms of a season: a constant, then the cosine and the sine of each harmonic.
TERMS = 1 + 2 * len(_HARMONICS)
_LEAST_SEASONS = 2  # that the blocks must span
_RISK = 0.001  # of keeping a harmonic where there is none
_BESIDE = 8  # frequencies that a harmonic is held against, on each side at most
_WORST_CONDITION = 100.0  # of the normal equations: where the blocks tell harmonics apart so badly, the shortest go
_DIGITS = 9  # after the point, of a mean of u or a rate
_CHANNELS = (Channel.LOCATION, Channel.SCALE, Channel.MISSING, Channel.UNSEEN, Channel.INVALID)

Season = tuple[float, ...]


def terms(start_ms: Ints | Floats, end_ms: Ints | Floats) -> Floats:
    """Return the terms of a season over these spans of event time: (spans, TERMS).

    They are means over the span, not values at its middle: a long block flattens a short harmonic.
    """
    out = np.ones((len(start_ms), TERMS))
    twice = np.asarray(start_ms + end_ms, dtype=np.float64)  # the middle, in half milliseconds: still exact
    for at, period in enumerate(_PERIODS_MS.tolist()):
        angle = np.pi * np.mod(twice, 2 * period) / period
        flattened = np.sinc((end_ms - start_ms) / period)
        out[:, 1 + 2 * at] = flattened * np.cos(angle)
        out[:, 2 + 2 * at] = flattened * np.sin(angle)
    return out


class Timeline:
    """When the blocks were: what is worked out once for all columns.

    ``harmonics`` are those that such blocks can show: they span two seasons at least, and are no further apart than
    half the harmonic's period.
    """

    def __init__(self, start_ms: Ints, end_ms: Ints) -> None:
        self._start_ms, self._end_ms = start_ms, end_ms
        self.terms = terms(start_ms, end_ms)
        lasts_ms = int(end_ms[-1] - start_ms[0]) if len(start_ms) else 0
        apart_ms = float(np.median(np.diff(start_ms))) if len(start_ms) > 1 else np.inf
        self.harmonics = [
            at
            for at, (season_ms, number) in enumerate(_HARMONICS)
            if lasts_ms >= _LEAST_SEASONS * season_ms and apart_ms <= season_ms / number / 2
        ]
        self._seasons = [lasts_ms / season_ms for season_ms, _ in _HARMONICS]
        middle = (start_ms + end_ms) / 2 - (start_ms[0] if len(start_ms) else 0)
        turns = np.arange(1, _BESIDE + 1)[:, None] * middle / max(lasts_ms, 1)
        self._beats = np.exp(2j * np.pi * turns) if self.harmonics else np.zeros((_BESIDE, 0), dtype=np.complex128)

    def of(self, used: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> "Timeline":
        """Return the timeline of some of the blocks."""
        return self if used.all() else Timeline(self._start_ms[used], self._end_ms[used])

    def stands_out(self, harmonic: int, without: Floats, rest: Floats) -> bool:
        """Tell whether a harmonic has more power than what is beside it.

        ``without``: weighted residuals of the fit without this harmonic, ``rest``: of the whole fit. The frequencies
        beside it are 1, 2, … cycles of the whole span away, none nearer to another harmonic.
        """
        carrier = self.terms[:, 1 + 2 * harmonic] + 1j * self.terms[:, 2 + 2 * harmonic]
        power = abs((without * carrier).sum()) ** 2
        beats = self._beats[: max(1, min(_BESIDE, int(self._seasons[harmonic] / 2)))]
        slow = rest * carrier
        beside = np.abs(np.concatenate(((beats * slow).sum(axis=1), (beats.conj() * slow).sum(axis=1)))) ** 2
        if not beside.any():
            return bool(power > 0)
        # The power of noise is exponential: against the mean of m others, P(ratio > r) = (1 + r / m) ** -m.
        ratio = power / beside.mean()
        return bool((1 + ratio / len(beside)) ** -float(len(beside)) < _RISK)


def seasons_of(column: ColumnProfile, runs: Ints, timeline: Timeline) -> dict[Channel, Season]:
    """Return the seasons of the channels that have one: their coefficients, as ``terms`` are ordered.

    ``runs`` are the column's blocks (values.layout). A season's mean over the training rows is 0, so what a channel
    is off its season is measured against the same level as ever.
    """
    if not timeline.harmonics:
        return {}
    found = {channel: fit(*_means(channel, column, runs), timeline) for channel in _CHANNELS}
    return {channel: season for channel, season in found.items() if season}


def recentred(season: Season, span: Window) -> Season:
    """Return the season as it is about the level of this span of event time: its mean over it is 0."""
    over = terms(np.array([span.start_ms]), np.array([span.end_ms]))[0, 1:]
    return (round(-float((over * season[1:]).sum()), _DIGITS), *season[1:])


def _means(channel: Channel, column: ColumnProfile, runs: Ints) -> tuple[Floats, Ints]:
    """Return a channel's mean in each block and the number of observations behind it."""
    places: Mapping[Channel, int] = {Channel.MISSING: MISSING, Channel.UNSEEN: UNSEEN, Channel.INVALID: INVALID}
    if channel in places:
        n, sums = runs[:, N], runs[:, places[channel]]
    else:
        scores = column.midranks if channel is Channel.LOCATION else np.abs(2 * column.midranks - 1)
        n, sums = runs[:, HEADER:].sum(axis=1), (runs[:, HEADER:] * scores).sum(axis=1)
    return np.asarray(sums / np.maximum(n, 1), dtype=np.float64), n


def fit(y: Floats, n: Ints, timeline: Timeline) -> Season:
    """Return the season of block means y of n observations each, by weighted least squares; empty if there is none."""
    used = n > 0
    y, weights, timeline = y[used], n[used].astype(np.float64), timeline.of(used)
    if not timeline.harmonics or np.ptp(y) == 0:
        return ()
    weights /= weights.sum()
    squares = np.einsum("bi,b,bj->ij", timeline.terms, weights, timeline.terms)  # no BLAS: no threads for so little
    products = np.einsum("bi,b->i", timeline.terms, weights * y)

    def solved(harmonics: list[int]) -> Floats:
        at = _places(harmonics)
        out = np.zeros(TERMS)
        out[at] = np.linalg.solve(squares[np.ix_(at, at)], products[at])
        return out

    def residuals(harmonics: list[int]) -> Floats:
        return np.asarray(weights * (y - np.einsum("bi,i->b", timeline.terms, solved(harmonics))), dtype=np.float64)

    shown = _told_apart(squares, timeline.harmonics)
    rest = residuals(shown)
    kept = [one for one in shown if timeline.stands_out(one, residuals([h for h in shown if h != one]), rest)]
    season = solved(kept)
    season[0] -= products[0]  # the mean of y: what is left is minus the mean of the other terms
    season = np.round(season, _DIGITS)
    return tuple(season.tolist()) if season[1:].any() else ()


def _told_apart(squares: Floats, harmonics: list[int]) -> list[int]:
    """Return the harmonics less the shortest ones that the blocks, all at the same hours perhaps, cannot tell apart."""
    while harmonics:
        at = _places(harmonics)
        if np.linalg.cond(squares[np.ix_(at, at)]) <= _WORST_CONDITION:
            break
        harmonics = harmonics[:-1]
    return harmonics


def _places(harmonics: list[int]) -> list[int]:
    """Return the places of the constant and of these harmonics' terms."""
    return [0, *(1 + 2 * harmonic + part for harmonic in harmonics for part in (0, 1))]
