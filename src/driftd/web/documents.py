"""The views as plain data: what the API shows. Times are RFC 3339 in UTC, names are never empty."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from driftd.references.profile import ColumnProfile
from driftd.references.shift import value_shift
from driftd.values.acceptance import Accepted, Outlook
from driftd.values.closed import SourceSpan
from driftd.values.keys import ColumnKey, MonitorKey
from driftd.values.verdict import ColumnState, ColumnVerdict, Effect, Incident
from driftd.values.view import ColumnView, MonitorView
from driftd.values.windows import Window

Document = dict[str, Any]

API = "/api/v1"


def time_text(ms: int | None) -> str | None:
    """Write milliseconds since the epoch as ``2026-11-23T10:00:00.123Z``; beyond the year 9999: null."""
    if ms is None:
        return None
    try:
        moment = datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def monitor_path(key: MonitorKey) -> str:
    """Return the address of a monitor."""
    return "/".join([API, "monitors", *(quote(name, safe="") for name in key)])


def column_path(monitor: MonitorKey, key: ColumnKey) -> str:
    """Return the address of a column."""
    return f"{monitor_path(monitor)}/columns/{key.role.value}/{quote(key.name, safe='')}"


def incident_path(incident_id: str) -> str:
    """Return the address of an incident."""
    return f"{API}/incidents/{quote(incident_id, safe='')}"


def monitor_summary(monitor: MonitorView) -> Document:
    """Return one monitor without its columns."""
    return {
        "monitor": monitor_document(monitor.key),
        "state": monitor.state.value,
        "evidence": monitor.evidence,
        "threshold": monitor.threshold,
        "calibrating": monitor.calibrating,
        "events": monitor.events,
        "last_event": time_text(monitor.last_event_ms),
        "windows_closed": monitor.windows_closed,
        "windows_incomplete": monitor.windows_incomplete,
        "newest_window": window_document(monitor.newest_window),
        "columns": len(monitor.columns),
        "columns_drifting": sum(column.state is ColumnState.DRIFT for column in monitor.columns),
        "incidents_opened": monitor.incidents_opened,
        "incidents_open": [incident.id for incident in monitor.incidents if incident.ended_ms is None],
        "reference_id": monitor.reference_id,
        "href": monitor_path(monitor.key),
    }


def monitor_detail(monitor: MonitorView) -> Document:
    """Return one monitor with its columns and incidents."""
    return monitor_summary(monitor) | {
        "reference_source": monitor.reference_source,
        "sources": [source_document(source) for source in monitor.sources],
        "columns": [column_summary(monitor.key, column) for column in monitor.columns],
        "incidents": [incident_summary(incident, monitor) for incident in monitor.incidents],
    }


def column_summary(monitor: MonitorKey, column: ColumnView) -> Document:
    """Return one column without its bins."""
    newest = column.newest
    return {
        "column": column_document(column.key),
        "state": column.state.value,
        "evidence": None if newest is None else newest.evidence,
        "weight": None if newest is None else newest.weight,
        "distances": None if newest is None else newest.distances._asdict(),
        "shift": None if newest is None else newest.shift,
        "detections": [
            {"channel": detection.channel.value, "detector": detection.detector, "count": count}
            for detection, count in sorted(column.detections.items())
        ],
        "href": column_path(monitor, column.key),
    }


def detectable_documents(column: ColumnView, profile: ColumnProfile | None) -> list[Document]:
    """Return the smallest lasting shifts that would be paged: of mean u, and of the values where they are shown."""
    return [
        {"within": within.value, "u": shift, "value": None if profile is None else value_shift(profile, shift)}
        for within, shift in column.detectable.items()
    ]


def verdict_document(verdict: ColumnVerdict) -> Document:
    """Return what was said about a column's newest window, its bins excepted."""
    return {
        "window": window_document(verdict.span),
        "windows": verdict.windows,
        "n": verdict.n,
        "missing": verdict.missing,
        "invalid": verdict.invalid,
        "unseen": verdict.unseen,
        "unseen_texts": [{"text": text, "count": count} for text, count in verdict.unseen_texts],
        "detections": [{"channel": d.channel.value, "detector": d.detector} for d in verdict.detections],
        "alarms": list(verdict.alarms),
        "speaking": list(verdict.speaking),
        "effect": None if verdict.effect is None else effect_document(verdict.effect),
    }


def incident_summary(incident: Incident, monitor: MonitorView) -> Document:
    """Return one incident with its suspects' names."""
    return {
        "id": incident.id,
        "monitor": monitor_document(incident.monitor),
        "state": incident.state,
        "paging": incident.id in monitor.paging,
        "onset": time_text(incident.onset_ms),
        "opened": time_text(incident.opened_ms),
        "ended": time_text(incident.ended_ms),
        "previous": incident.previous,
        "evidence": incident.evidence,
        "threshold": incident.threshold,
        "reference_id": incident.reference_id,
        "suspects": [column_document(suspect.key) | {"share": suspect.share} for suspect in incident.suspects],
        "acceptance": _outlook_document(monitor.outlooks.get(incident.id)),
        "href": incident_path(incident.id),
    }


def _outlook_document(outlook: Outlook | None) -> Document | None:
    if outlook is None:
        return None
    return {
        "possible": outlook.reason is None,
        "reason": outlook.reason,
        "since": time_text(outlook.since_ms),
        "windows": outlook.windows,
        "observations": outlook.observations,
    }


def accepted_document(accepted: Accepted) -> Document:
    """Return what was accepted, and from which window start on it is in force."""
    return {
        "incident": accepted.incident,
        "reference_id": accepted.reference_id,
        "from": time_text(accepted.from_ms),
        "windows": accepted.windows,
        "events": accepted.events,
    }


def incident_detail(incident: Incident, monitor: MonitorView) -> Document:
    """Return one incident with what has changed in each suspect."""
    return incident_summary(incident, monitor) | {
        "suspects": [
            {
                **column_document(suspect.key),
                "share": suspect.share,
                "log10_evidence": suspect.log10_evidence,
                "since": time_text(suspect.since_ms),
                "effect": effect_document(suspect.effect),
                "href": column_path(incident.monitor, suspect.key),
            }
            for suspect in incident.suspects
        ],
    }


def effect_document(effect: Effect) -> Document:
    """Return what has changed in a column."""
    return {
        "channel": effect.channel.value,
        "direction": effect.direction,
        "size": effect.size,
        "onset": time_text(effect.onset_ms),
        "before": effect.before,
        "after": effect.after,
        "bins": list(effect.bins),
    }


def monitor_document(key: MonitorKey) -> Document:
    """Return a monitor's name."""
    return key._asdict()


def column_document(key: ColumnKey) -> Document:
    """Return a column's name."""
    return {"role": key.role.value, "name": key.name}


def source_document(source: SourceSpan) -> Document:
    """Return the offsets that a partition contributed to the newest window."""
    return source._asdict()


def window_document(window: Window | None) -> Document | None:
    """Return a span of event time."""
    return None if window is None else {"start": time_text(window.start_ms), "end": time_text(window.end_ms)}
