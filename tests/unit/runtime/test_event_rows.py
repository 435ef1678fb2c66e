"""Events as training rows."""

import pytest

from driftd.references.rows import Row
from driftd.runtime.event_rows import EventRows
from driftd.summarise.settings import TopicSettings


def test_event_is_a_row() -> None:
    """Model, version, features, prediction, label and time are those of the event."""
    event = b'{"model":"m","timestamp":1795428000,"features":{"x":1},"prediction":{"a":0.5},"label":null}'
    model, version, row = EventRows().read(event)
    assert (model, version) == ("m", "none")
    assert row == Row({"x": 1}, {"a": 0.5}, None, 1_795_428_000_000)


def test_topic_settings_find_the_fields() -> None:
    """Paths are those of the topic; a key on the way to another field, or excluded, is no feature."""
    topic = TopicSettings(features=".", exclude=frozenset({"id"}))
    row = EventRows(topic).read(b'{"model":"m","x":1,"id":2,"prediction":3}').row
    assert row == Row({"x": 1}, 3)


@pytest.mark.parametrize(("event", "reason"), [(b"{", "malformed"), (b"{}", "missing_model"), (None, "tombstone")])
def test_unsound_event_is_no_row(event: bytes | None, reason: str) -> None:
    """An event that the daemon would reject is a ValueError with the reason."""
    with pytest.raises(ValueError, match=f"^{reason}$"):
        EventRows().read(event)
