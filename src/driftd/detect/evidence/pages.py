"""When evidence is a page, which columns it names, who joins, and who is back."""

from math import fsum
from typing import NamedTuple

import numpy as np

from driftd.detect.evidence.arrays import pack, unpack
from driftd.detect.evidence.episode import Episode
from driftd.detect.evidence.innovations import Mask
from driftd.detect.evidence.of_shape import ShapeErrors
from driftd.detect.evidence.onsets import Onsets
from driftd.detect.evidence.recovery import SHAPE, Recovery
from driftd.detect.evidence.scores import MEANS, Means, Scores
from driftd.detect.evidence.suspects import suspects
from driftd.references.profile import Floats, Ints
from driftd.values.keys import Channel
from driftd.values.state import State
from driftd.values.windows import Window

_JOIN_WINDOWS = 12  # an incident can be joined for so many windows at least
_CHANNELS = (*MEANS, Channel.SHAPE)


class Evidence(NamedTuple):
    """The evidence of all columns after a window, each channel by its share of the column.

    ``of_means`` (columns, channels, sides), ``of_shape`` (columns); ``weights`` (columns): of the monitor, sum 1;
    ``level``: the counts that each column's shape is held to.
    """

    of_means: Floats
    of_shape: Floats
    weights: Floats
    level: Ints

    @property
    def of_columns(self) -> Floats:
        """The e-process of each column."""
        return np.asarray(self.of_means.sum(axis=(1, 2)) + self.of_shape, dtype=np.float64)


class Decision(NamedTuple):
    """What is made of a window: the monitor's e-process as it is held against the threshold, and who alarms."""

    evidence: float
    alarming: Ints


class Pages:
    """Follows the columns from their onset to their recovery."""

    def __init__(self, scores: Scores) -> None:
        self._scores = scores
        self._onsets, self._recovery = Onsets(scores), Recovery(len(scores))
        self._windows = np.zeros(len(scores), dtype=np.int64)  # since the evidence last began
        self._episode: Episode | None = None

    @property
    def followed(self) -> Mask:
        """The columns that have been paged and are not back."""
        return self._recovery.followed

    def channel(self, column: int) -> Channel:
        """Return the channel that a followed column has been paged by."""
        return _CHANNELS[self._recovery.channel[column]]

    def observe(self, means: Means, error: Floats, errors: Floats, counts: Ints, shape: ShapeErrors) -> Ints:
        """Take in a window; return the columns that are back by it.

        ``error``: standard error of its means, ``errors``: what they were off their forecast.
        """
        self._onsets.observe(means, errors, counts, shape.of_level)
        back = self._recovery.observe(means.y, error, shape.of_reference, means.seen)
        self._onsets.told[back], self._onsets.told_shape[back] = 0.0, 0.0
        if self._episode is not None:
            self._episode.add(means, counts)
            self._episode.members[back] = False
        return back

    def decide(self, evidence: Evidence, present: Mask, window: Window, threshold: float) -> Decision:
        """Hold the evidence against the threshold; follow the columns that page, or join the incident of a page."""
        self._windows += present
        by_channel = self._gated(evidence, threshold)
        gated = by_channel.sum(axis=1)
        total = fsum(gated * evidence.weights)
        alarming = self._alarming(gated, evidence.weights, present, window, enough=total >= threshold)
        for column in alarming.tolist():
            self._follow(column, int(np.argmax(by_channel[column])))
        return Decision(total, alarming)

    def end_joining(self, window: Window, join_ms: int) -> Episode | None:
        """Return the episode that this window cannot join any more, to hold its members to where they have come."""
        episode = self._episode
        if episode is None or episode.windows < _JOIN_WINDOWS or window.end_ms - episode.since_ms <= join_ms:
            return None
        members = episode.members
        self._onsets.told = np.where(members[:, None], episode.level * self._scores.unit, self._onsets.told)
        at = np.flatnonzero(members)
        self._onsets.told_shape[at] = self._onsets.shape_moved(at, self._scores.live, self._scores.counts)
        self._recovery.settle(np.where(members[:, None], episode.level, 0.0))
        self._episode = None
        return episode

    def forget(self, columns: Mask) -> None:
        """Begin anew with these columns."""
        self._windows[columns] = 0
        self._onsets.forget(columns)

    def inherit(self, other: "Pages", ours: Ints, theirs: Ints) -> None:
        """Go on with columns where another monitor's are."""
        self._windows[ours] = other._windows[theirs]  # noqa: SLF001 -- one of its own

    def to_state(self) -> State:
        """Return all that is remembered."""
        return {
            "windows": pack(self._windows),
            "onsets": self._onsets.to_state(),
            "recovery": self._recovery.to_state(),
            "episode": self._episode.to_state() if self._episode else None,
        }

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave."""
        self._windows = unpack(state["windows"], self._windows)
        self._onsets.restore(state["onsets"])
        self._recovery.restore(state["recovery"])
        episode = state["episode"]
        self._episode = None if episode is None else Episode.from_state(episode, *self._scores.counts.shape)

    def _gated(self, evidence: Evidence, threshold: float) -> Floats:
        """Return the evidence of each channel (columns, channels and shape) of effects that are large enough to matter.

        A gate only removes pages. It is asked only where the evidence would be enough without it.
        """
        plain = np.concatenate((evidence.of_means.sum(axis=2), evidence.of_shape[:, None]), axis=1)
        if self._episode is None and fsum(plain.sum(axis=1) * evidence.weights) < threshold:
            return plain
        through = np.zeros_like(plain)
        through[:, :SHAPE] = (evidence.of_means * self._onsets.passing(self._scores.unit)).sum(axis=2)
        at = np.flatnonzero(evidence.of_shape > 0)
        passing = self._onsets.shape_passing(at, self._scores.live, self._scores.counts, evidence.level)
        through[at, SHAPE] = evidence.of_shape[at] * passing
        return through

    def _alarming(self, gated: Floats, weights: Floats, present: Mask, window: Window, *, enough: bool) -> Ints:
        """Return the columns that page now, or that join the incident of a page."""
        if self._episode is None and not enough:
            return np.zeros(0, dtype=np.int64)
        named = suspects(gated, weights, self._windows)
        named = named[present[named]]
        if self._episode is not None:
            return named[~self._recovery.followed[named]]
        self._episode = Episode(window.end_ms, *self._scores.counts.shape)
        strongest = np.argsort(-(gated * weights), kind="stable")
        return named if len(named) else strongest[present[strongest]][:1]

    def _follow(self, column: int, channel: int) -> None:
        """Note by what a column pages, to see whether it comes back."""
        size = 0.0
        if channel != SHAPE:
            moved = self._onsets.moved(self._scores.unit)[column, channel]
            size = float(moved[int(np.argmax(np.abs(moved)))] / self._scores.unit[column, channel])
        self._recovery.follow(column, channel, size)
        if self._episode is not None:
            self._episode.members[column] = True
