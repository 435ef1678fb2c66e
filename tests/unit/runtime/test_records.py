"""The pipeline's memory as records, and back."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runtime_doubles import P0, P1, TOPIC, Bench, batch, book_of, event, minutes, pipeline_of, profile

from driftd.incidents.lifecycle import MonitorIncidents
from driftd.references.book import ReferenceSet
from driftd.references.profile import Profile
from driftd.runtime.pipeline import Pipeline
from driftd.runtime.records import ledger_from_state, ledger_to_state, references_of, restore, to_records
from driftd.snapshot.codec import decode, encode
from driftd.values.keys import MonitorKey, Reason, SourcePartition
from driftd.values.part import Gap, Ledger, Refused

offsets = st.integers(0, 2**63 - 1)
times = st.integers(-(2**63), 2**63 - 1)
ledgers = st.builds(
    Ledger,
    source=st.builds(SourcePartition, st.text(), st.integers(0, 10_000)),
    position=offsets,
    rewind=offsets,
    watermark_ms=st.none() | times,
    drained=st.just(False),
    read=offsets,
    late=offsets,
    rejected=st.dictionaries(st.sampled_from(Reason), offsets),
    refused=st.lists(st.builds(Refused, offsets, offsets), max_size=3).map(tuple),
    open_events=st.none() | offsets,
    lost=offsets,
    gap=st.none() | st.builds(Gap, st.none() | times, st.none() | times),
)
AWKWARD = ["a/b", "a%2Fb", "a%", "%", "/", "ä", "a\u0308", "模型", "a b", "a\x1fb", ".", "..", "monitor", "\U0001f600"]


@given(ledgers)
def test_ledger_reads_back_as_it_was_written(ledger: Ledger) -> None:
    """Nothing is lost, through JSON; the same ledger gives the same text."""
    written = orjson.dumps(ledger_to_state(ledger))
    assert ledger == ledger_from_state(orjson.loads(written))
    assert written == orjson.dumps(ledger_to_state(ledger_from_state(orjson.loads(written))))


def test_whether_a_partition_was_drained_is_not_remembered() -> None:
    """It is found out anew after a restart."""
    assert ledger_from_state(ledger_to_state(Ledger(P0, 3, 1, drained=True))) == Ledger(P0, 3, 1)


def names_of(*keys: MonitorKey) -> list[str]:
    """Return the names of the records of monitors."""
    pipeline = pipeline_of()
    for key in keys:
        pipeline.shards[0].incidents._monitors[key] = MonitorIncidents(key)
    return [name for name in to_records(pipeline) if name.startswith("monitor/")]


texts = st.text(min_size=1, max_size=4) | st.sampled_from(AWKWARD)
monitors = st.builds(MonitorKey, texts, texts, texts)


@given(st.sets(monitors, min_size=2, max_size=5))
def test_two_monitors_never_share_a_record(keys: set[MonitorKey]) -> None:
    """Whatever is in their names, slashes and percent signs too."""
    names = names_of(*keys)
    assert len(keys) == len(set(names)) == len(names)
    assert all(name.count("/") == 3 for name in names)


def awkward_pipeline() -> Pipeline:
    """A pipeline with a monitor of every awkward name, each with a closed and an open window."""
    pipeline = pipeline_of(book=book_of(*(profile(name) for name in AWKWARD)))
    pipeline.start([Ledger(P0, 0, 0), Ledger(P1, 5, 5)], 0)
    values = [event(at * 30, model=name, version="/") for at in range(4) for name in AWKWARD]
    pipeline.read(batch(values, drained=True), 0)
    pipeline.read(batch([event(100, model="ä")], first=5, source=P1, drained=True), 0)
    return pipeline


def test_pipeline_comes_back_from_the_snapshots_bytes() -> None:
    """A fresh pipeline with the records of another has the same records, to the byte."""
    pipeline = awkward_pipeline()
    data = encode(to_records(pipeline), "1")
    records = decode(data, "snapshot")
    other = pipeline_of(book=book_of(*(profile(name) for name in AWKWARD)))
    assert [pipeline.ledgers[P0], pipeline.ledgers[P1]] == [
        replace(ledger, drained=True) for ledger in restore(other, records, {TOPIC}, 0)
    ]
    assert data == encode(to_records(other), "1")
    assert {key.model for key in other.shards[0].incidents.monitors} == set(AWKWARD)


def test_summarisers_are_not_in_the_snapshot() -> None:
    """Open windows that were not handed on are read again: the records do not grow with them."""
    pipeline = pipeline_of()
    pipeline.start([Ledger(P0, 0, 0)], 0)
    pipeline.read(batch(minutes(0, 1)), 0)
    records = to_records(pipeline)
    assert records["shard/0"]["pending"]["parts"] == []
    assert records["sources"]["ledgers"][0]["rewind"] == 0
    assert set(records) == {"sources", "references", "judgement", "shard/0"}


def test_references_are_named_in_their_order() -> None:
    """The sets in force come back with their window starts, their profiles by id."""
    profiles = {p.reference_id: p for p in (profile(), profile(values=10), profile("ads"))}
    book = book_of(profile(), profile("ads"))
    book.add([profile(values=10)], 60_000)
    pipeline = pipeline_of(book=book)
    records = orjson.loads(orjson.dumps(to_records(pipeline)))
    expected = [
        ReferenceSet(None, (profile(), profile("ads"))),
        ReferenceSet(60_000, (profile(values=10),)),
    ]
    assert expected == references_of(records, profiles.__getitem__)


def test_a_reference_that_is_not_at_hand_is_an_error() -> None:
    """What ``load`` raises is not hidden."""

    def load(reference_id: str) -> Profile:
        raise KeyError(reference_id)

    with pytest.raises(KeyError, match=profile().reference_id):
        references_of(to_records(pipeline_of()), load)


def test_ledgers_are_sorted_whatever_was_read_first() -> None:
    """The snapshot's bytes do not depend on the order in which partitions turned up."""
    records = []
    for order in ([P0, P1], [P1, P0]):
        bench = Bench(ledgers=[Ledger(source, 0, 0) for source in order])
        records.append(to_records(bench.engine.pipeline)["sources"])
    assert records[0] == records[1]
