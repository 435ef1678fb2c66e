"""One record to one event, or to the reason why not: steps 1 to 6 of docs/events.md, and its event time."""

from collections.abc import Callable, Mapping
from operator import methodcaller
from typing import Any, NamedTuple

from driftd.summarise.decode import decode_json
from driftd.summarise.settings import Constant, TopicSettings, steps_of
from driftd.summarise.timestamps import timestamp_ms
from driftd.values.keys import NO_VERSION, Reason
from driftd.values.settings import LimitSettings

_GZIP = b"\x1f\x8b"
_FRAMED = (0, 1)  # first byte of a schema registry's framing

_NOTHING: Mapping[str, Any] = {}


class Event(NamedTuple):
    """What one record says. Values are decoded JSON: ``features`` may hold names that are no features."""

    model: str
    version: str
    time_ms: int | None  # None: the event has no time of its own
    features: Mapping[str, Any]
    prediction: Any
    label: Any


class EventReader:
    """Reads the records of one topic. Keeps nothing between records."""

    def __init__(self, topic: TopicSettings, limits: LimitSettings) -> None:
        self._event_bytes = limits.event_bytes
        self._name_length = limits.name_length
        self._model = _getter(topic.model)
        self._version = _getter(topic.version)
        self._timestamp = _getter(topic.timestamp)
        self._features = _getter(topic.features)
        self._prediction = _getter(topic.prediction)
        self._label = _getter(topic.label)

    def read(self, value: bytes | None) -> Event | Reason:
        """Return the event, or the reason for rejecting it; an unreadable time is ``no_timestamp``."""
        if value is None:
            return Reason.TOMBSTONE
        if len(value) > self._event_bytes:
            return Reason.TOO_LARGE
        if value and (value[0] in _FRAMED or value.startswith(_GZIP)):
            return Reason.UNSUPPORTED
        try:
            document = decode_json(value)
        except ValueError:
            return Reason.MALFORMED
        return self._understand(document) if type(document) is dict else Reason.MALFORMED

    def _understand(self, document: dict[str, Any]) -> Event | Reason:
        version = _version_name(self._version(document))
        features = self._features(document)
        if features is None:
            features = _NOTHING
        if version is None or type(features) is not dict:
            return Reason.MALFORMED
        model = _model_name(self._model(document))
        if model is None:
            return Reason.MISSING_MODEL
        if len(model) > self._name_length or len(version) > self._name_length:
            return Reason.LIMIT
        written = self._timestamp(document)
        time_ms = None
        if written is not None:
            time_ms = timestamp_ms(written)
            if time_ms is None:
                return Reason.NO_TIMESTAMP
        return Event(model, version, time_ms, features, self._prediction(document), self._label(document))


def _model_name(value: Any) -> str | None:
    if type(value) is str:
        return value or None
    return str(value) if type(value) is int else None


def _version_name(value: Any) -> str | None:
    """Return the version's name, or None if the value cannot be one."""
    if type(value) is str:
        return value or NO_VERSION
    if value is None:
        return NO_VERSION
    return str(value) if type(value) is int else None


def _getter(place: str | Constant) -> Callable[[dict[str, Any]], Any]:
    """Return what finds a field in a document: None where it is absent."""
    if isinstance(place, Constant):
        constant = place.const
        return lambda _: constant
    steps = steps_of(place)
    if not steps:
        return lambda document: document
    if len(steps) == 1:
        return methodcaller("get", steps[0])
    *way, last = steps

    def walk(document: dict[str, Any]) -> Any:
        inner: Any = document
        for step in way:
            inner = inner.get(step)
            if type(inner) is not dict:
                return None
        return inner.get(last)

    return walk
