"""From events to columns: what a profile's columns take from each event, gathered row-wise, counted column-wise."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from operator import itemgetter
from typing import Any

from driftd.references.profile import ColumnProfile, Profile
from driftd.summarise.columns import ColumnCounter, category_of, counter_of, number_of
from driftd.summarise.event import Event
from driftd.summarise.unseen import UnseenTexts
from driftd.values.keys import ColumnKey, Kind, Role
from driftd.values.layout import ColumnLayout, Sums

#: Stands for a value of a type that no column takes, as an object in its place would.
_WRONG_TYPE: dict[str, Any] = {}

Row = tuple[Any, ...]
Values = Sequence[Any]


class Rows:
    """What was taken from consecutive events of one monitor and window, not yet counted."""

    __slots__ = ("features", "labels", "predictions")

    def __init__(self) -> None:
        self.features: list[Row] = []
        self.predictions: list[Any] = []
        self.labels: list[Any] = []


class _Column:
    """One column: its counter and its place in the sums."""

    __slots__ = ("counter", "layout", "position", "profile")

    def __init__(self, position: int, profile: ColumnProfile, layout: ColumnLayout) -> None:
        self.position = position
        self.profile = profile
        self.layout = layout
        self.counter: ColumnCounter = counter_of(profile)

    def count(self, values: Values, sums: Sums, unseen: dict[int, UnseenTexts]) -> None:
        texts = unseen.get(self.position)
        if texts is None:
            texts = unseen[self.position] = UnseenTexts()
        self.counter.count(values, sums[self.layout.start : self.layout.stop], texts)


class ColumnPlan:
    """How the columns of one profile are read off a topic's events.

    ``not_features`` are names that the topic's settings say are no features: columns of these names are not
    looked at. Immutable; the sums and unseen texts that it counts into are passed in.
    """

    def __init__(self, profile: Profile, not_features: AbstractSet[str]) -> None:
        self.profile = profile
        self._features: dict[str, list[_Column]] = {}
        self._vectors: dict[str, list[_Column]] = {}
        self._roles: dict[Role, list[_Column]] = {Role.PREDICTION: [], Role.LABEL: [], Role.ERROR: []}
        for position, (column, layout) in enumerate(zip(profile.columns, profile.layout.columns, strict=True)):
            planned = _Column(position, column, layout)
            if column.key.role is not Role.FEATURE:
                self._roles[column.key.role].append(planned)
            elif column.vector is not None:
                if column.vector[0] not in not_features:
                    self._vectors.setdefault(column.vector[0], []).append(planned)
            elif column.key.name not in not_features:
                self._features.setdefault(column.key.name, []).append(planned)
        self._lengths = vector_lengths(profile)
        self._names = (*self._features, *self._vectors)
        self._all_present = _all_of(self._names)
        self._predicted_kind = predicted_kind(profile.columns)

    def take(self, event: Event, rows: Rows) -> None:
        """Append what the columns need of one event."""
        features = event.features
        try:
            row = self._all_present(features)
        except KeyError:
            row = tuple([features.get(name) for name in self._names])
        rows.features.append(row)
        rows.predictions.append(event.prediction)
        rows.labels.append(event.label)

    def count(self, rows: Rows, sums: Sums, unseen: dict[int, UnseenTexts]) -> None:
        """Add the rows to the sums, column by column; ``unseen`` is by position of the column."""
        by_name = dict(zip(self._names, zip(*rows.features, strict=True), strict=True))
        for name, columns in self._features.items():
            for column in columns:
                column.count(by_name[name], sums, unseen)
        for name in self._vectors:
            self._count_vector(name, by_name[name], sums, unseen)
        for column in self._roles[Role.PREDICTION]:
            class_name = column.profile.class_name
            taken = rows.predictions if class_name is None else _members(rows.predictions, class_name)
            column.count(taken, sums, unseen)
        if self._roles[Role.LABEL] or self._roles[Role.ERROR]:
            self._count_labelled(rows, sums, unseen)

    def _count_vector(self, name: str, arrays: Values, sums: Sums, unseen: dict[int, UnseenTexts]) -> None:
        length = self._lengths[name]
        missing = (None,) * length
        wrong = (_WRONG_TYPE,) * length
        whole = [
            value if type(value) is list and len(value) == length else missing if value is None else wrong
            for value in arrays
        ]
        elements = list(zip(*whole, strict=True))
        for column in self._vectors[name]:
            column.count(elements[_index_of(column)], sums, unseen)

    def _count_labelled(self, rows: Rows, sums: Sums, unseen: dict[int, UnseenTexts]) -> None:
        labelled = [(p, label) for p, label in zip(rows.predictions, rows.labels, strict=True) if label is not None]
        if not labelled:
            return
        labels = [label for _, label in labelled]
        for column in self._roles[Role.LABEL]:
            column.count(labels, sums, unseen)
        if self._roles[Role.ERROR]:
            errors = _errors(labelled, self._predicted_kind)
            for column in self._roles[Role.ERROR]:
                column.count(errors, sums, unseen)


def _index_of(column: _Column) -> int:
    return column.profile.vector[1] if column.profile.vector is not None else 0


def vector_lengths(profile: Profile) -> dict[str, int]:
    """Return the lengths of the training rows' arrays by feature: elements that are not watched count as well."""
    lengths: dict[str, int] = {}
    for column in profile.columns:
        if column.key.role is Role.FEATURE and column.vector is not None:
            name, index = column.vector
            lengths[name] = max(lengths.get(name, 0), index + 1)
    return {name: _with_left_out(name, length, profile) for name, length in lengths.items()}


def _with_left_out(name: str, length: int, profile: Profile) -> int:
    while str(ColumnKey(Role.FEATURE, f"{name}[{length}]")) in profile.left_out:
        length += 1
    return length


def predicted_kind(columns: Iterable[ColumnProfile]) -> Kind | None:
    """Return the kind of the prediction as a whole, None where it is not watched as such."""
    whole = (c.kind for c in columns if c.key.role is Role.PREDICTION and c.class_name is None)
    return next(whole, None)


def _all_of(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Row]:
    """Return what takes the values of all names, or raises KeyError: the common case, in compiled code."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda features: tuple([features[name] for name in names])


def _members(predictions: Iterable[Any], class_name: str) -> list[Any]:
    return [
        value.get(class_name) if type(value) is dict else None if value is None else _WRONG_TYPE
        for value in predictions
    ]


def _errors(labelled: Iterable[tuple[Any, Any]], kind: Kind | None) -> list[float]:
    """Return the errors of those predictions that can be held against their label."""
    errors = []
    if kind is Kind.NUMERIC:
        for prediction, label in labelled:
            predicted, actual = number_of(prediction), number_of(label)
            if predicted is not None and actual is not None:
                errors.append(abs(predicted - actual))  # infinite at worst: invalid
    elif kind is Kind.CATEGORICAL:
        for prediction, label in labelled:
            predicted_class, actual_class = category_of(prediction), category_of(label)
            if predicted_class is not None and actual_class is not None:
                errors.append(float(predicted_class != actual_class))
    return errors
