"""The evidence of all counts together: how much better a drift of any kind predicts them than what is known."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.arrays import pack, unpack
from driftd.detect.evidence.innovations import Mask
from driftd.detect.evidence.learning import Learning, shape_tolls
from driftd.detect.evidence.scores import RANKS, Scores
from driftd.detect.evidence.shape import ShapeBets, ShapeNull, log_e_values, null_of
from driftd.references.profile import Floats, Ints
from driftd.values.state import State


class ShapeErrors(NamedTuple):
    """What a window's counts say, in logs, per column.

    ``of_reference``: of the mean e-value against the reference; ``of_level``: the mean over the alternatives of what
    they say against the level that the column is held to.
    """

    of_reference: Floats
    of_level: Floats


class EvidenceOfShape:
    """Follows the counts of all columns, each against the shape that it is held to: training, or since its page.

    That shape is known better with every window, as a level is (Innovations): the counts since then are part of it.
    """

    def __init__(self, scores: Scores, baselines: Sequence[Baseline], dispersion: Floats, learning: Learning) -> None:
        self._scores, self._dispersion, self._learning = scores, dispersion, learning
        self._bets = ShapeBets(len(scores))
        self.level = scores.counts.copy()
        self._live = np.zeros_like(self.level)
        self._toll = np.zeros(self._bets.capital.shape[1])
        self._toll = shape_tolls(scores, baselines, self._null(scores.counts))

    def observe(self, counts: Ints, cap: Floats, seen: Mask) -> ShapeErrors:
        """Let every bet win or lose by a window, by e to the ``cap`` (columns) at most."""
        live, null = self._scores.live, self._null(self.level + self._live)
        against_reference = log_e_values(counts, live, self._null(self._scores.counts))
        against_level = log_e_values(counts, live, null)
        self._bets.step(against_level, null, cap, seen)
        self._live += counts
        return ShapeErrors(_log_mean(against_reference), against_level.mean(axis=1))

    @property
    def evidence(self) -> Floats:
        """The mean capital of each column's bets."""
        return self._bets.evidence

    def move(self, columns: Ints, counts: Ints) -> None:
        """Hold these columns to other counts (of all columns)."""
        self.level[columns], self._live[columns] = counts[columns], 0

    def forget(self, columns: Mask) -> None:
        """Take all capital from the bets on these columns."""
        self._bets.capital[columns] = 0.0

    def to_state(self) -> State:
        """Return all that is remembered."""
        return {"bets": pack(self._bets.capital), "level": pack(self.level), "live": pack(self._live)}

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave."""
        self._bets.capital = unpack(state["bets"], self._bets.capital)
        self.level, self._live = unpack(state["level"], self.level), unpack(state["live"], self._live)

    def _null(self, counts: Ints) -> ShapeNull:
        dependence = self._learning.dependence
        time = dependence.time[:, :RANKS].max(axis=1)
        dispersion = np.maximum(self._dispersion, 1 + dependence.gain[:, :RANKS].max(axis=1) / 2)
        null = null_of(counts, self._scores.live, dispersion, time, self._scores.nominal[:, 0])
        return null._replace(toll=self._toll)


def _log_mean(log_e: Floats) -> Floats:
    """Return ln of the mean e-value over the alternatives."""
    most = log_e.max(axis=1)
    return np.asarray(most + np.log(np.exp(log_e - most[:, None]).mean(axis=1)), dtype=np.float64)
