"""What accepting an incident would make the new normal, and whether that can be done now."""

from driftd.incidents.live import LiveSums
from driftd.references.profile import Profile
from driftd.runtime.pipeline import Pipeline, Shard
from driftd.values.acceptance import Outlook
from driftd.values.keys import MonitorKey
from driftd.values.layout import N
from driftd.values.verdict import Incident
from driftd.web.documents import time_text

MIN_WINDOWS = 5
MIN_OBSERVATIONS = 1_000  # of each column of the incident; others with fewer keep their reference

_FIRING = "firing"


def outlook_of(pipeline: Pipeline, shard: Shard, incident: Incident) -> Outlook:
    """Look at what an incident's monitor, of this shard, has seen since its columns changed."""
    current = in_force(pipeline, incident.monitor)
    live = shard.live.gathered(incident.monitor) if incident.state == _FIRING else None
    if live is None or current is None or not live.reference_id == current.reference_id == incident.reference_id:
        return Outlook(None, 0, 0, _reason(pipeline, incident, current, 0, 0))
    observations = min(_observations(current, live, incident), default=0)
    reason = _reason(pipeline, incident, current, live.windows, observations)
    return Outlook(live.start_ms, live.windows, observations, reason)


def in_force(pipeline: Pipeline, monitor: MonitorKey) -> Profile | None:
    """Return what a monitor's windows to come are held against."""
    book = pipeline.book
    return book.sets[-1].find(monitor.model, monitor.version, book.missing)


def _reason(
    pipeline: Pipeline, incident: Incident, current: Profile | None, windows: int, observations: int
) -> str | None:
    """Say why an incident cannot be accepted; None: it can."""
    if incident.state != _FIRING:
        return f"the incident is {incident.state}: only one that fires can be accepted"
    if current is None or current.reference_id != incident.reference_id:
        successor = "no reference" if current is None else f"reference {current.reference_id}"
        since = time_text(pipeline.book.sets[-1].from_ms) or "the beginning"
        return f"{successor} takes the place of the incident's from {since} on"
    if windows < MIN_WINDOWS:
        return f"{windows} windows since its columns changed are too few: it takes {MIN_WINDOWS}"
    if observations < MIN_OBSERVATIONS:
        return (
            f"{observations} observations of one of its columns since they changed are too few: "
            f"it takes {MIN_OBSERVATIONS}"
        )
    return None


def _observations(profile: Profile, live: LiveSums, incident: Incident) -> list[int]:
    """Return how many observations each column of an incident has."""
    sums = live.vector
    places = (profile.layout.columns[profile.index[suspect.key]] for suspect in incident.suspects)
    return [int(sums[place.start + N]) for place in places]
