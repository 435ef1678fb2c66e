"""Snapshots of the release before, as this release would have written them.

Each release that changes what records hold adds a function here, pure, from the records of one format to
those of the next, with what is not in them as unknown or as nothing; older ones may go, since a release reads
its own format and the one before.
"""

from collections.abc import Callable, Mapping

import numpy as np

from driftd.values.layout import sums_to_bytes
from driftd.values.state import State

Records = dict[str, State]


def from_1(records: Mapping[str, State]) -> Records:
    """Return the records of format 2.

    New in 2: the ids of topics, who waits for which documents of the outbox, dead letters, what is summed into
    open windows and what was lost to gaps (ledgers), since when a monitor has been silent (shards). Sums have a
    shorter form.
    """
    outbox = records["outbox"]
    waiting = {"file": len(outbox["events"])} if outbox["events"] else {}
    upgraded: Records = {
        **records,
        "outbox": {**outbox, "waiting": waiting},
        "dead_letters": {},
        "sources": _sources_from_1(records["sources"]),
    }
    newest_ms = {
        tuple(record["key"]): record["incidents"]["window"][1]
        for name, record in records.items()
        if name.startswith("monitor/") and record["incidents"] is not None
    }
    for name, record in records.items():
        if name.startswith("shard/"):
            upgraded[name] = _shard_from_1(record, newest_ms)
    return upgraded


#: By format: what makes the next one of it.
UPGRADES: Mapping[int, Callable[[Mapping[str, State]], Records]] = {1: from_1}


def _sources_from_1(sources: State) -> State:
    ledgers = [{**ledger, "open_events": None, "lost": 0, "gap": None} for ledger in sources["ledgers"]]
    return {**sources, "lateness_ms": 0, "topic_ids": {}, "ledgers": ledgers}


def _shard_from_1(shard: State, newest_ms: Mapping[tuple[str, ...], int]) -> State:
    pending = shard["pending"]
    parts = [{**part, "sums": _sums_from_1(part["sums"])} for part in pending["parts"]]
    return {
        **shard,
        "accounts": {**shard["accounts"], "kept": {}},
        "pending": {**pending, "parts": parts},
        "monitors": [
            {
                "key": key,
                "newest_ms": newest_ms.get(tuple(key), shard["frontier_ms"]),
                "own": True,
                "carry": {**carry, "columns": [_carried_from_1(column) for column in carry["columns"]]},
            }
            for key, carry in shard["monitors"]
        ],
        "gaps": [],
    }


def _carried_from_1(column: list[object]) -> list[object]:
    position, start_ms, windows, sums, unseen = column
    return [position, start_ms, windows, _sums_from_1(str(sums)), unseen]


def _sums_from_1(written: str) -> str:
    """Return sums in today's form: they were signed integers of eight bytes, little-endian."""
    return sums_to_bytes(np.frombuffer(bytes.fromhex(written), "<i8").astype(np.int64)).hex()
