"""What an operator hears who accepts an incident: from when on the live data are the new normal, or why not."""

from dataclasses import dataclass
from enum import StrEnum


class Obstacle(StrEnum):
    """Why an incident was not accepted. The set is closed."""

    UNKNOWN = "unknown"  # there is no such incident
    CONFLICT = "conflict"  # it has ended, too little was seen since, or another reference takes its place
    UNAVAILABLE = "unavailable"  # nobody could do it now, or it could not be saved


@dataclass(frozen=True, slots=True)
class Accepted:
    """An incident was accepted, and that is saved: this reference is in force from window start ``from_ms`` on."""

    incident: str
    reference_id: str
    from_ms: int
    windows: int
    events: int


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """Nothing has changed; ``reason`` is a sentence that may be shown."""

    obstacle: Obstacle
    reason: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What accepting an incident would take for the new normal: the windows since ``since_ms``.

    ``observations`` is what the incident's column with the fewest has in them. ``reason`` tells why it cannot be
    accepted now; None: it can.
    """

    since_ms: int | None
    windows: int
    observations: int
    reason: str | None
