"""A pipeline's memory as snapshot records, and back.

::

    sources                      the ledgers, the length of the windows, how each topic is read
    references                   the reference sets in force, by id
    judgement                    the settings that verdicts follow from, and from which window start on
    shard/N                      merge: frontier, pending parts, accounts, carried columns
    monitor/MODEL/VERSION/SEGMENT  detectors and incidents of one monitor, and its newest windows' sums
"""

from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from urllib.parse import quote

from driftd.errors import ConfigurationError
from driftd.references.book import ReferenceSet
from driftd.references.profile import Profile
from driftd.runtime.pipeline import Pipeline
from driftd.values.keys import MonitorKey, Reason, SourcePartition
from driftd.values.part import Gap, Ledger, Refused
from driftd.values.settings import format_duration
from driftd.values.state import State


def to_records(pipeline: Pipeline) -> dict[str, State]:
    """Write the memory of all stages. Open windows of the summarisers are not in it: they are read again."""
    records: dict[str, State] = {
        "sources": {
            "window_ms": pipeline.windows.duration,
            "lateness_ms": pipeline.lateness_ms,
            "topics": dict(sorted(pipeline.settings_ids.items())),
            "topic_ids": dict(sorted(pipeline.topic_ids.items())),
            "ledgers": [
                ledger_to_state(ledger)
                for ledger in sorted([*pipeline.ledgers.values(), *pipeline.unread], key=attrgetter("source"))
            ],
        },
        "references": {
            "sets": [
                {
                    "from_ms": s.from_ms,
                    "profiles": [p.reference_id for p in s.profiles],
                    "accepted": dict(sorted(s.accepted.items())),
                }
                for s in pipeline.book.sets
            ]
        },
        "judgement": pipeline.judgements.to_state(),
    }
    for number, shard in enumerate(pipeline.shards):
        records[f"shard/{number}"] = shard.merge.to_state()
        detect, incidents, live = shard.detect.to_state(), shard.incidents.to_state(), shard.live.to_state()
        for key in sorted(detect.keys() | incidents.keys()):
            records["monitor/" + "/".join(quote(name, safe="") for name in key)] = {
                "key": list(key),
                "shard": number,
                "detect": detect.get(key),
                "incidents": incidents.get(key),
                "live": live.get(key),
            }
    return records


def references_of(records: Mapping[str, State], load: Callable[[str], Profile]) -> list[ReferenceSet]:
    """Read the reference sets of a snapshot; ``load`` returns a profile by id."""
    return [
        ReferenceSet(
            item["from_ms"],
            tuple(load(reference_id) for reference_id in item["profiles"]),
            item.get("accepted", {}),
        )
        for item in records["references"]["sets"]
    ]


def restore(pipeline: Pipeline, records: Mapping[str, State], topics: Collection[str], now_ms: int) -> list[Ledger]:
    """Give the memory back to a fresh pipeline with the snapshot's references; return the ledgers of ``topics``.

    Nothing is waited for in a topic that is not read any more. The settings that verdicts follow from are the
    snapshot's again; ``Pipeline.adopt_judgement`` then takes those of today. The first release did not keep
    them: after it, today's hold from the beginning. Sums of the newest windows are gathered anew where an earlier
    release did not keep them. Raises ConfigurationError if event time is cut otherwise
    now: the open windows could not be read again.
    """
    sources = records["sources"]
    if sources["window_ms"] != pipeline.windows.duration:
        made_with = format_duration(sources["window_ms"])
        expected = f"the state was made with {made_with}: keep that, or start afresh with `driftd state reset`"
        raise ConfigurationError("windows.duration", format_duration(pipeline.windows.duration), expected)
    pipeline.lateness_ms = max(pipeline.lateness_ms, sources.get("lateness_ms", 0))
    pipeline.topic_ids = dict(sources["topic_ids"])
    if "judgement" in records:
        pipeline.judgements.restore(records["judgement"])
    known = [ledger_from_state(item) for item in sources["ledgers"]]
    ledgers = [ledger for ledger in known if ledger.source.topic in topics]
    pipeline.ledgers = {ledger.source: ledger for ledger in ledgers}
    pipeline.unread = tuple(ledger for ledger in known if ledger.source.topic not in topics)
    for number, shard in enumerate(pipeline.shards):
        shard.merge.restore(records[f"shard/{number}"], ledgers, now_ms)
        for ledger in ledgers:
            topic = ledger.source.topic
            if sources["topics"].get(topic) != pipeline.settings_ids.get(topic):  # its open windows are read anew
                shard.merge.forget_open(ledger.source)
        mine = [r for name, r in records.items() if name.startswith("monitor/") and r["shard"] == number]
        shard.detect.restore({MonitorKey(*r["key"]): r["detect"] for r in mine if r["detect"] is not None})
        shard.incidents.restore({MonitorKey(*r["key"]): r["incidents"] for r in mine if r["incidents"] is not None})
        shard.live.restore({MonitorKey(*r["key"]): r["live"] for r in mine if r.get("live") is not None})
    return ledgers


def ledger_to_state(ledger: Ledger) -> State:
    """Write a ledger. Whether its partition was drained is found out anew after a restart."""
    return {
        "source": list(ledger.source),
        "position": ledger.position,
        "rewind": ledger.rewind,
        "watermark_ms": ledger.watermark_ms,
        "read": ledger.read,
        "late": ledger.late,
        "rejected": {str(reason): events for reason, events in sorted(ledger.rejected.items())},
        "refused": [list(run) for run in ledger.refused],
        "open_events": ledger.open_events,
        "lost": ledger.lost,
        "gap": None if ledger.gap is None else list(ledger.gap),
    }


def ledger_from_state(state: State) -> Ledger:
    """Read a ledger."""
    return Ledger(
        source=SourcePartition(*state["source"]),
        position=state["position"],
        rewind=state["rewind"],
        watermark_ms=state["watermark_ms"],
        read=state["read"],
        late=state["late"],
        rejected={Reason(reason): events for reason, events in state["rejected"].items()},
        refused=tuple(Refused(*run) for run in state["refused"]),
        open_events=state["open_events"],
        lost=state["lost"],
        gap=None if state["gap"] is None else Gap(*state["gap"]),
    )
