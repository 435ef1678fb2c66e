"""The evidence of one monitor: from a window's counts to "this is enough to wake somebody"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.arrays import pack, unpack
from driftd.detect.evidence.bets import BETS, Bets
from driftd.detect.evidence.episode import Episode
from driftd.detect.evidence.innovations import Innovations, Mask
from driftd.detect.evidence.learning import Learning, shape_tolls, tolls, training_of
from driftd.detect.evidence.onsets import NEGLIGIBLE, Onsets
from driftd.detect.evidence.recovery import SHAPE, Recovery
from driftd.detect.evidence.scores import MEANS, Means, Scores
from driftd.detect.evidence.seasons import Seasons
from driftd.detect.evidence.sensitivity import Sensitivity, Terms
from driftd.detect.evidence.shape import ShapeBets, ShapeNull, log_e_values, null_of
from driftd.detect.evidence.suspects import suspects
from driftd.detect.evidence.weights import channel_weights, column_weights
from driftd.detect.observed import Observed
from driftd.references.profile import Floats, Ints
from driftd.values.keys import Channel, ColumnKey
from driftd.values.state import State
from driftd.values.verdict import Detectable
from driftd.values.windows import Window

#: Windows that must be known before evidence may page: blocks of training rows in their order, or else live windows, of
#: which the level is not known as well.
CALIBRATED = 20
_CALIBRATED_LIVE = 60  # less than a segment, which would be learnt from as it is
_JOIN_WINDOWS = 12  # an incident can be joined for so many windows at least
_LEAST = 0.01  # of evidence, as it is told: where it has just begun it is 0
_SURE = 4.0  # standard errors between two halves of what is learnt from that are no chance
_GROSS = 0.15  # a move of the mean of u that anybody would call drift
_SEEN = 0.5  # standard errors a window: what adds up to a page within a hundred windows or so
_CHANNELS = (*MEANS, Channel.SHAPE)


@dataclass(frozen=True, slots=True)
class Said:
    """What the evidence says about one column in one window.

    ``log10``: of its e-process; ``weight``: of that in the monitor's.
    """

    log10: float
    weight: float
    alarm: bool = False  # this window pages, or joins, by it
    holding: bool = False  # it has been paged and is not back
    recovered: bool = False  # by this window it is back
    blind: bool = False  # its windows depend on each other so much that even gross drift would take long to be sure of
    channel: Channel | None = None  # where the evidence is, when it alarms or holds


@dataclass(frozen=True, slots=True)
class Judged:
    """What the evidence says about a monitor in one window, all as log10. ``calibrating``: windows still to be seen."""

    log10: float
    log10_threshold: float
    calibrating: int
    columns: Mapping[int, Said] = field(default_factory=dict)


class MonitorEvidence:
    """Follows all columns of a monitor together, against one reference.

    One vectorised pass a window. Everything it remembers is in ``to_state``; with it, a reference, and the
    windows in their order, all that it says follows, bit for bit.
    """

    def __init__(self, baselines: Sequence[Baseline], span_ms: float) -> None:
        calibration = baselines[0].calibration if baselines else None
        rows, block_ms = (calibration.block_rows, calibration.block_ms) if calibration else (None, 0)
        self._scores = Scores(baselines, rows)
        self._columns = [baseline.column for baseline in baselines]
        self._importances: Mapping[str, float] = {}
        self._of_column = column_weights(self._columns, {})
        self._of_means, self._of_shape = channel_weights(self._scores.varies)
        self._seasons = Seasons(baselines, self._scores.unit)
        training = training_of(self._scores, baselines, self._seasons)
        self._learning = Learning(training, span_ms / block_ms if block_ms else 1.0)
        self._innovations = Innovations(self._learning.dependence, self._own_variance())
        self._dispersion = training.dispersion
        at_blocks = Innovations(self._learning.of_blocks, self._own_variance())
        self._tolls = tolls(training, at_blocks, self._independent)
        self._shape_null = self._null(self._scores.counts)
        self._shape_null = self._shape_null._replace(toll=shape_tolls(self._scores, baselines, self._shape_null))
        self._bets, self._shape_bets = Bets(len(self)), ShapeBets(len(self))
        self._onsets, self._recovery = Onsets(self._scores), Recovery(len(self))
        self._level = self._scores.counts.copy()  # what each shape is judged against: training, or since its page
        self._live = np.zeros_like(self._level)  # what it has been since then, and is taken to be as well
        self._spread = np.ones_like(self._scores.unit)  # variance of a row's score now over that in training
        self._windows = np.zeros(len(self), dtype=np.int64)  # since the evidence last began
        self._seen = 0  # windows of this monitor
        self._episode: Episode | None = None
        self._unsteady: Mask = np.zeros(len(self), dtype=bool)  # columns that moved while the dependence was learnt
        self._calibrating = self._remaining() > 0
        self._sensitivity = Sensitivity([column.key for column in self._columns])

    def __len__(self) -> int:
        return len(self._scores)

    def weigh(self, importances: Mapping[str, float]) -> None:
        """Spread the budget over the columns by these importances from the next window on."""
        if importances != self._importances:
            self._importances = dict(importances)
            self._of_column = column_weights(self._columns, importances)

    def observe(
        self,
        observed: Sequence[tuple[int, Observed]],
        window: Window,
        threshold: float,
        join_ms: int,
        *,
        spans: Sequence[Window] | None = None,
    ) -> Judged:
        """Take in a window of these columns (index, sums); ``threshold``: windows to a false page, A.

        ``spans``: over which each of them was summed, where that is not the window.
        """
        headers, counts = self._scores.table(observed)
        present = np.zeros(len(self), dtype=bool)
        at = [column for column, _ in observed]
        present[at] = True
        means = self._scores.observe(headers, counts, self._spread)
        means = self._seasons.without(means, at, spans or [window] * len(at))
        self._seen += 1
        if self._calibrating:
            return self._calibrate(means, present, threshold)
        self._end_joining(window, join_ms)
        errors, variance = self._innovations.step(means.y, means.sampling, means.seen)
        against_reference, log_e = self._shape_log_e(counts)
        self._bet(means, errors, variance, log_e, present, threshold)
        self._onsets.observe(means, errors, counts, log_e.mean(axis=1))
        back = self._recovery.observe(means.y, self._error(means), _log_mean(against_reference), means.seen)
        self._take_back(back)
        self._live += counts
        judged = self._judge(present, window, threshold, back, counts, means)
        disturbed = self._recovery.followed
        if self._learning.observe(means, present, disturbed):
            self._innovations.dependence = self._learning.dependence
            self._shape_null = self._null(self._scores.counts)._replace(toll=self._shape_null.toll)
        return judged

    def _error(self, means: Means) -> Floats:
        """Return the standard error of a window's means, as one of many that depend on each other."""
        return np.asarray(np.sqrt(means.sampling + self._learning.dependence.long_run - 1), dtype=np.float64)

    @property
    def _independent(self) -> Mask:
        return np.asarray(self._learning.dependence.gain == 0)

    @property
    def _blind(self) -> Mask:
        """The columns of which a gross move of the location is less than half a standard error of each window."""
        error = self._scores.unit[:, 0] * np.sqrt(self._learning.dependence.long_run[:, 0])
        return np.asarray(self._scores.varies[:, 0] & (_SEEN * error > _GROSS))

    def _own_variance(self) -> Floats:
        """Return the variance of the reference's own means: what it cannot know about the level."""
        return np.asarray(self._scores.level_variance * self._learning.of_blocks.long_run, dtype=np.float64)

    def _null(self, reference: Ints) -> ShapeNull:
        dependence = self._learning.dependence
        time = dependence.time[:, :2].max(axis=1)
        dispersion = np.maximum(self._dispersion, 1 + dependence.gain[:, :2].max(axis=1) / 2)
        return null_of(reference, self._scores.live, dispersion, time, self._scores.nominal[:, 0])

    def _remaining(self) -> int:
        """Return how many windows are still to be seen before evidence may page."""
        known = float(np.median(self._learning.blocks)) if len(self) else CALIBRATED
        return 0 if known >= CALIBRATED else max(0, _CALIBRATED_LIVE - int(known) - self._seen)

    def _calibrate(self, means: Means, present: Mask, threshold: float) -> Judged:
        """Look on until enough windows are known.

        What moves meanwhile is not learnt: columns whose two halves differ, or that are off the reference, keep
        the dependence that the others suggest, and are judged against the reference from here on.
        """
        self._learning.observe(means, present, np.zeros(len(self), dtype=bool))
        if self._remaining() == 0:
            self._unsteady = _unsteady(self._learning, self._scores, means)
            self._learning.close(~self._unsteady, means)
            self._innovations = Innovations(self._learning.dependence, self._own_variance())
            self._shape_null = self._null(self._scores.counts)._replace(toll=self._shape_null.toll)
            self._calibrating = False
        return Judged(0.0, float(np.log10(threshold)), self._remaining())

    def _shape_log_e(self, counts: Ints) -> tuple[Floats, Floats]:
        """Return the log e-values of the shape against the reference, and against what each column is judged by."""
        against = log_e_values(counts, self._scores.live, self._shape_null)
        null = self._null(self._level + self._live)._replace(toll=self._shape_null.toll)
        return against, log_e_values(counts, self._scores.live, null)

    def _bet(
        self, means: Means, errors: Floats, variance: Floats, log_e: Floats, present: Mask, threshold: float
    ) -> None:
        """Let every bet win or lose by this window."""
        independent = self._independent
        per_unit = BETS / np.sqrt(variance)[..., None]
        gaussian = BETS**2 / 2
        sampled = gaussian * (means.sampling / variance)[..., None]  # the part of the price that sampling explains
        exact = self._scores.cumulants(per_unit, means.n)
        price = gaussian + np.maximum(exact - sampled, 0.0) + self._tolls
        slack = NEGLIGIBLE / (self._scores.unit * self._error(means))
        self._bets.step(errors, np.moveaxis(price, 0, 2), independent, means.seen, slack)
        share = np.maximum(self._of_column * self._of_shape, 1e-12)
        self._shape_bets.step(log_e, self._shape_null, np.log(threshold / share) / 2, present & means.seen[:, 0])
        self._windows += present

    def _judge(self, present: Mask, window: Window, threshold: float, back: Ints, counts: Ints, means: Means) -> Judged:
        """Weigh all evidence against the threshold, and say what that means for each column."""
        sided = self._bets.evidence(self._independent) * self._of_means[..., None]
        shape = self._shape_bets.evidence * self._of_shape
        column = sided.sum(axis=(1, 2)) + shape
        total, gated, by_channel = self._gated(sided, shape, threshold)
        if self._episode is not None:
            self._episode.add(means, counts)
        alarming = self._alarming(total, gated, present, window, threshold)
        for at in alarming.tolist():
            self._follow(at, by_channel[at])
        spoken = {*alarming.tolist(), *np.flatnonzero(self._recovery.followed).tolist()}
        returned, alarms = set(back.tolist()), set(alarming.tolist())
        blind = set(np.flatnonzero(self._blind).tolist())
        logs = np.log10(np.maximum(column, _LEAST)).tolist()
        said = {
            at: Said(
                logs[at],
                float(self._of_column[at]),
                alarm=at in alarms,
                holding=at in spoken,
                recovered=at in returned,
                blind=at in blind,
                channel=_CHANNELS[self._recovery.channel[at]] if at in spoken else None,
            )
            for at in np.flatnonzero(present).tolist()
        }
        return Judged(float(np.log10(max(total, _LEAST))), float(np.log10(threshold)), 0, said)

    def _gated(self, sided: Floats, shape: Floats, threshold: float) -> tuple[float, Floats, Floats]:
        """Return the monitor's evidence, each column's and each channel's, of effects that are large enough to matter.

        A gate only removes pages. It is asked only where the evidence would be enough without it.
        """
        ungated = sided.sum(axis=(1, 2)) + shape
        plain = np.concatenate((sided.sum(axis=2), shape[:, None]), axis=1)
        total = fsum(ungated * self._of_column)
        if total < threshold and self._episode is None:
            return total, ungated, plain
        passing = self._onsets.passing(self._scores.unit)
        through = np.concatenate(((sided * passing).sum(axis=2), np.zeros((len(self), 1))), axis=1)
        at = np.flatnonzero(shape > 0)
        passing_shape = self._onsets.shape_passing(at, self._scores.live, self._scores.counts, self._level)
        through[at, SHAPE] = shape[at] * passing_shape
        gated = through.sum(axis=1)
        return fsum(gated * self._of_column), gated, through

    def _alarming(self, total: float, gated: Floats, present: Mask, window: Window, threshold: float) -> Ints:
        """Return the columns that page now, or that join the incident of a page."""
        none = np.zeros(0, dtype=np.int64)
        if self._episode is None and total < threshold:
            return none
        named = suspects(gated, self._of_column, self._windows)
        if self._episode is not None:
            return named[present[named] & ~self._recovery.followed[named]]
        self._episode = Episode(window.end_ms, *self._scores.counts.shape)
        strongest = np.argsort(-(gated * self._of_column), kind="stable")
        named = named[present[named]]
        return named if len(named) else strongest[present[strongest]][:1]

    def _follow(self, column: int, by_channel: Floats) -> None:
        """Note by what a column pages, and follow whether it comes back."""
        channel = int(np.argmax(by_channel))
        size = 0.0
        if channel != SHAPE:
            moved = self._onsets.moved(self._scores.unit)[column, channel]
            size = float(moved[int(np.argmax(np.abs(moved)))] / self._scores.unit[column, channel])
        self._recovery.follow(column, channel, size)
        if self._episode is not None:
            self._episode.members[column] = True

    def _take_back(self, back: Ints) -> None:
        """Judge columns that have recovered against their reference again."""
        if not len(back):
            return
        mask = np.zeros(len(self), dtype=bool)
        mask[back] = True
        self._innovations.relevel(mask, np.zeros_like(self._innovations.level), self._own_variance())
        self._begin(mask)
        self._onsets.told[back], self._onsets.told_shape[back] = 0.0, 0.0
        self._level[back], self._live[back] = self._scores.counts[back], 0
        self._spread[back] = 1.0
        if self._episode is not None:
            self._episode.members[back] = False

    def _end_joining(self, window: Window, join_ms: int) -> None:
        """Once an incident can be joined no longer all evidence begins anew, its columns against where they are now."""
        episode = self._episode
        if episode is None or episode.windows < _JOIN_WINDOWS or window.end_ms - episode.since_ms <= join_ms:
            return
        members, level = episode.members, episode.level
        spread = episode.spread(self._scores)
        variance = self._scores.nominal / episode.rows * (self._learning.of_blocks.long_run - 1 + spread)
        self._innovations.relevel(members, level, np.maximum(variance, self._own_variance()))
        self._onsets.told = np.where(members[:, None], level * self._scores.unit, self._onsets.told)
        at = np.flatnonzero(members)
        self._level[at], self._live[at] = episode.counts[at], 0
        self._spread[at] = spread[at]
        self._onsets.told_shape[at] = self._onsets.shape_moved(at, self._scores.live, self._scores.counts)
        self._recovery.settle(np.where(members[:, None], level, 0.0))
        self._begin(np.ones(len(self), dtype=bool))
        self._episode = None

    def _begin(self, columns: Mask) -> None:
        """Forget the evidence of these columns."""
        self._bets.capital[columns] = 0.0
        self._shape_bets.capital[columns] = 0.0
        self._windows[columns] = 0
        self._onsets.forget(columns)

    def detectable(
        self, observed: Sequence[tuple[int, Observed]], spans_ms: Sequence[int], threshold: float
    ) -> Mapping[ColumnKey, Detectable]:
        """Return the smallest shifts that would be paged. Once a window: its columns, and the spans of theirs."""
        if not self._calibrating and self._sensitivity.observe(observed, spans_ms):
            shares = self._of_column * self._of_means[:, 0]
            terms = Terms(self._scores, self._innovations, self._tolls, threshold / np.maximum(shares, 1e-12))
            self._sensitivity.estimate(terms, self._spread[:, 0])
        return self._sensitivity.found

    def inherit(self, other: "MonitorEvidence", pairs: Sequence[tuple[int, int]], *, level: bool) -> None:
        """Go on with columns where another monitor left off: (ours, theirs), before the first window.

        Their dependence is taken over; and where they are held to the same ``level``, their evidence.
        """
        if other._calibrating or not pairs:
            return
        ours, theirs = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
        self._learning.inherit(other._learning, ours, theirs)
        self._innovations = Innovations(self._learning.dependence, self._own_variance())
        self._shape_null = self._null(self._scores.counts)._replace(toll=self._shape_null.toll)
        self._calibrating = self._remaining() > 0
        if not level:
            return
        self._bets.capital[ours] = other._bets.capital[theirs]
        self._windows[ours] = other._windows[theirs]
        for name in Innovations.FIELDS:
            getattr(self._innovations, name)[ours] = getattr(other._innovations, name)[theirs]

    def to_state(self) -> State:
        """Return all that is remembered."""
        return {
            "seen": self._seen,
            "calibrating": self._calibrating,
            "unsteady": pack(self._unsteady.astype(np.int8)),
            "windows": pack(self._windows),
            "bets": pack(self._bets.capital),
            "shape_bets": pack(self._shape_bets.capital),
            "filters": {name: pack(getattr(self._innovations, name)) for name in Innovations.FIELDS},
            "learning": self._learning.to_state(),
            "onsets": self._onsets.to_state(),
            "recovery": self._recovery.to_state(),
            "level": pack(self._level),
            "live": pack(self._live),
            "spread": pack(self._spread),
            "sensitivity": self._sensitivity.to_state(),
            "episode": self._episode.to_state() if self._episode else None,
        }

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave, in a fresh object against the same reference."""
        self._seen, self._calibrating = state["seen"], state["calibrating"]
        self._unsteady = unpack(state["unsteady"], self._unsteady.astype(np.int8)).astype(bool)
        self._windows = unpack(state["windows"], self._windows)
        self._bets.capital = unpack(state["bets"], self._bets.capital)
        self._shape_bets.capital = unpack(state["shape_bets"], self._shape_bets.capital)
        self._learning.restore(state["learning"])
        self._innovations.dependence = self._learning.dependence
        for name in Innovations.FIELDS:
            setattr(self._innovations, name, unpack(state["filters"][name], getattr(self._innovations, name)))
        self._shape_null = self._null(self._scores.counts)._replace(toll=self._shape_null.toll)
        self._onsets.restore(state["onsets"])
        self._recovery.restore(state["recovery"])
        self._level, self._live = unpack(state["level"], self._level), unpack(state["live"], self._live)
        self._spread = unpack(state["spread"], self._spread)
        self._sensitivity.restore(state["sensitivity"])
        episode = state["episode"]
        self._episode = None if episode is None else Episode.from_state(episode, *self._scores.counts.shape)


def _unsteady(learning: Learning, scores: Scores, means: Means) -> Mask:
    """Tell which columns moved while their dependence was learnt: their halves differ, or they are off the reference."""
    first, second, half = learning.halves()
    spread = np.sqrt((learning.dependence.long_run - 1 + means.sampling) / np.maximum(half, 1)[:, None])
    apart = np.abs(first - second) > _SURE * np.sqrt(2) * spread
    own = np.sqrt(learning.of_blocks.long_run * scores.level_variance)
    off = np.abs((first + second) / 2) > _SURE * np.sqrt(spread**2 / 2 + own**2)
    return np.asarray(((apart | off) & scores.varies).any(axis=1) & (half > 0))


def _log_mean(log_e: Floats) -> Floats:
    """Return ln of the mean e-value over the alternatives."""
    most = log_e.max(axis=1)
    return np.asarray(most + np.log(np.exp(log_e - most[:, None]).mean(axis=1)), dtype=np.float64)
