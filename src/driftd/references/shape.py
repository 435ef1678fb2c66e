"""From rows to flat columns: which names there are, which of them are vectors, and what is left out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from driftd.references.profile import Ints
from driftd.references.rows import Row, Value, double
from driftd.values.keys import ColumnKey, Kind, Role

PREDICTION = ColumnKey(Role.PREDICTION, "prediction")
LABEL = ColumnKey(Role.LABEL, "label")
ERROR = ColumnKey(Role.ERROR, "error")


class Flat(NamedTuple):
    """A column's key, what it is cut out of, and its values.

    ``vector`` is (feature, index) of an element, ``class_name`` that of a probability; ``due`` holds the
    places of the rows in which the column is looked at, None: all.
    """

    key: ColumnKey
    values: list[Value]
    vector: tuple[str, int] | None = None
    class_name: str | None = None
    due: Ints | None = None


@dataclass
class RowShape:
    """What the rows seen so far look like. Grows while ``learn`` sees rows; ``columns`` then cuts them up.

    A feature that is a vector in one row and not in another, or of different lengths, is left out, and so
    is a prediction that is an object of class probabilities in some rows only.
    """

    single: set[str] = field(default_factory=set)
    vectors: dict[str, int] = field(default_factory=dict)  # length
    classes: set[str] = field(default_factory=set)
    single_prediction: bool = False
    labelled: bool = False
    left_out: dict[ColumnKey, str] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def learn(self, rows: Sequence[Row]) -> None:
        """Take in what these rows add."""
        self._names.update(*(row.features for row in rows))
        for name in self._names:
            if ColumnKey(Role.FEATURE, name) not in self.left_out:
                self._learn_feature(name, [row.features.get(name) for row in rows])
        for name, size in list(self.vectors.items()):
            if any(element(name, at) in self.single for at in range(size)):
                self._leave_out(name, "a vector whose elements are named like other features")
        self._learn_predictions([row.prediction for row in rows])
        self.labelled = self.labelled or any(row.label is not None for row in rows)

    def _learn_feature(self, name: str, values: list[Value]) -> None:
        types = set(map(type, values)) - {type(None)}
        if types - {list}:
            self.single.add(name)
        if list in types:
            lengths = {len(value) for value in values if type(value) is list}
            lengths.add(self.vectors.get(name, min(lengths)))
            if len(lengths) > 1:
                self._leave_out(name, f"vectors of different lengths: {min(lengths)} and {max(lengths)}")
                return
            self.vectors[name] = lengths.pop()
        if name in self.single and name in self.vectors:
            self._leave_out(name, "a vector in some rows and a single value in others")
        elif self.vectors.get(name) == 0:
            self._leave_out(name, "empty vectors")

    def _learn_predictions(self, predictions: list[Value]) -> None:
        for prediction in predictions:
            if isinstance(prediction, Mapping):
                self.classes.update(prediction)
            elif prediction is not None:
                self.single_prediction = True
        if self.single_prediction and self.classes:
            self.left_out[PREDICTION] = "class probabilities in some rows and a single value in others"

    def _leave_out(self, name: str, reason: str) -> None:
        self.left_out[ColumnKey(Role.FEATURE, name)] = reason
        self.single.discard(name)
        self.vectors.pop(name, None)

    @property
    def size(self) -> int:
        """Number of flat columns that the names seen so far can make, errors included."""
        features = len(self._names) - len(self.vectors) + sum(self.vectors.values())
        predictions = len(self.classes) + self.single_prediction
        return features + predictions + self.labelled + (self.labelled and self.single_prediction)

    @property
    def always_null(self) -> list[ColumnKey]:
        """The features that no row has a value for."""
        keys = [ColumnKey(Role.FEATURE, name) for name in self._names - self.single - self.vectors.keys()]
        return [key for key in keys if key not in self.left_out]

    def keys(self) -> list[ColumnKey]:
        """Return the key of each flat column, errors aside."""
        names = [*self.single, *(element(name, at) for name, size in self.vectors.items() for at in range(size))]
        predictions = [] if PREDICTION in self.left_out else [class_key(name) for name in self.classes] or [PREDICTION]
        return [*(ColumnKey(Role.FEATURE, name) for name in names), *predictions, LABEL]

    def columns(self, rows: Sequence[Row]) -> Iterator[Flat]:
        """Yield each flat column of some rows, errors aside."""
        for name in sorted(self.single):
            yield Flat(ColumnKey(Role.FEATURE, name), [row.features.get(name) for row in rows])
        for name, length in sorted(self.vectors.items()):
            absent = [None] * length
            elements = zip(*(row.features.get(name) or absent for row in rows), strict=True)
            for index, values in enumerate(elements):
                yield Flat(ColumnKey(Role.FEATURE, element(name, index)), list(values), vector=(name, index))
        yield from self._predictions(rows)
        labelled = [at for at, row in enumerate(rows) if row.label is not None]
        yield Flat(LABEL, [rows[at].label for at in labelled], due=np.array(labelled, dtype=np.int64))

    def _predictions(self, rows: Sequence[Row]) -> Iterator[Flat]:
        if PREDICTION in self.left_out:
            return
        if not self.classes:
            yield Flat(PREDICTION, [row.prediction for row in rows])
            return
        for name in sorted(self.classes):
            yield Flat(class_key(name), [(row.prediction or {}).get(name) for row in rows], class_name=name)


def element(name: str, index: int) -> str:
    """Return the name of a vector's element."""
    return f"{name}[{index}]"


def class_key(name: str) -> ColumnKey:
    """Return the key of the probability of a class."""
    return ColumnKey(Role.PREDICTION, f"{PREDICTION.name}[{name}]")


def errors(rows: Sequence[Row], prediction: Kind) -> Flat:
    """Return the error column of some rows, for a prediction of this kind (docs/events.md, P7 to P9)."""
    measure = _distance if prediction is Kind.NUMERIC else _mismatch
    found = [(at, error) for at, row in enumerate(rows) if (error := measure(row)) is not None]
    return Flat(ERROR, [error for _, error in found], due=np.array([at for at, _ in found], dtype=np.int64))


def _distance(row: Row) -> float | None:
    prediction, label = _finite(row.prediction), _finite(row.label)
    return None if prediction is None or label is None else abs(prediction - label)


def _finite(value: Value) -> float | None:
    number = double(value) if isinstance(value, int | float) else math.nan
    return number if math.isfinite(number) else None


def _mismatch(row: Row) -> float | None:
    prediction, label = _category(row.prediction), _category(row.label)
    return None if prediction is None or label is None else float(prediction != label)


def _category(value: Value) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None
