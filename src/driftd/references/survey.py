"""The first pass over the training rows: each column's kind, range, categories, and a sample for its bins."""

import math
from collections import Counter
from typing import NamedTuple

import numpy as np

from driftd.references.profile import Floats
from driftd.references.rows import Cells
from driftd.references.sample import Sample
from driftd.values.keys import ColumnKey, Kind

DISTINCT_KEPT = 20_000  # texts of one column; the bound on what a column of free text can take
NEAR_UNIQUE_ABOVE = 100  # fewer distinct texts are never taken for identifiers
NEAR_UNIQUE_RATIO = 0.5


class Verdict(NamedTuple):
    """What a column is: its kind, or why it is not watched."""

    kind: Kind | None
    reason: str


class Survey:
    """What the first pass remembers of one column, in memory bounded by the sample and DISTINCT_KEPT texts."""

    def __init__(self, key: ColumnKey, sample_size: int) -> None:
        self.low, self.high = math.inf, -math.inf
        self.open_vocabulary = False
        self.present = 0  # rows with any value, usable or not
        self._sample = Sample(str(key), sample_size)
        self._texts: Counter[str] = Counter()
        self._numbers = self._bools = self._strings = 0
        self._distinct_ratio = 0.0

    def add(self, cells: Cells) -> None:
        """Take in some rows."""
        self.present += int((~cells.missing).sum())
        numeric = cells.is_number | cells.is_bool
        if numeric.any():
            numbers = cells.numbers[numeric]
            self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))
            self._sample.add(numbers)
        self._numbers += int(cells.is_number.sum())
        self._bools += int(cells.is_bool.sum())
        self._strings += int(cells.is_text.sum())
        if cells.is_bool.any() or cells.is_text.any():
            self._count(Counter(text for text in cells.texts if text is not None))

    def shrink(self, sample_size: int) -> None:
        """Make do with a smaller sample."""
        self._sample.shrink(sample_size)

    def _count(self, texts: Counter[str]) -> None:
        if self.open_vocabulary:
            self._texts.update({text: count for text, count in texts.items() if text in self._texts})
            return
        self._texts.update(texts)
        self._distinct_ratio = len(self._texts) / (self._strings + self._bools)
        # Past the bound no text is added; those that came to be frequent by then are still counted.
        self.open_vocabulary = len(self._texts) > DISTINCT_KEPT

    def verdict(self) -> Verdict:
        """Judge the column: numbers and texts mixed go by the majority, booleans by whatever is beside them."""
        if self._numbers and self._numbers >= self._strings:
            return Verdict(Kind.NUMERIC, "")
        if not self._strings + self._bools:
            return Verdict(None, "no usable values")
        if len(self._texts) > NEAR_UNIQUE_ABOVE and self._distinct_ratio > NEAR_UNIQUE_RATIO:
            more = "more than " if self.open_vocabulary else ""
            return Verdict(None, f"near-unique text: {more}{len(self._texts):,} different values")
        return Verdict(Kind.CATEGORICAL, "")

    def sample(self) -> Floats:
        """Return the sampled numbers: all of them while they fit, else with the least and the greatest."""
        values = self._sample.values()
        if len(values) == self._numbers + self._bools:
            return values
        return np.concatenate((values, [self.low, self.high]))

    def texts(self) -> list[str]:
        """Return the known texts by falling frequency, then text."""
        return [text for text, _ in sorted(self._texts.items(), key=lambda item: (-item[1], item[0]))]
