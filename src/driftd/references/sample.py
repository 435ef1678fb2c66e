"""A uniform sample of a stream of numbers in bounded memory, the same for every way of cutting the stream."""

import numpy as np

from driftd.references.profile import Floats
from driftd.values.hashing import text_hash


class Sample:
    """The values with the least random priorities: all of them while they fit, else ``capacity`` at random.

    Priorities come from a generator seeded with ``seed``, one for each value in the order of the stream, so
    the sample depends on the seed and the stream only. Takes O(1) amortised per value, and room for
    2 x capacity values and priorities. (Bottom-k sampling; Cohen and Kaplan, 2007.)
    """

    def __init__(self, seed: str, capacity: int) -> None:
        self._random = np.random.default_rng(text_hash(seed))
        self._capacity = capacity
        self._values: list[Floats] = []
        self._priorities: list[Floats] = []
        self._held = 0
        self._bound = np.inf  # a value of this priority or above can no longer be among the least

    def add(self, values: Floats) -> None:
        """Take in more of the stream."""
        priorities = self._random.random(len(values))
        if self._bound < np.inf:
            chosen = priorities < self._bound
            values, priorities = values[chosen], priorities[chosen]
        self._values.append(values)
        self._priorities.append(priorities)
        self._held += len(values)
        if self._held > 2 * self._capacity:
            self._shed()

    def shrink(self, capacity: int) -> None:
        """Make do with less room from now on."""
        self._capacity = min(capacity, self._capacity)
        self._shed()

    def values(self) -> Floats:
        """Return the sample, in the order of the stream."""
        self._shed()
        return self._values[0] if self._values else np.empty(0)

    def _shed(self) -> None:
        if not self._values:
            return
        values, priorities = np.concatenate(self._values), np.concatenate(self._priorities)
        if len(values) > self._capacity:
            self._bound = float(np.partition(priorities, self._capacity)[self._capacity])
            chosen = priorities < self._bound
            values, priorities = values[chosen], priorities[chosen]
        self._values, self._priorities, self._held = [values], [priorities], len(values)
