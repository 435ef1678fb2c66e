"""Names of incidents and drift events: hashes of keys and windows, never of floats.

The same events in give the same names, on any machine, so that a repeated delivery is recognisable.
"""

import json

from driftd.values.hashing import content_id
from driftd.values.keys import MonitorKey


def incident_id(monitor: MonitorKey, window_start_ms: int) -> str:
    """Name the incident that a monitor's window paged: 12 hexadecimal digits."""
    return _named("incident", *monitor, window_start_ms)[:12]


def event_id(incident: str, kind: str, time_ms: int) -> str:
    """Name what happened to an incident at the end of a window: 32 hexadecimal digits."""
    return _named("event", incident, kind, time_ms)


def _named(*keys: str | int) -> str:
    return content_id(json.dumps(keys).encode(), length=32)
