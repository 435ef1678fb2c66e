"""What an injection does to the values of a column.

Each kind of change is made for one column of a reference: ``on`` returns the change, or raises ValueError with
what is wrong with this column. A change takes a value as an event holds it, and the row's number. It leaves
alone what is missing, and what is invalid for its column: there is nothing to move. The same value in the same
row of the same column always becomes the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from driftd.references.profile import ColumnProfile
from driftd.summarise.columns import category_of, number_of
from driftd.values.hashing import text_hash
from driftd.values.keys import Kind
from driftd.values.privacy import Shown, hash_in

Change = Callable[[Any, int], Any]

_NAMED = 5  # categories named in a message


class ChangeKind(Protocol):
    """What ``--inject`` asks for, before it is known on which column."""

    def on(self, column: ColumnProfile, first_row: int) -> Change:
        """Return what happens to the column's values from ``first_row`` on."""
        ...


@dataclass(frozen=True, slots=True)
class Shift:
    """Adds ``by``, in the column's own unit or in standard deviations of its reference.

    It grows linearly over the first ``over`` rows: the last of them is shifted by all of it.
    """

    by: float
    in_sd: bool = False
    over: int = 1

    def on(self, column: ColumnProfile, first_row: int) -> Change:
        """Return the shift; ValueError for a column without a standard deviation where one is needed."""
        _check_numeric(column)
        by = self.by * _sd(column) if self.in_sd else self.by
        over = self.over
        return _of_numbers(lambda number, row: number + by * min((row - first_row + 1) / over, 1.0))


@dataclass(frozen=True, slots=True)
class Scale:
    """Multiplies the distance from the reference's mean."""

    factor: float

    def on(self, column: ColumnProfile, first_row: int) -> Change:  # noqa: ARG002 -- the same in every row
        """Return the scaling; ValueError for a column whose reference shows no mean."""
        _check_numeric(column)
        mean = _moment(column, "mean")
        return _of_numbers(lambda number, _: mean + (number - mean) * self.factor)


@dataclass(frozen=True, slots=True)
class Unit:
    """Multiplies the value: dollars become cents."""

    factor: float

    def on(self, column: ColumnProfile, first_row: int) -> Change:  # noqa: ARG002 -- the same in every row
        """Return the multiplication."""
        _check_numeric(column)
        return _of_numbers(lambda number, _: number * self.factor)


@dataclass(frozen=True, slots=True)
class Swap:
    """Writes each of two categories for the other; None: the two most frequent ones of the reference."""

    categories: tuple[str, str] | None = None

    def on(self, column: ColumnProfile, first_row: int) -> Change:  # noqa: ARG002 -- the same in every row
        """Return the swap; ValueError for a category that the reference has not seen."""
        if column.kind is not Kind.CATEGORICAL:
            raise ValueError(f"column {column.key.name!r} is numeric: swap needs a categorical one")
        one, other = self.categories or _two_most_frequent(column)
        for category in (one, other):
            _check_known(column, category)
        swapped = {one: other, other: one}

        def change(value: Any, _: int) -> Any:
            category = category_of(value)
            return value if category is None else swapped.get(category, value)

        return change


@dataclass(frozen=True, slots=True)
class Missing:
    """Takes away a share of the values: those whose row and column hash to it, and so the same ones every time."""

    share: float

    def on(self, column: ColumnProfile, first_row: int) -> Change:  # noqa: ARG002 -- the same in every row
        """Return what takes values away, of any column."""
        below = self.share * 2.0**64
        key = str(column.key)
        return lambda value, row: None if text_hash(f"{row} {key}") < below else value


def _of_numbers(change: Callable[[float, int], float]) -> Change:
    def apply(value: Any, row: int) -> Any:
        number = number_of(value)
        return value if number is None else change(number, row)

    return apply


def _check_numeric(column: ColumnProfile) -> None:
    if column.kind is not Kind.NUMERIC:
        raise ValueError(f"column {column.key.name!r} is categorical: it can be swapped or go missing")


def _moment(column: ColumnProfile, name: str) -> float:
    if name not in column.moments:
        reason = f"the reference tells no {name} of column {column.key.name!r}, whose values are not shown"
        raise ValueError(f"{reason}: use shift X, ramp X, unit or missing")
    return column.moments[name]


def _sd(column: ColumnProfile) -> float:
    sd = _moment(column, "sd")
    if sd == 0:
        raise ValueError(f"column {column.key.name!r} is constant in the reference: give the shift in its own unit")
    return sd


def _two_most_frequent(column: ColumnProfile) -> tuple[str, str]:
    if column.shown is not Shown.SHOW:
        reason = f"the reference tells no categories of column {column.key.name!r}, whose values are not shown"
        raise ValueError(f"{reason}: use swap A B")
    if len(column.categories) < 2:
        raise ValueError(f"column {column.key.name!r} has no two categories in the reference that could be swapped")
    return column.categories[0], column.categories[1]


def _check_known(column: ColumnProfile, category: str) -> None:
    hashed = text_hash(category)
    if column.open_vocabulary or hashed in column.known:
        return
    if column.shown is not Shown.SHOW:
        if hashed not in map(hash_in, column.categories):
            raise ValueError(f"column {column.key.name!r} has no category {category!r} in the reference")
    elif category not in column.categories:
        named = ", ".join(map(repr, column.categories[:_NAMED]))
        more = ", …" if len(column.categories) > _NAMED else ""
        raise ValueError(f"column {column.key.name!r} has no category {category!r} in the reference: {named}{more}")
