"""The channel alone: the product's classes, fed with standardised series directly.

Arrays are (columns, 5), as everywhere in the evidence; what the five are is the caller's: five monitors side by
side, or one monitor of many columns, folded.
"""

from dataclasses import dataclass
from math import log10
from typing import Self

import numpy as np

from detection.streams import ROWS
from driftd.detect.evidence.bets import BETS, Bets
from driftd.detect.evidence.innovations import Innovations
from driftd.detect.evidence.learning import MOST_BLOCKS, Learning, Training, tolls
from driftd.detect.evidence.scores import Means
from driftd.references.dependence import Dependence, learn, log_likelihoods
from driftd.references.profile import Floats, Ints

WIDTH = 5
Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def fold(values: Floats) -> Floats:
    """Return (columns, …) as (columns / 5, 5, …)."""
    return values.reshape(-1, WIDTH, *values.shape[1:])


class Walk:
    """Innovations and the price of a bet, window by window, against a reference of standardised blocks."""

    def __init__(self, innovations: Innovations, toll: Floats, learning: Learning | None, level: Floats) -> None:
        self.innovations, self._toll, self._learning, self._level = innovations, toll, learning, level
        self.errors = np.zeros_like(level)
        self.seen: Mask = np.ones(level.shape, dtype=bool)
        self._ones = np.ones_like(level)
        self._nobody = np.zeros(len(level), dtype=bool)

    @classmethod
    def of_one_monitor(cls, blocks: Floats) -> Self:
        """Begin with one monitor of columns (columns, blocks), that have no more to learn."""
        level, z = blocks.mean(axis=1), blocks - blocks.mean(axis=1, keepdims=True)
        found = learn(log_likelihoods(z), np.full(len(z), z.shape[1]))
        dependence = Dependence(fold(found.gain), fold(found.decay))
        innovations = Innovations(dependence, dependence.long_run / z.shape[1])
        return cls(innovations, _toll_of_one_channel(z, found), None, fold(level))

    @classmethod
    def of_five_monitors(cls, blocks: Floats) -> Self:
        """Begin with five monitors (columns, 5, blocks), each of which learns from its own columns, live as well."""
        level = blocks.mean(axis=2)
        learning = Learning(_training(blocks - level[..., None]), 1.0)
        still = learning if blocks.shape[2] < MOST_BLOCKS else None
        dependence = learning.dependence
        innovations = Innovations(dependence, dependence.long_run / blocks.shape[2])
        toll = tolls(_training(blocks - level[..., None]), innovations, np.asarray(dependence.gain == 0))
        return cls(innovations, toll, still, level)

    @classmethod
    def independent(cls, level_variance: Floats) -> Self:
        """Begin with independent windows, whose level the reference leaves open by so much."""
        nothing = np.zeros_like(level_variance)
        innovations = Innovations(Dependence(nothing, nothing), level_variance)
        return cls(innovations, np.zeros((2, WIDTH, len(BETS))), None, nothing)

    @property
    def independence(self) -> Mask:
        """Which of the series are taken for independent."""
        return np.asarray(self.innovations.dependence.gain == 0)

    def copy(self) -> Self:
        """Return a walk in the same state; only for those that have no more to learn."""
        return type(self)(self.innovations.copy(), self._toll, None, self._level)

    def step(self, y: Floats) -> None:
        """Take in a window of standardised means."""
        y = y - self._level
        self.errors, _ = self.innovations.step(y, self._ones, self.seen)
        if self._learning is not None:
            means = Means(y, self._ones, np.full(y.shape, float(ROWS)), self.seen)
            if self._learning.observe(means, ~self._nobody, self._nobody):
                self.innovations.dependence = self._learning.dependence

    def price(self) -> Floats:
        """Return what each bet must win to break even: of sums of normal values, and what training adds to it."""
        excess = self._toll[self.independence.astype(np.int64), np.arange(WIDTH)]
        return np.asarray((BETS**2 / 2 + excess)[..., None, :])


