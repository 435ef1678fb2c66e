"""The events of a file with changes put into them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from driftd.files.source import Events
from driftd.files.timestamps import event_time
from driftd.references.book import ReferenceBook
from driftd.references.profile import ColumnProfile, Profile
from driftd.runtime.backtest.changes import Change
from driftd.runtime.backtest.injection import Injection
from driftd.summarise.event import Event, EventReader
from driftd.summarise.settings import TopicSettings
from driftd.values.keys import ColumnKey, Kind, Reason, Role
from driftd.values.settings import LimitSettings

_SHOWN = 10  # columns named in a message

#: Where in an event a column's value stands: the keys that lead to it, outermost first.
_Place = tuple[str | int, ...]


class _Step(NamedTuple):
    """What one injection does to one column."""

    number: int  # of the injection
    row: int
    place: _Place
    change: Change


class InjectedEvents:
    """A file's events, changed from the row of each injection on, in the order in which they were given.

    A row's number is its offset in the replay. What comes before the first injection passes byte for byte; so
    does, in any row, what the daemon would reject or what no profile is for. An injection changes the events of
    every model whose profile has one of its columns. ``profiles`` are those that the injections are checked
    against, ``first`` is the row with which reading starts. Raises ConfigurationError for an injection that
    cannot be: an unknown column, one of the wrong kind, a row outside the data.
    """

    def __init__(
        self,
        data: Events,
        injections: Sequence[Injection],
        book: ReferenceBook,
        profiles: Iterable[Profile],
        *,
        first: int,
        limits: LimitSettings,
    ) -> None:
        self.injections = tuple(injections)
        self.columns: tuple[list[ColumnKey], ...] = tuple([] for _ in injections)  # of each, what it changes
        self.starts_ms: list[int | None] = [None for _ in injections]  # event time of the first event it may change
        self.changed = [0 for _ in injections]  # values
        self._data = data
        self._book = book
        self._reader = EventReader(TopicSettings(), limits)
        self._steps: dict[str, tuple[_Step, ...]] = {}  # by reference_id
        for injection in self.injections:
            if injection.row < first:
                raise injection.refused(f"must be from row {first} on: the rows before are the reference")
        self._plan(tuple(profiles))

    @property
    def name(self) -> str:
        """The file's name."""
        return self._data.name

    @property
    def first_row(self) -> int:
        """The row from which on data may be changed."""
        return min(injection.row for injection in self.injections)

    def events(self, start: int = 0) -> Iterator[bytes]:
        """Yield the events from number ``start`` on. Raises ConfigurationError if an injection is beyond the last."""
        self.starts_ms = [None for _ in self.injections]
        self.changed = [0 for _ in self.injections]
        first_row = self.first_row
        at = start - 1
        for at, value in enumerate(self._data.events(start), start):
            yield value if at < first_row else self._injected(value, at)
        for injection in self.injections:
            if injection.row > at:
                raise injection.refused(f"must be from a row before {at + 1} on: {self.name} has {at + 1} rows")

    def _injected(self, value: bytes, row: int) -> bytes:
        event = self._reader.read(value)
        if isinstance(event, Reason):
            return value
        profile = self._book.find(event.model, event.version, 0)
        steps = [step for step in self._steps.get(profile.reference_id, ()) if step.row <= row] if profile else []
        if not steps:
            return value
        document = _document(event)
        for step in steps:
            if self.starts_ms[step.number] is None:
                self.starts_ms[step.number] = event.time_ms
            self.changed[step.number] += _apply(step, document, row)
        try:
            return json.dumps(document).encode()  # unlike orjson it writes what is not finite as it is
        except RecursionError:  # nested as no feature is: what would be sent on is what came
            return value

    def _plan(self, profiles: tuple[Profile, ...]) -> None:
        for number, injection in enumerate(self.injections):
            self._check_names(injection, profiles)
            for profile in profiles:
                for column, change in _changes(injection, profile):
                    step = _Step(number, injection.row, _place(column), change)
                    self._steps[profile.reference_id] = (*self._steps.get(profile.reference_id, ()), step)
                    if column.key not in self.columns[number]:
                        self.columns[number].append(column.key)
            if not self.columns[number]:
                raise injection.refused("there is no numeric feature that can be changed so: name columns")

    def _check_names(self, injection: Injection, profiles: tuple[Profile, ...]) -> None:
        known = list(dict.fromkeys(column.key.name for profile in profiles for column in _open_to_change(profile)))
        for name in injection.columns or ():
            if name not in known:
                close = get_close_matches(name, known, n=1)
                others = ", ".join(map(repr, known[:_SHOWN])) + (", …" if len(known) > _SHOWN else "")
                hint = f"did you mean {close[0]!r}?" if close else f"there are {others}"
                raise injection.refused(f"there is no column {name!r}: {hint}")


def _changes(injection: Injection, profile: Profile) -> Iterator[tuple[ColumnProfile, Change]]:
    """Yield what becomes of a profile's columns; of every numeric feature those for which there is a change."""
    columns = {column.key.name: column for column in reversed(_open_to_change(profile))}  # features win
    if injection.columns is not None:
        for column in (columns[name] for name in injection.columns if name in columns):
            try:
                yield column, injection.kind.on(column, injection.row)
            except ValueError as error:
                raise injection.refused(str(error)) from None
        return
    for column in profile.columns:
        if column.key.role is Role.FEATURE and column.kind is Kind.NUMERIC:
            try:
                yield column, injection.kind.on(column, injection.row)
            except ValueError:
                continue


def _open_to_change(profile: Profile) -> list[ColumnProfile]:
    """Return the columns that are read off an event, features first: an error is worked out from two others."""
    columns = (column for column in profile.columns if column.key.role is not Role.ERROR)
    return sorted(columns, key=lambda column: column.key.role is not Role.FEATURE)


def _place(column: ColumnProfile) -> _Place:
    if column.vector is not None:
        return ("features", *column.vector)
    if column.key.role is Role.FEATURE:
        return ("features", column.key.name)
    return (str(column.key.role), column.class_name) if column.class_name is not None else (str(column.key.role),)


def _document(event: Event) -> dict[str, Any]:
    """Write an event with all that the stages read of it, its containers copied down to every place."""
    features = {name: list(value) if type(value) is list else value for name, value in event.features.items()}
    prediction = dict(event.prediction) if type(event.prediction) is dict else event.prediction
    document = {"model": event.model, "version": event.version, "features": features}
    document |= {"prediction": prediction, "label": event.label}
    return document if event.time_ms is None else document | {"timestamp": event_time(event.time_ms)}


def _apply(step: _Step, document: Any, row: int) -> bool:
    """Change the value at a place, if there is one; tell whether it has become another."""
    *way, last = step.place
    container = document
    try:
        for key in way:
            container = container[key]
        if type(container) is str:  # it has places too
            return False
        before = container[last]
    except (KeyError, IndexError, TypeError):  # absent, or of another shape: missing or invalid as it is
        return False
    after = step.change(before, row)
    if after is before or after == before:
        return False
    container[last] = after
    return True
