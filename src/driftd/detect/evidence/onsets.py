"""Since when a channel has been moving, and how far: what the significance gate asks.

The onset is where a cumulated sum last was 0 (Page, 1954), on each side of each channel.
"""

import numpy as np

from driftd.detect.evidence.arrays import pack, unpack
from driftd.detect.evidence.innovations import Mask
from driftd.detect.evidence.scores import MEANS, Means, Scores
from driftd.references.profile import Floats, Ints
from driftd.values.keys import Channel
from driftd.values.state import State

#: Effects smaller than this are no page, however sure they are: in u for ranks, a share of events for rates.
FLOOR = {
    Channel.LOCATION: 0.02,
    Channel.SCALE: 0.02,
    Channel.SHAPE: 0.02,
    Channel.MISSING: 0.005,
    Channel.UNSEEN: 0.005,
    Channel.INVALID: 0.005,
}
#: A lasting difference that is no drift, however sure it is: bets do not win by it.
NEGLIGIBLE = np.array([FLOOR[channel] / 10 for channel in MEANS])
_FLOORS = np.array([FLOOR[channel] for channel in MEANS])
_RETURNED = 0.8  # a shape closer to its reference than so much of what was told is on its way back
_SLACK = 0.5  # standard errors a window may be off without adding to the sum


class Onsets:
    """The stretch of windows that speaks for a drift, for each side of each mean, and for the shape.

    ``told`` is how far each mean, and the shape, had moved when it was last paged: 0 where nothing is.
    """

    def __init__(self, scores: Scores) -> None:
        columns, bins = scores.counts.shape
        self._sum = np.zeros((columns, len(MEANS), 2))
        self._rows = np.zeros((columns, len(MEANS), 2))
        self._moved = np.zeros((columns, len(MEANS), 2))
        self._shape_sum = np.zeros(columns)
        self._counts = np.zeros((columns, bins), dtype=np.int64)
        self.told = np.zeros((columns, len(MEANS)))
        self.told_shape = np.zeros(columns)

    def observe(self, means: Means, errors: Floats, counts: Ints, log_e: Floats) -> None:
        """Take in a window: its means, their prediction errors, its counts and the ln of its shape's e-value."""
        rising = np.maximum(self._sum + np.stack((errors, -errors), axis=-1) - _SLACK, 0.0)
        self._sum = np.where(means.seen[..., None], rising, self._sum)
        going = self._sum > 0
        weight = np.where(means.seen, means.n, 0.0)[..., None]
        self._rows = np.where(going, self._rows + weight, 0.0)
        self._moved = np.where(going, self._moved + weight * means.y[..., None], 0.0)
        self._shape_sum = np.maximum(self._shape_sum + log_e, 0.0)
        self._counts = np.where((self._shape_sum > 0)[:, None], self._counts + counts, 0)

    def moved(self, unit: Floats) -> Floats:
        """Return how far each mean has been off its reference since the onset, in its own unit: (…, sides)."""
        return np.asarray(self._moved / np.maximum(self._rows, 1) * unit[..., None], dtype=np.float64)

    def passing(self, unit: Floats) -> Mask:
        """Tell which sides of which means are off by enough, and anew: from the reference, and from what was told."""
        moved, told = self.moved(unit), self.told[..., None]
        step = moved - told
        side = np.array((1.0, -1.0))
        nearer = np.where(moved * told > 0, np.abs(told), np.abs(told) / 2)
        returning = (told != 0) & (np.abs(moved) < nearer)  # or has returned, and is off to the other side by chance
        floors = _FLOORS[:, None]
        return np.asarray((np.abs(moved) >= floors) & (step * side >= floors) & ~returning)

    def shape_moved(self, columns: Ints, live: Mask, reference: Ints) -> Floats:
        """Return the PSI of the counts since the onset against these counts, less its part due to chance."""
        return _debiased_psi(self._counts[columns], reference[columns], live[columns])

    def shape_passing(self, columns: Ints, live: Mask, reference: Ints, level: Ints) -> Mask:
        """Tell which of these columns' shapes are off by enough, and anew: from the reference, and from the ``level``.

        Level: the counts that a column is judged against since it was paged.
        """
        off, step = (self.shape_moved(columns, live, counts) for counts in (reference, level))
        returning = off < _RETURNED * self.told_shape[columns]
        return np.asarray((off >= FLOOR[Channel.SHAPE]) & (step >= FLOOR[Channel.SHAPE]) & ~returning)

    def forget(self, columns: Mask) -> None:
        """Begin anew with these columns."""
        at = np.flatnonzero(columns)
        self._sum[at], self._rows[at], self._moved[at] = 0.0, 0.0, 0.0
        self._shape_sum[at], self._counts[at] = 0.0, 0

    def to_state(self) -> State:
        """Return all that is remembered."""
        return {name: pack(getattr(self, attribute)) for name, attribute in _FIELDS.items()}

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave."""
        for name, attribute in _FIELDS.items():
            setattr(self, attribute, unpack(state[name], getattr(self, attribute)))


def _debiased_psi(counts: Ints, reference: Ints, live: Mask) -> Floats:
    bins = live.sum(axis=1)
    n, known = counts.sum(axis=1), reference.sum(axis=1)
    q = np.where(live, counts + 0.5, 1.0) / (n + bins / 2)[:, None]
    p = np.where(live, reference + 0.5, 1.0) / (known + bins / 2)[:, None]
    psi = np.where(live, (q - p) * np.log(q / p), 0.0).sum(axis=1)
    chance = (bins - 1) * (1 / np.maximum(n, 1) + 1 / np.maximum(known, 1))
    return np.where(n > 0, psi - chance, 0.0)


_FIELDS = {
    "sum": "_sum",
    "rows": "_rows",
    "moved": "_moved",
    "shape_sum": "_shape_sum",
    "counts": "_counts",
    "told": "told",
    "told_shape": "told_shape",
}
