"""One JSON document a line: what ``--windows-out`` holds."""

import json

from driftd.values.hashing import content_id
from driftd.values.state import State
from driftd.values.verdict import ColumnVerdict, Distances, WindowVerdict


def window_lines(verdict: WindowVerdict) -> list[State]:
    """Return one document for each column of a closed window that had enough observations.

    ``id`` follows from the keys and the window alone: a line that is repeated after a crash is
    recognised by it. All evidence is log10, null while the monitor has ``calibrating`` windows still to see;
    ``weight`` is that of the column's evidence in the monitor's.
    """
    return [_line(verdict, column) for column in verdict.columns]


def _line(verdict: WindowVerdict, column: ColumnVerdict) -> State:
    model, version, segment = verdict.monitor
    identity = [*verdict.monitor, *column.key, verdict.window.start_ms, verdict.reference_id]
    return {
        "id": content_id(json.dumps(identity).encode()),
        "model": model,
        "version": version,
        "segment": segment,
        "role": column.key.role,
        "column": column.key.name,
        "window": {"start_ms": verdict.window.start_ms, "end_ms": verdict.window.end_ms},
        "span": {"start_ms": column.span.start_ms, "end_ms": column.span.end_ms, "windows": column.windows},
        "reference_id": verdict.reference_id,
        "incomplete": verdict.incomplete,
        "events": verdict.events,
        "n": column.n,
        "missing": column.missing,
        "invalid": column.invalid,
        "unseen": column.unseen,
        "unseen_texts": [list(item) for item in column.unseen_texts],
        "counts": list(column.counts),
        "distances": dict(zip(Distances._fields, column.distances, strict=True)),
        "shift": column.shift,
        "evidence": column.evidence,
        "weight": column.weight,
        "monitor_evidence": verdict.evidence,
        "monitor_evidence_threshold": verdict.threshold,
        "calibrating": verdict.calibrating,
        "detections": [{"channel": d.channel, "detector": d.detector} for d in column.detections],
        "alarms": list(column.alarms),
        "speaking": list(column.speaking),
    }
