"""Accepting an incident: the operator says that what its monitor sees now is the new normal."""

from typing import NamedTuple

from driftd.errors import SnapshotError
from driftd.incidents.live import LiveSums
from driftd.references.accept import accepted_profile
from driftd.references.profile import Profile
from driftd.runtime.engine import Engine
from driftd.runtime.outlook import MIN_OBSERVATIONS, in_force, outlook_of
from driftd.runtime.pipeline import Pipeline, Shard
from driftd.runtime.reference_library import ReferenceLibrary
from driftd.values.acceptance import Accepted, NotAccepted, Obstacle
from driftd.values.verdict import Incident
from driftd.values.windows import Window
from driftd.web.documents import time_text


class _Found(NamedTuple):
    incident: Incident
    shard: Shard


def accept(incident_id: str, engine: Engine, library: ReferenceLibrary, now_ms: int) -> Accepted | NotAccepted:
    """Make the windows since an incident's onset the reference of its monitor's version, and save that.

    To be called between two turns of the engine, with the library's newest look at its directory in force. The
    new reference takes effect at the first window start later than all that was read so far. Until then windows
    are held against the one before, and the incident stays open. Where nothing is accepted nothing has changed.
    """
    pipeline = engine.pipeline
    found = _find(pipeline, incident_id)
    if found is None:
        return NotAccepted(Obstacle.UNKNOWN, "no such incident is open or ended a short time ago")
    incident, shard = found
    reason = outlook_of(pipeline, shard, incident).reason
    if reason is not None:
        return NotAccepted(Obstacle.CONFLICT, reason)
    live, current = shard.live.gathered(incident.monitor), in_force(pipeline, incident.monitor)
    assert live is not None, "what can be accepted was seen"
    assert current is not None, "and held against something"
    fresh = _profile_of(incident, current, live)
    former = pipeline.book.sets
    try:
        library.keep(fresh)
    except SnapshotError as error:
        return NotAccepted(Obstacle.UNAVAILABLE, f"nothing has changed: {error}")
    from_ms = _put_in_force(fresh, current, pipeline, library)
    engine.changed()
    if not engine.checkpoint(now_ms):
        pipeline.book.put_back(former)
        return NotAccepted(Obstacle.UNAVAILABLE, "nothing has changed: it could not be saved; the log says why")
    return Accepted(incident.id, fresh.reference_id, from_ms, live.windows, live.events)


def _find(pipeline: Pipeline, incident_id: str) -> _Found | None:
    for shard in pipeline.shards:
        for monitor in shard.incidents.monitors:
            for incident in shard.incidents.incidents(monitor, shard.merge.frontier_ms or 0):
                if incident.id == incident_id:
                    return _Found(incident, shard)
    return None


def _profile_of(incident: Incident, current: Profile, live: LiveSums) -> Profile:
    return accepted_profile(
        current,
        incident.monitor.version,
        live.vector,
        live.unseen,
        rows=live.events,
        span=Window(live.start_ms, live.end_ms),
        least=MIN_OBSERVATIONS,
        source=f"incident {incident.id} accepted: {live.windows} windows from {time_text(live.start_ms)} to "
        f"{time_text(live.end_ms)}; moments and quantiles are estimated from bins",
    )


def _put_in_force(fresh: Profile, current: Profile, pipeline: Pipeline, library: ReferenceLibrary) -> int:
    """Have the profile take its version's place among the references, and return from which window start on."""
    newest = pipeline.book.sets[-1]
    version = (fresh.model, fresh.version_or_none)
    others = [profile for profile in newest.profiles if (profile.model, profile.version_or_none) != version]
    accepted = {p.reference_id: newest.accepted[p.reference_id] for p in others if p.reference_id in newest.accepted}
    former = newest.accepted.get(current.reference_id, current.reference_id)
    accepted[fresh.reference_id] = library.on_offer(fresh) or former
    return pipeline.adopt([*others, fresh], accepted)
