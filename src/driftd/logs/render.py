"""How one event becomes one line."""

import json
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

from driftd.values.secrets import masked

EventDict = MutableMapping[str, Any]

_FIRST = ("timestamp", "level", "event")


def rfc3339(seconds: float) -> str:
    """Write seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def mask_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace what stands under a secret-looking key, at any depth."""
    return {key: value if key in _FIRST else masked(key, value) for key, value in event.items()}


def as_json(_logger: object, _method: str, event: EventDict) -> str:
    """One JSON object: timestamp, level and event first, the rest as logged; never a line break."""
    head = {key: event[key] for key in _FIRST if key in event}
    return json.dumps(head | dict(event), default=str)


def as_console(_logger: object, _method: str, event: EventDict) -> str:
    """One line for people: time, level, event, ``key=value`` pairs; never a line break."""
    pairs = "".join(f" {key}={_plain(value)}" for key, value in event.items() if key not in _FIRST)
    return f"{event['timestamp']} {event['level']:<7} {_one_line(str(event['event']))}{pairs}"


def _plain(value: object) -> str:
    """Write a value as it is where it is one word, else quoted."""
    one_word = isinstance(value, str) and value and value.isprintable() and not any(c in ' "=' for c in value)
    return _one_line(str(value) if one_word else json.dumps(value, default=str, ensure_ascii=False))


def _one_line(text: str) -> str:
    """Escape what could start a new line or steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
