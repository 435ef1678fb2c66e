"""The evidence of the channels that are means: what their prediction errors win the bets on a drift."""

import numpy as np

from driftd.detect.evidence.arrays import pack, unpack
from driftd.detect.evidence.bets import BETS, Bets
from driftd.detect.evidence.episode import Episode
from driftd.detect.evidence.innovations import Innovations, Mask
from driftd.detect.evidence.learning import Learning, Training, tolls
from driftd.detect.evidence.onsets import NEGLIGIBLE
from driftd.detect.evidence.scores import Means, Scores
from driftd.references.profile import Floats, Ints
from driftd.values.state import State

_GROSS = 0.15  # a move of the mean of u that anybody would call drift
_SEEN = 0.5  # standard errors a window: what adds up to a page within a hundred windows or so


class EvidenceOfMeans:
    """Follows location, scale and rates of all columns, each against the level that it is held to."""

    def __init__(self, scores: Scores, training: Training, learning: Learning) -> None:
        self._scores, self._learning = scores, learning
        self._bets = Bets(len(scores))
        self.spread = np.ones_like(scores.unit)  # variance of a row's score now over that in training
        at_blocks = Innovations(learning.of_blocks, self._own_variance)
        self.tolls = tolls(training, at_blocks, learning.independent)
        self.filters = Innovations(learning.dependence, self._own_variance)

    def observe(self, means: Means) -> tuple[Floats, Floats]:
        """Let every bet win or lose by a window; return its prediction errors, and the variances they were held to."""
        errors, variance = self.filters.step(means.y, means.sampling, means.seen)
        gaussian = BETS**2 / 2
        sampled = gaussian * (means.sampling / variance)[..., None]  # the part of the price that sampling explains
        exact = self._scores.cumulants(BETS / np.sqrt(variance)[..., None], means.n)
        price = gaussian + np.maximum(exact - sampled, 0.0) + self.tolls
        slack = NEGLIGIBLE / (self._scores.unit * self.error(means))
        self._bets.step(errors, np.moveaxis(price, 0, 2), self._learning.independent, means.seen, slack)
        return errors, variance

    def error(self, means: Means) -> Floats:
        """Return the standard error of a window's means, as one of many that depend on each other."""
        return np.asarray(np.sqrt(means.sampling + self._learning.dependence.long_run - 1), dtype=np.float64)

    @property
    def evidence(self) -> Floats:
        """The mean capital of each side's bets: (columns, channels, 2)."""
        return self._bets.evidence(self._learning.independent)

    @property
    def blind(self) -> Mask:
        """The columns of which a gross move of the location is less than half a standard error of each window."""
        error = self._scores.unit[:, 0] * np.sqrt(self._learning.dependence.long_run[:, 0])
        return np.asarray(self._scores.varies[:, 0] & (_SEEN * error > _GROSS))

    def begin(self) -> None:
        """Begin at the reference, with the dependence that is known now."""
        self.filters = Innovations(self._learning.dependence, self._own_variance)

    def relearn(self) -> None:
        """Go on with the dependence that is known now."""
        self.filters.dependence = self._learning.dependence

    def move(self, episode: Episode) -> None:
        """Hold the members of an episode to the level that they have come to."""
        spread = episode.spread(self._scores)
        variance = self._scores.nominal / episode.rows * (self._learning.of_blocks.long_run - 1 + spread)
        self.filters.relevel(episode.members, episode.level, np.maximum(variance, self._own_variance))
        self.spread = np.where(episode.members[:, None], spread, self.spread)

    def move_back(self, columns: Ints) -> None:
        """Hold columns to the reference again."""
        mask = np.zeros(len(self._scores), dtype=bool)
        mask[columns] = True
        self.filters.relevel(mask, np.zeros_like(self.filters.level), self._own_variance)
        self.spread[columns] = 1.0

    def forget(self, columns: Mask) -> None:
        """Take all capital from the bets on these columns."""
        self._bets.capital[columns] = 0.0

    def inherit(self, other: "EvidenceOfMeans", ours: Ints, theirs: Ints) -> None:
        """Go on with columns where another monitor's are."""
        self._bets.capital[ours] = other._bets.capital[theirs]  # noqa: SLF001 -- one of its own
        for name in Innovations.FIELDS:
            getattr(self.filters, name)[ours] = getattr(other.filters, name)[theirs]

    def to_state(self) -> State:
        """Return all that is remembered."""
        return {
            "bets": pack(self._bets.capital),
            "spread": pack(self.spread),
            "filters": {name: pack(getattr(self.filters, name)) for name in Innovations.FIELDS},
        }

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave, once what was learnt is back."""
        self._bets.capital = unpack(state["bets"], self._bets.capital)
        self.spread = unpack(state["spread"], self.spread)
        self.relearn()
        for name in Innovations.FIELDS:
            setattr(self.filters, name, unpack(state["filters"][name], getattr(self.filters, name)))

    @property
    def _own_variance(self) -> Floats:
        """The variance of the reference's own means: what it cannot know about the level."""
        return np.asarray(self._scores.level_variance * self._learning.of_blocks.long_run, dtype=np.float64)
