"""Made-up columns: how their windows depend on each other, as standardised series and as tables of counts.

The unit of an effect is the standard deviation of a window's mean if its rows were independent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

from driftd.references.profile import Floats, Ints

ROWS, BINS = 200, 20
DAY = 288  # windows of five minutes
EDGES = ndtri(np.arange(1, BINS) / BINS)
_WARM_UP = 200


@dataclass(frozen=True, slots=True)
class Family:
    """Sampling noise of variance 1, and an AR(1) effect of variance ``gain`` and a daily sine on top of it."""

    name: str
    gain: float = 0.0
    decay: float = 0.0
    freedom: int = 0  # of Student's t that the effect's shocks have; 0: normal
    season: float = 0.0  # amplitude

    @property
    def sd(self) -> float:
        """Standard deviation of a window's mean."""
        return sqrt(1 + self.gain + self.season**2 / 2)


INDEPENDENT = Family("independent")
AR_5 = Family("AR .5", gain=1.0, decay=0.5)
AR_9 = Family("AR .9", gain=1.0, decay=0.9)
OVERDISPERSED = Family("overdispersed", gain=2.0)
STUDENT = Family("t5", gain=2.0, decay=0.5, freedom=5)
SEASONAL = Family("seasonal", season=1.0)
DEPENDENT = (AR_5, AR_9, OVERDISPERSED, STUDENT, SEASONAL)


def mixed(columns: int) -> list[Family]:
    """Return half independent columns, a quarter AR .5, 15 % AR .9, 10 % with t5 shocks, evenly spread."""
    golden = 0.6180339887
    return [
        next(
            f for share, f in ((0.5, INDEPENDENT), (0.75, AR_5), (0.9, AR_9), (1.0, STUDENT)) if j * golden % 1 < share
        )
        for j in range(columns)
    ]


def effects(families: Sequence[Family], windows: int, rng: np.random.Generator) -> Floats:
    """Return the window effects of columns of these families: (columns, windows)."""
    out = np.zeros((len(families), windows))
    for family in dict.fromkeys(families):
        at = [number for number, one in enumerate(families) if one == family]
        if family.gain:
            shape = (len(at), windows + _WARM_UP)
            shocks = rng.normal(size=shape) if not family.freedom else rng.standard_t(family.freedom, size=shape)
            if family.freedom:
                shocks *= sqrt((family.freedom - 2) / family.freedom)
            shocks *= sqrt((1 - family.decay**2) * family.gain)
            out[at] = lfilter([1], [1, -family.decay], shocks, axis=1)[:, _WARM_UP:]
        if family.season:
            phase = rng.random(len(at))[:, None]
            out[at] += family.season * np.sin(2 * np.pi * (np.arange(windows) / DAY + phase))
    return out


def series(families: Sequence[Family], windows: int, rng: np.random.Generator) -> Floats:
    """Return standardised window means: effects and sampling noise."""
    return effects(families, windows, rng) + rng.normal(size=(len(families), windows))


def counts(effect: Floats, rng: np.random.Generator, rows: int = ROWS) -> Ints:
    """Draw counts per bin, rows being normal about their window's effect: (…, BINS) for effects (…)."""
    below = ndtr(EDGES - effect[..., None] / sqrt(ROWS))
    shares = np.diff(below, axis=-1, prepend=0.0, append=1.0)
    return np.asarray(rng.multinomial(rows, shares), dtype=np.int64)


def tables(effect: Floats, rng: np.random.Generator, rows: int = ROWS) -> Iterator[Ints]:
    """Yield the tables (columns, BINS) of the windows of effects (columns, windows)."""
    for window in range(effect.shape[1]):
        yield counts(effect[:, window], rng, rows)
