"""Drift events: what happened to an incident, as CloudEvents 1.0 in plain JSON (architecture, section 11)."""

from datetime import UTC, datetime, timedelta

from driftd.incidents.ids import event_id
from driftd.incidents.lifecycle import Change, ChangeKind
from driftd.values.closed import SourceSpan
from driftd.values.verdict import JSON, DriftEvent, Incident, Suspect

SOURCE = "/driftd"  # a replay, a run and a run after a crash name the same event alike
API_INCIDENTS = "/api/v1/incidents"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS = -62_135_596_800_000
_LAST_MS = 253_402_300_799_999


def drift_event(change: Change, external_url: str | None = None) -> DriftEvent:
    """Describe a change. ``external_url`` is where people reach this daemon: without it there are no links."""
    incident = change.incident
    kind = event_type(change.kind)
    name = event_id(incident.id, change.kind, change.time_ms)
    body: JSON = {
        "specversion": "1.0",
        "id": name,
        "source": SOURCE,
        "type": kind,
        "subject": str(incident.monitor),
        "time": rfc3339(change.time_ms),
        "datacontenttype": "application/json",
        "data": _data(change, external_url),
    }
    return DriftEvent(name, kind, incident.monitor, change.time_ms, body)


def event_type(kind: ChangeKind) -> str:
    """Name the type of the events that tell of such a change."""
    return f"io.driftd.incident.{kind}.v1"


def rfc3339(event_ms: int) -> str:
    """Write an event time (milliseconds since the epoch) as RFC 3339 in UTC.

    A window may reach beyond the years 1 to 9999 of event time by less than its length: the nearest
    time that can be written stands for what cannot.
    """
    moment = _EPOCH + timedelta(milliseconds=min(max(event_ms, _FIRST_MS), _LAST_MS))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _data(change: Change, external_url: str | None) -> JSON:
    incident = change.incident
    return {
        "monitor": incident.monitor._asdict(),
        "incident": incident.id,
        "window": _window(change),
        "onset": {
            "time": rfc3339(change.onset.time_ms),
            "sources": [place._asdict() for place in change.onset.offsets],
        },
        "suspects": [_suspect(suspect) for suspect in incident.suspects],
        "evidence": incident.evidence,
        "threshold": incident.threshold,
        "reference_id": incident.reference_id,
        "previous": incident.previous,
        "links": _links(incident, external_url),
    }


def _window(change: Change) -> JSON:
    window: JSON = {
        "start": rfc3339(change.window.start_ms),
        "end": rfc3339(change.window.end_ms),
        "sources": [_source(span) for span in change.sources],
    }
    if len(change.sources) == 1:
        window["last_offset"] = change.sources[0].last_offset
    return window


def _source(span: SourceSpan) -> JSON:
    return span._asdict()


def _suspect(suspect: Suspect) -> JSON:
    effect = suspect.effect
    return {
        "column": suspect.key.name,
        "role": str(suspect.key.role),
        "channel": str(effect.channel),
        "direction": effect.direction,
        "effect": effect.size,
        "share": suspect.share,
        "log10_evidence": suspect.log10_evidence,
        "before": effect.before,
        "after": effect.after,
        "bins": list(effect.bins),
    }


def _links(incident: Incident, external_url: str | None) -> JSON:
    return {} if external_url is None else {"incident": f"{external_url}{API_INCIDENTS}/{incident.id}"}
