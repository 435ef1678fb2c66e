"""From a page until its incident can be joined no longer: who is in it, and where they have moved to meanwhile."""

import numpy as np

from driftd.detect.evidence.arrays import pack, unpack
from driftd.detect.evidence.scores import MEANS, RANKS, Means, Scores
from driftd.references.profile import Floats, Ints
from driftd.values.state import State


class Episode:
    """A page and the windows after it, the one that paged left out: it may have seen only part of the change."""

    def __init__(self, since_ms: int, columns: int, bins: int) -> None:
        self.since_ms = since_ms  # end of the window that paged
        self.windows = 0  # of the monitor, since then
        self.members = np.zeros(columns, dtype=bool)
        self._rows = np.zeros((columns, len(MEANS)))
        self._moved = np.zeros((columns, len(MEANS)))
        self.counts = np.zeros((columns, bins), dtype=np.int64)

    def add(self, means: Means, counts: Ints) -> None:
        """Take in a window."""
        weight = np.where(means.seen, means.n, 0.0)
        self._rows += weight
        self._moved += weight * means.y
        self.counts += counts
        self.windows += 1

    @property
    def rows(self) -> Floats:
        """Observations of each mean since the page, at least 1."""
        return np.asarray(np.maximum(self._rows, 1.0), dtype=np.float64)

    @property
    def level(self) -> Floats:
        """Where each mean has been since the page, in the unit of Innovations."""
        return np.asarray(self._moved / self.rows, dtype=np.float64)

    def spread(self, scores: Scores) -> Floats:
        """Return the variance of one row's score since the page over that in training, at least 1."""
        shares = self.counts / np.maximum(self.counts.sum(axis=1), 1)[:, None]
        mean = (scores.ranks * shares).sum(axis=2, keepdims=True)
        of_ranks = (shares * (scores.ranks - mean) ** 2).sum(axis=2).T
        rate = np.clip(scores.means + self.level * scores.unit, 0.0, 1.0)[:, RANKS:]
        now = np.concatenate((of_ranks, rate * (1 - rate)), axis=1)
        return np.maximum(now / np.where(scores.varies, scores.variance, np.inf), 1.0)

    def to_state(self) -> State:
        """Return all that is remembered."""
        return {
            "since_ms": self.since_ms,
            "windows": self.windows,
            "members": pack(self.members),
            "rows": pack(self._rows),
            "moved": pack(self._moved),
            "counts": pack(self.counts),
        }

    @classmethod
    def from_state(cls, state: State, columns: int, bins: int) -> "Episode":
        """Take back what ``to_state`` gave."""
        episode = cls(state["since_ms"], columns, bins)
        episode.windows = state["windows"]
        episode.members = unpack(state["members"], episode.members)
        episode._rows = unpack(state["rows"], episode._rows)
        episode._moved = unpack(state["moved"], episode._moved)
        episode.counts = unpack(state["counts"], episode.counts)
        return episode
