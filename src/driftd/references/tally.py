"""The second pass over the training rows: exact counts for fixed bins and categories, and moments."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from driftd.references.bins import Bins, numeric_bins
from driftd.references.profile import ColumnProfile, Floats, Ints
from driftd.references.rows import Cells
from driftd.references.shape import Flat
from driftd.references.survey import Survey
from driftd.values.hashing import text_hash
from driftd.values.keys import Kind
from driftd.values.layout import HEADER, INVALID, MISSING

CATEGORIES = 64
QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


class Tally(Protocol):
    """Sums one column. A row's *slot* is its place in a run of values.layout, over the fine bins."""

    kind: Kind
    test_of: Ints  # the test bin of each fine bin

    def add(self, cells: Cells) -> Ints:
        """Count some rows and return each one's slot."""
        ...

    def column(self, flat: Flat) -> ColumnProfile:
        """Return what was counted."""
        ...


@dataclass
class NumericTally:
    """Counts per fine bin, and mean and standard deviation in one pass.

    Moments are taken of ``(x - origin) / scale`` with the origin inside the range and the scale its largest
    magnitude: neither squares of huge values overflow, nor do small deviations of a large mean cancel.
    """

    low: float
    high: float
    sample: Floats
    kind: Kind = Kind.NUMERIC
    bins: Bins = field(init=False)
    edges: Floats = field(init=False)
    test_of: Ints = field(init=False)
    slots: Ints = field(init=False)
    _sum: float = field(default=0.0, init=False)
    _squares: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.bins = numeric_bins(self.sample)
        self.edges = np.asarray(self.bins.edges)
        self.test_of = np.asarray(self.bins.test_of)
        self.slots = np.zeros(HEADER + len(self.test_of), dtype=np.int64)
        self.sample = np.sort(self.sample)
        self._scale = max(abs(self.low), abs(self.high)) or 1.0
        self._origin = self._quantile(0.5) / self._scale

    def add(self, cells: Cells) -> Ints:
        """Count some rows and return each one's slot."""
        numeric = cells.is_number | cells.is_bool
        numbers = cells.numbers[numeric]
        slots = np.where(cells.missing, MISSING, INVALID)
        slots[numeric] = HEADER + np.searchsorted(self.edges, numbers, side="right")
        self.slots += np.bincount(slots, minlength=len(self.slots))
        deviations = numbers / self._scale - self._origin
        self._sum += float(deviations.sum())
        self._squares += float(np.square(deviations).sum())
        return slots

    def column(self, flat: Flat) -> ColumnProfile:
        """Return what was counted."""
        n, missing, invalid, counts = _totals(self.slots)
        present = sum(counts)
        mean = self._sum / present
        sd = max(self._squares / present - mean**2, 0.0) ** 0.5
        return ColumnProfile(
            key=flat.key,
            kind=Kind.NUMERIC,
            n=n,
            missing=missing,
            invalid=invalid,
            counts=counts,
            edges=self.bins.edges,
            test_of=self.bins.test_of,
            moments={
                "mean": min(max((mean + self._origin) * self._scale, self.low), self.high),
                "sd": sd * self._scale,
                "min": self.low,
                "max": self.high,
            },
            quantiles={f"{level:g}": self._quantile(level) for level in QUANTILES},
            vector=flat.vector,
            class_name=flat.class_name,
        )

    def _quantile(self, level: float) -> float:
        """Return the least sampled value with at least this share of the sample at or below it."""
        return float(self.sample[max(int(np.ceil(level * len(self.sample))) - 1, 0)]) + 0.0


@dataclass
class CategoricalTally:
    """Counts per category: the most frequent texts of the survey, and ``other``."""

    texts: list[str]  # by falling frequency
    open_vocabulary: bool
    kind: Kind = Kind.CATEGORICAL
    test_of: Ints = field(init=False)
    slots: Ints = field(init=False)

    def __post_init__(self) -> None:
        self._categories = self.texts[:CATEGORIES]
        self._slot_of: dict[str | None, int] = {text: HEADER + at for at, text in enumerate(self._categories)}
        self._other = HEADER + len(self._categories)
        self.test_of = np.arange(len(self._categories) + 1)
        self.slots = np.zeros(self._other + 1, dtype=np.int64)

    def add(self, cells: Cells) -> Ints:
        """Count some rows and return each one's slot."""
        known = np.array([self._slot_of.get(text, self._other) for text in cells.texts], dtype=np.int64)
        slots = np.where(cells.missing, MISSING, np.where(cells.is_text | cells.is_bool, known, INVALID))
        self.slots += np.bincount(slots, minlength=len(self.slots))
        return slots

    def column(self, flat: Flat) -> ColumnProfile:
        """Return what was counted, the categories by falling frequency, then text."""
        n, missing, invalid, counts = _totals(self.slots)
        rarer = () if self.open_vocabulary else self.texts[CATEGORIES:]
        return ColumnProfile(
            key=flat.key,
            kind=Kind.CATEGORICAL,
            n=n,
            missing=missing,
            invalid=invalid,
            counts=counts,
            categories=tuple(self._categories),
            known=frozenset(text_hash(text) for text in rarer),
            open_vocabulary=self.open_vocabulary,
            vector=flat.vector,
            class_name=flat.class_name,
        )


def tally_of(kind: Kind, survey: Survey) -> Tally:
    """Return an empty tally for a surveyed column."""
    if kind is Kind.NUMERIC:
        return NumericTally(survey.low, survey.high, survey.sample())
    return CategoricalTally(survey.texts(), survey.open_vocabulary)


def _totals(slots: Ints) -> tuple[int, int, int, tuple[int, ...]]:
    """Return n, missing, invalid and the counts."""
    return int(slots.sum()), int(slots[MISSING]), int(slots[INVALID]), tuple(slots[HEADER:].tolist())
