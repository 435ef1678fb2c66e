"""Canonical events as training rows, read by the daemon's own reader."""

from driftd.files.events_file import EventRow
from driftd.references.rows import Row
from driftd.summarise.event import EventReader
from driftd.summarise.settings import TopicSettings
from driftd.values.keys import Reason
from driftd.values.settings import LimitSettings


class EventRows:
    """Decodes events for building a profile, with the paths and exclusions of a topic's settings."""

    def __init__(self, topic: TopicSettings | None = None, limits: LimitSettings | None = None) -> None:
        topic = topic or TopicSettings()
        self._reader = EventReader(topic, limits or LimitSettings())
        self._not_features = topic.not_features

    def read(self, value: bytes | None) -> EventRow:
        """Return the event's model, version and row; ValueError with the reason for which it would be rejected."""
        event = self._reader.read(value)
        if isinstance(event, Reason):
            raise ValueError(event.value)  # noqa: TRY004 -- the event is wrong, not the call
        features = event.features
        if self._not_features:
            features = {name: value for name, value in features.items() if name not in self._not_features}
        return EventRow(event.model, event.version, Row(features, event.prediction, event.label, event.time_ms))
