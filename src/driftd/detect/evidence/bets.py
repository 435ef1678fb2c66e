"""The e-detector: mixture Shiryaev-Roberts processes on what windows say beyond what could be foreseen.

Source: Shin, Ramdas, Rinaldo, "E-detectors" (2023); the derivation with our assumptions: docs/statistics.md.
"""

import numpy as np

from driftd.detect.evidence.innovations import Mask
from driftd.detect.evidence.scores import MEANS
from driftd.references.profile import Floats

#: The stakes, in evidence per standard error. Which one suits depends on the size of the drift, so all are played.
BETS = np.array((0.25, 0.5, 1.0, 2.0, 4.0))
#: A window counts as so many standard errors at most. Rates of independent rows are taken as they are: their price is
#: exact, and what training hardly ever saw is many standard errors when it comes.
CLIP = np.array((8.0, 8.0, 1e3, 1e3, 1e3))
DEPENDENT_CLIP = 4.0
_DEPENDENT_BET = 2.0
_CEILING = 1e30  # evidence does not grow beyond: sums of it stay finite


class Bets:
    """The capital of every bet: (columns, channels, sides, bets), sides: upwards, downwards.

    Each grows by a factor whose mean is at most 1 while nothing changes, and gets 1 more with each window:
    E M_w <= w. Where windows depend on each other their tails are not those of a mean of independent rows:
    there one window counts for less, and the highest stake is not played.
    """

    def __init__(self, columns: int) -> None:
        self.capital = np.zeros((columns, len(MEANS), 2, len(BETS)))

    def step(self, errors: Floats, price: Floats, independent: Mask, seen: Mask, slack: Floats | float = 0.0) -> None:
        """Take in a window.

        ``price`` (columns, channels, 2, bets): what each bet must win to break even, in logs; ``slack``: standard
        errors that a mean may be off for ever without a bet winning by it.
        """
        clip = np.where(independent, CLIP, DEPENDENT_CLIP)[..., None]
        sided = np.minimum(np.stack((errors - slack, -errors - slack), axis=-1), clip)
        factor = np.exp(np.minimum(sided[..., None] * BETS - price, np.log(_CEILING)))
        grown = np.minimum(factor * (self.capital + 1), _CEILING)
        self.capital = np.where(seen[..., None, None], grown, self.capital)

    def evidence(self, independent: Mask) -> Floats:
        """Return the mean capital of each channel and side: (columns, channels, 2)."""
        weights = stakes(independent)
        return np.asarray((self.capital * weights[..., None, :]).sum(axis=-1), dtype=np.float64)


def stakes(independent: Mask) -> Floats:
    """Return how a channel's part of the budget is spread over bets, half of it a side: (columns, channels, bets)."""
    played = independent[..., None] | (_DEPENDENT_BET >= BETS)
    return np.asarray(played / played.sum(axis=-1, keepdims=True) / 2, dtype=np.float64)
