"""Training rows, and how chunks of them become columns of cells."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from driftd.references.profile import Floats

#: A JSON value: null is missing; a list is a vector feature; a mapping as prediction holds class probabilities.
Value = Any
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Row:
    """One training event. A label of None is not known, and not counted as missing."""

    features: Mapping[str, Value]
    prediction: Value = None
    label: Value = None
    time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Cells:
    """One column's values over some rows, told apart by type (docs/events.md, "Values of columns").

    Each row is exactly one of: missing, a finite number, a text, a boolean, or none of these (invalid for
    every kind). ``numbers`` holds a double where ``is_number`` or ``is_bool`` (as 1 or 0), else NaN;
    ``texts`` holds a text where ``is_text`` or ``is_bool`` (``true``, ``false``).
    """

    missing: NDArray[np.bool_]
    is_number: NDArray[np.bool_]
    is_bool: NDArray[np.bool_]
    is_text: NDArray[np.bool_]
    numbers: Floats
    texts: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.missing)


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut an iterable into lists of ``size`` items, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def cells(values: Sequence[Value]) -> Cells:
    """Tell the values of a column apart. Columns of one type take a path without Python code per value."""
    types = set(map(type, values))
    if types <= {int, float, type(None)}:
        return _plain_numbers(values, nulls=type(None) in types)
    if types <= {str, type(None)}:
        return _plain_texts(values)
    return _mixed(values)


def double(value: float) -> float:
    """Return an integer's or a float's double; integers beyond the doubles are infinite."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _plain_numbers(values: Sequence[Value], *, nulls: bool) -> Cells:
    try:
        numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    except OverflowError:
        return _mixed(values)
    none = np.zeros(len(values), dtype=np.bool_)
    missing = np.fromiter((value is None for value in values), np.bool_, len(values)) if nulls else none
    finite = np.isfinite(numbers)
    return Cells(missing, finite, none, none, np.where(finite, numbers, np.nan), [None] * len(values))


def _plain_texts(values: Sequence[Value]) -> Cells:
    none = np.zeros(len(values), dtype=np.bool_)
    missing = np.fromiter((value is None for value in values), np.bool_, len(values))
    return Cells(missing, none, none, ~missing, np.full(len(values), np.nan), values)


def _mixed(values: Sequence[Value]) -> Cells:
    size = len(values)
    missing, is_number, is_bool, is_text = np.zeros((4, size), dtype=np.bool_)
    numbers = np.full(size, np.nan)
    texts: list[str | None] = [None] * size
    for at, value in enumerate(values):
        kind = type(value)
        if value is None:
            missing[at] = True
        elif kind is bool:
            is_bool[at], numbers[at], texts[at] = True, float(value), "true" if value else "false"
        elif kind is str:
            is_text[at], texts[at] = True, value
        elif kind is int or kind is float:
            number = double(value)
            if np.isfinite(number):
                is_number[at], numbers[at] = True, number
    return Cells(missing, is_number, is_bool, is_text, numbers, texts)
