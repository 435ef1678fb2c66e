"""Values of one column to its run of the sums: ``[n, missing, invalid, unseen, bins…]`` (values.layout).

Each kind has two ways that agree to the last count: ``count_value``, the law of docs/events.md written out
for one value, and ``count``, which takes many values at once and keeps to numpy and dictionaries wherever all of
them are of the usual types.
"""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from math import isfinite
from typing import Any, Protocol

import numpy as np

from driftd.references.profile import ColumnProfile
from driftd.summarise.unseen import UnseenTexts
from driftd.values.hashing import text_hash
from driftd.values.keys import Kind
from driftd.values.layout import HEADER, INVALID, MISSING, UNSEEN, N, Sums
from driftd.values.privacy import Shown, hash_in, token_of

_FEW = 16  # so few values are counted one by one: numpy's calls would cost more
_NUMBERS = {float, int, bool}
_NUMBERS_OR_MISSING = {float, int, bool, type(None)}
_TEXTS_OR_MISSING = {str, type(None)}


class ColumnCounter(Protocol):
    """Counts the values of one column. It holds no sums: they are passed in as the column's run."""

    def count(self, values: Sequence[Any], run: Sums, unseen: UnseenTexts) -> None:
        """Add many values, None for missing ones."""
        ...

    def count_value(self, value: Any, run: Sums, unseen: UnseenTexts, times: int = 1) -> None:
        """Add one value, as often as it came."""
        ...


def counter_of(column: ColumnProfile) -> ColumnCounter:
    """Return the counter for a column's kind."""
    if column.kind is Kind.NUMERIC:
        return NumericCounter(column)
    return CategoricalCounter(column) if column.shown is Shown.SHOW else MaskedCounter(column)


def number_of(value: Any) -> float | None:
    """Return the finite double that a value counts as in a numeric column, or None: not valid."""
    if type(value) in _NUMBERS:
        number = float(value)
        return number if isfinite(number) else None
    return None


def category_of(value: Any) -> str | None:
    """Return the category that a value counts as in a categorical column, or None: not valid."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    return None


class NumericCounter:
    """A value lies in the bin whose number is the number of edges at or below it."""

    def __init__(self, column: ColumnProfile) -> None:
        self._edges = np.asarray(column.edges, dtype=np.float64)
        self._edge_list = list(column.edges)
        self._bins = column.fine_bins

    def count(self, values: Sequence[Any], run: Sums, unseen: UnseenTexts) -> None:
        """Add many values; O(log bins) each."""
        if len(values) < _FEW:
            for value in values:
                self.count_value(value, run, unseen)
            return
        missing = 0
        try:
            numbers = np.frombuffer(array("d", values))  # takes numbers and booleans, refuses texts and None
        except TypeError:
            kinds = set(map(type, values))
            if not kinds <= _NUMBERS_OR_MISSING:
                for value in values:
                    self.count_value(value, run, unseen)
                return
            missing = values.count(None)
            numbers = np.array(values, dtype=np.float64)  # None becomes NaN
        finite = np.isfinite(numbers)
        if not finite.all():
            numbers = numbers[finite]
        run[N] += len(values)
        run[MISSING] += missing
        run[INVALID] += len(values) - missing - len(numbers)
        run[HEADER:] += np.bincount(self._edges.searchsorted(numbers, side="right"), minlength=self._bins)

    def count_value(self, value: Any, run: Sums, unseen: UnseenTexts, times: int = 1) -> None:  # noqa: ARG002
        """Add one value: numbers are never unseen."""
        run[N] += times
        if value is None:
            run[MISSING] += times
            return
        number = number_of(value)
        if number is None:
            run[INVALID] += times
        else:
            run[HEADER + bisect_right(self._edge_list, number)] += times


class CategoricalCounter:
    """A text lies in its category's bin, or in the last one, ``other``; there it may be unseen as well."""

    def __init__(self, column: ColumnProfile) -> None:
        self._bins = {category: position for position, category in enumerate(column.categories)}
        self._other = column.fine_bins - 1
        self._known = column.known
        self._open_vocabulary = column.open_vocabulary

    def count(self, values: Sequence[Any], run: Sums, unseen: UnseenTexts) -> None:
        """Add many values; O(1) each, and a hash for each different text without a bin."""
        # A Counter takes 1, 1.0 and True for one key: only texts and None may go through it.
        if set(map(type, values)) <= _TEXTS_OR_MISSING:
            for value, times in Counter(values).items():
                self.count_value(value, run, unseen, times)
        else:
            for value in values:
                self.count_value(value, run, unseen)

    def count_value(self, value: Any, run: Sums, unseen: UnseenTexts, times: int = 1) -> None:
        """Add one value, as often as it came."""
        run[N] += times
        if value is None:
            run[MISSING] += times
            return
        category = category_of(value)
        if category is None:
            run[INVALID] += times
            return
        self._count_category(category, run, unseen, times)

    def _count_category(self, category: str, run: Sums, unseen: UnseenTexts, times: int) -> None:
        position = self._bins.get(category)
        if position is not None:
            run[HEADER + position] += times
            return
        run[HEADER + self._other] += times
        if not self._open_vocabulary and unseen.add(category, times, self._known):
            run[UNSEEN] += times


class MaskedCounter(CategoricalCounter):
    """Counts the same, and keeps of an unseen text its token, or nothing where values are hidden."""

    def __init__(self, column: ColumnProfile) -> None:
        super().__init__(column)
        self._bin_of_hash = {hash_in(token): position for position, token in enumerate(column.categories)}
        self._keeps_tokens = column.shown is Shown.HASH

    def _count_category(self, category: str, run: Sums, unseen: UnseenTexts, times: int) -> None:
        hashed = text_hash(category)
        position = self._bin_of_hash.get(hashed, self._other)
        run[HEADER + position] += times
        if position == self._other and not self._open_vocabulary and hashed not in self._known:
            run[UNSEEN] += times
            if self._keeps_tokens:
                unseen.add_hashed(hashed, token_of(hashed), times)
