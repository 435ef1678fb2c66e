"""What a snapshot holds, told as plain data: for people who look at it while no daemon runs, or while one does."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from driftd.values.state import State

Records = Mapping[str, State]


def overview(records: Records) -> dict[str, Any]:
    """Return what the records of a snapshot say, section by section, and the size of each record in bytes.

    A section is None where its records are not of the form that this release writes: whoever looks at a
    snapshot may do so because something is wrong with it.
    """
    return {
        **{name: _read(section, records) for name, section in _SECTIONS.items()},
        "records": {name: len(orjson.dumps(records[name])) for name in sorted(records)},
    }


def _read(section: Callable[[Records], Any], records: Records) -> Any:
    try:
        return section(records)
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _partitions(records: Records) -> list[State]:
    return [
        {
            "topic": ledger["source"][0],
            "partition": ledger["source"][1],
            **{name: ledger[name] for name in ("position", "rewind", "watermark_ms", "read", "late")},
            "rejected": sum(ledger["rejected"].values()),
        }
        for ledger in records["sources"]["ledgers"]
    ]


def _monitors(records: Records) -> list[State]:
    return [_monitor(records[name]) for name in sorted(records) if name.startswith("monitor/")]


def _monitor(record: State) -> State:
    model, version, segment = record["key"]
    incidents = record["incidents"]
    return {
        "model": model,
        "version": version,
        "segment": segment,
        "newest_window_ms": None if incidents is None else incidents["window"][1],
        "incidents": [] if incidents is None else [incident["id"] for incident in incidents["open"]],
    }


def _references(records: Records) -> list[State]:
    return [
        {"from_ms": in_force["from_ms"], "profiles": list(in_force["profiles"])}
        for in_force in records["references"]["sets"]
    ]


def _outbox(records: Records) -> State:
    outbox = records["outbox"]
    return {
        "events": len(outbox["events"]),
        "windows": len(outbox["windows"]),
        "waiting": {name: int(events) for name, events in outbox["waiting"].items()},
        "dead_letters": sum(len(places) for _, _, places in records["dead_letters"].get("waiting", ())),
    }


_SECTIONS: Mapping[str, Callable[[Records], Any]] = {
    "partitions": _partitions,
    "monitors": _monitors,
    "references": _references,
    "outbox": _outbox,
}