class Pager:
    """Bets on a walk that page, and then begin anew: as one monitor, as five, or each series by itself."""

    def __init__(self, columns: int, threshold: float, axes: tuple[int, ...]) -> None:
        self.bets, self._threshold, self._axes = Bets(columns), threshold, axes
        self.pages = np.zeros(0, dtype=np.int64)
        self.windows: list[int] = []  # in which any of the monitors paged
        self._window = 0

    @classmethod
    def one(cls, columns: int, threshold: float) -> Self:
        """All series are one monitor's."""
        return cls(columns, threshold, (0, 1))

    @classmethod
    def five(cls, columns: int, threshold: float) -> Self:
        """Each of the five is a monitor."""
        return cls(columns, threshold, (0,))

    @classmethod
    def each(cls, columns: int, threshold: float) -> Self:
        """Every series is a monitor."""
        return cls(columns, threshold, ())

    def observe(self, walk: Walk, price: Floats | None = None) -> bool:
        """Take in the walk's newest window; tell whether anything paged."""
        independent = walk.independence
        self.bets.step(walk.errors, walk.price() if price is None else price, independent, walk.seen)
        evidence = self.bets.evidence(independent).sum(axis=2)
        paging = (evidence.mean(axis=self._axes, keepdims=True) if self._axes else evidence) >= self._threshold
        self.pages = self.pages + paging if self.pages.size else paging.astype(np.int64)
        if paging.any():
            self.windows.append(self._window)
            self.bets.capital[np.broadcast_to(paging, evidence.shape)] = 0.0
        self._window += 1
        return bool(paging.any())


@dataclass(frozen=True)
class Paths:
    """log10 of the evidence of many streams, each a monitor, without pages: (windows, streams)."""

    log10: Floats

    def first(self, threshold: float, since: int = 0) -> Ints:
        """Return the windows until each stream first reaches a threshold; all windows where it never does."""
        reached = self.log10[since:] >= log10(threshold)
        return np.where(reached.any(axis=0), reached.argmax(axis=0) + 1, len(reached))

    def apart(self, threshold: float) -> tuple[float, int]:
        """Return the mean windows to a first false page (exposure over pages), and how many pages that rests on."""
        pages = int((self.log10.max(axis=0) >= log10(threshold)).sum())
        return float(self.first(threshold).sum()) / max(pages, 1), pages

    def threshold_for(self, windows: float) -> float:
        """Return the least threshold of a fine grid that keeps false pages so far apart, as measured."""
        grid: Floats = np.geomspace(2.0, 1e6, 400)
        return next((t for t in grid.tolist() if self.apart(t)[0] >= windows), float("inf"))

    def delays(self, threshold: float, changed: int) -> tuple[Floats, int]:
        """Return the windows from a change to the page, infinite where there is none; runs that paged before it."""
        early = (
            (self.log10[:changed] >= log10(threshold)).any(axis=0) if changed else np.zeros(self.log10.shape[1], bool)
        )
        after = self.log10[changed:, ~early] >= log10(threshold)
        return np.where(after.any(axis=0), after.argmax(axis=0) + 1.0, np.inf), int(early.sum())


def _toll_of_one_channel(z: Floats, found: Dependence) -> Floats:
    """Return the toll of columns (columns, blocks) that are all on one channel, repeated for the folds."""
    alone = np.zeros((len(z), WIDTH, z.shape[1]))
    alone[:, 0] = z
    seen = np.zeros(alone.shape, dtype=bool)
    seen[:, 0] = True
    wide = Dependence(*(np.repeat(part[:, None], WIDTH, axis=1) for part in (found.gain, found.decay)))
    training = Training(alone, np.ones(alone.shape), seen, np.ones(len(z)))
    toll = tolls(training, Innovations(wide, wide.long_run / z.shape[1]), np.asarray(wide.gain == 0))
    return np.repeat(toll[:, :1], WIDTH, axis=1)


def _training(z: Floats) -> Training:
    return Training(z, np.ones(z.shape), np.ones(z.shape, dtype=bool), np.ones(len(z)))
