"""Records as nobody should send them: each is an event or has one of the closed reasons, in bounded time."""

import gc
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from event_oracle import judge
from fuzzing import ODD, corpus, damaged, examples
from hypothesis import given
from hypothesis import strategies as st

import upgrade_world as world
from driftd.summarise.seam import Cursor, Rejected, Tally
from driftd.summarise.settings import TopicSettings
from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import Reason, SourcePartition
from driftd.values.layout import HEADER, INVALID, MISSING, N, sums_from_bytes
from driftd.values.part import Part
from driftd.values.settings import LimitSettings, WindowSettings
from kernels import BUILT, IMPLEMENTATIONS, Make

SOURCE = SourcePartition("events", 0)
MEBIBYTE = 2**20
LONGEST_SECONDS = 3.0  # of a processor, on a slow machine with other work; a quiet one takes half a second at most
WHOLE = (
    world.log()[0],
    b'{"model":"fraud","version":3,"timestamp":"2026-11-23T10:00:00.123Z","features":{"amount":1.5,"country":"DE"}}',
    b'{"model":"fraud","version":"3","timestamp":1790000040,"features":{"amount":NaN,"x":-Infinity,"y":[1e400]}}',
    rb'{"model":"\ud83d\ude00","features":{"note":"\"\\\u0000","amount":-0.0},"prediction":{"a":1},"label":true}',
)


def understood(make: Make, data: bytes) -> Reason | tuple[str, str]:
    """Return the reason for which a record is rejected, else its model and version."""
    summariser = make(SOURCE, TopicSettings(), WindowSettings(), LimitSettings(), lambda *_: world.profile())
    batch = Batch(SOURCE, 1, (0,), (data,), (world.START_MS,), RecordTime.LOG_APPEND)
    tally = summariser.add(batch, Cursor(0, None))
    if tally.rejected:
        return tally.rejected[0].reason
    monitor = summariser.touched()[0].key.monitor
    return monitor.model, monitor.version


def agree(data: bytes) -> None:
    """Check one record against the oracle."""
    expected = judge(data)
    for make in BUILT.values():
        came_to = understood(make, data)
        if came_to in {Reason.NO_TIMESTAMP, Reason.FUTURE}:
            assert isinstance(expected, tuple)
        else:
            assert expected == came_to


@pytest.mark.parametrize("path", corpus("events"), ids=lambda path: path.name)
def test_every_record_of_the_corpus_is_judged_as_by_the_oracle(path: Path) -> None:
    """What once was read wrongly, or slowly, is not again."""
    agree(path.read_bytes())


@examples(300)
@given(st.sampled_from(WHOLE).flatmap(damaged))
def test_a_damaged_event_is_judged_as_by_the_oracle(data: bytes) -> None:
    """Flipped bits, cuts, repeats and odd bytes: an event or one of the closed reasons, and the right one."""
    agree(data)


@examples(300)
@given(st.binary(max_size=200))
def test_any_bytes_are_judged_as_by_the_oracle(data: bytes) -> None:
    """A topic may hold anything at all."""
    agree(data)


def _fill(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))


#: Records of about a size: each would be slow, or fill the memory, where reading is not linear in its bytes.
NASTY: dict[str, Callable[[int], bytes]] = {
    "opening brackets": lambda n: b"[" * n,
    "opening objects": lambda n: _fill(b'{"a":', n),
    "2,000 levels": lambda n: b'{"a":' + b"[" * 2_000 + b"1" * n + b"]" * 2_000 + b"}",
    "many deep ones": lambda n: b"[" + _fill(b"[" * 1_000 + b"NaN" + b"]" * 1_000 + b",", n) + b"1]",
    "many keys": lambda n: b"{" + b",".join(b'"%d":%d' % (i, i) for i in range(n // 14)) + b"}",
    "many keys and NaN": lambda n: b"{" + b",".join(b'"%d":NaN' % i for i in range(n // 12)) + b"}",
    "one key again and again": lambda n: b"{" + _fill(b'"a":NaN,', n) + b'"a":1}',
    "many small numbers": lambda n: b"[" + _fill(b"1,", n) + b"NaN]",
    "many large numbers": lambda n: b"[" + _fill(b"9" * 400 + b",", n) + b"1]",
    "one long number": lambda n: b'{"a":' + b"9" * n + b"}",
    "one long fraction": lambda n: b'{"a":1e400,"b":0.' + b"9" * n + b"}",
    "one long exponent": lambda n: b'{"a":1e' + b"9" * n + b"}",
    "a small number, written long": lambda n: b'{"b":NaN,"a":0.' + b"0" * n + b"1e%d}" % n,
    "minus signs": lambda n: b'{"a":' + b"-" * n + b"}",
    "letters that begin words": lambda n: b"N" * n,
    "words without end": lambda n: _fill(b"Infinity", n),
    "quotes": lambda n: b'"' * n,
    "backslashes": lambda n: b'"' + b"\\" * n,
    "escaped quotes": lambda n: _fill(b'"\\"', n),
    "half surrogate pairs": lambda n: b'"' + _fill(rb"\ud800", n) + b'"',
    "a known key again and again": lambda n: b'{"features":{' + _fill(b'"amount":1,', n) + b'"amount":1}}',
    "a known key, written ever longer": lambda n: (
        b'{"features":{' + b"".join(b'"amount"%s:1,' % (b" " * i) for i in range(int((2 * n) ** 0.5) - 20)) + b'"b":1}}'
    ),
    "keys that begin alike": lambda n: b"{" + b",".join(b'"%s%d":1' % (b"a" * 200, i) for i in range(n // 215)) + b"}",
    "a long name": lambda n: b'{"model":"' + b"a" * n + b'"}',
    "a long time": lambda n: b'{"model":"a","timestamp":"2026-01-01T00:00:00.' + b"1" * n + b'"}',
    "no UTF-8": lambda n: b"\xff" * n,
}


@pytest.fixture
def frozen_heap() -> Iterator[None]:
    """As in the daemon: the collector does not look at what was there before, such as the modules of all tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen_heap")
@pytest.mark.parametrize("make", IMPLEMENTATIONS)
@pytest.mark.parametrize("family", NASTY)
def test_the_largest_record_of_each_nasty_family_is_judged_soon(family: str, make: Make) -> None:
    """Reading is linear in the bytes: what is not would take minutes at the largest size that is read."""
    data = NASTY[family](MEBIBYTE - 8_192)
    assert len(data) <= MEBIBYTE
    summariser = make(SOURCE, TopicSettings(), WindowSettings(), LimitSettings(), lambda *_: world.profile())
    taken = []
    for offset in range(2):
        begun = time.process_time()
        tally = summariser.add(Batch(SOURCE, offset + 1, (offset,), (data,)), Cursor(offset, None))
        taken.append(time.process_time() - begun)
        assert tally.read == 1
    assert min(taken) < LONGEST_SECONDS


@pytest.mark.parametrize("make", IMPLEMENTATIONS)
def test_a_record_of_8_megabytes_is_rejected_unread(make: Make) -> None:
    """What is larger than the limit costs nothing, and where the limit allows it, it is read like any other."""
    data = b'{"model":"fraud","timestamp":1790000040,"features":{"note":"' + b"x" * 8_000_000 + b'"}}'
    batch = Batch(SOURCE, 1, (0,), (data,))
    begun = time.process_time()
    small, large = (
        make(SOURCE, TopicSettings(), WindowSettings(), limits, lambda *_: world.profile())
        for limits in (LimitSettings(), LimitSettings(event_bytes=2**23))
    )
    assert small.add(batch, Cursor(0, None)).rejected == [Rejected(0, Reason.TOO_LARGE)]
    assert time.process_time() - begun < 0.05
    assert large.add(batch, Cursor(0, None)).summed == 1


SCALARS = st.sampled_from(ODD) | st.text(max_size=6) | st.integers(-(2**70), 2**70) | st.floats()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
TIMES = st.integers(0, 3 * world.WINDOW_MS).map(lambda ms: world.START_MS + ms)
EVENTS = st.fixed_dictionaries(
    {"model": st.just("fraud") | VALUES, "timestamp": TIMES | VALUES},
    optional={
        "version": st.just("3") | VALUES,
        "features": VALUES
        | st.fixed_dictionaries({}, optional=dict.fromkeys(("amount", "country", "note", "other"), VALUES)),
        "prediction": VALUES,
        "label": VALUES,
    },
).map(lambda event: json.dumps(event).encode())
RECORDS = st.lists(EVENTS | st.sampled_from(WHOLE).flatmap(damaged) | st.none(), max_size=20)


def summed(make: Make, records: list[bytes | None], at_once: int) -> tuple[list[Tally], list[Part]]:
    """Sum records, so many in a batch; return what became of them and the parts."""
    profile = world.profile()
    windows = WindowSettings(duration="1m", lateness="30d")
    summariser = make(SOURCE, TopicSettings(), windows, LimitSettings(), lambda *_: profile)
    tallies: list[Tally] = []
    watermark_ms: int | None = None
    for first in range(0, len(records), at_once):
        values = records[first : first + at_once]
        position = first + len(values)
        batch = Batch(SOURCE, position, range(first, position), values, [-1] * len(values))
        tally = summariser.add(batch, Cursor(first, watermark_ms))
        if tally.newest_ms is not None:
            reached_ms = tally.newest_ms - windows.lateness
            watermark_ms = reached_ms if watermark_ms is None else max(reached_ms, watermark_ms)
        tallies.append(tally)
    return tallies, list(summariser.touched())


@pytest.mark.parametrize("make", IMPLEMENTATIONS)
@examples(100)
@given(records=RECORDS)
def test_sums_of_any_records_are_consistent(make: Make, records: list[bytes | None]) -> None:
    """Each record is counted once, each column's values once each, and the same however they are batched."""
    (tally,), parts = summed(make, records, len(records)) if records else ([Tally()], [])
    assert tally.read == len(records) == tally.summed + tally.late + len(tally.rejected)
    assert tally.summed == sum(part.events for part in parts)
    for part in parts:
        sums = sums_from_bytes(part.sums)
        for column in world.profile().layout.columns:
            run = sums[column.start : column.stop]
            assert run[N] == run[MISSING] + run[INVALID] + run[HEADER:].sum()
            assert run.min() >= 0
    tallies, singly = summed(make, records, 1)
    assert parts == singly
    assert tally.rejected == [rejected for one in tallies for rejected in one.rejected]


@pytest.mark.parametrize("make", IMPLEMENTATIONS)
@examples(50)
@given(values=st.lists(st.text(min_size=1, max_size=3) | SCALARS, max_size=30))
def test_no_value_of_a_feature_is_lost(make: Make, values: list[Any]) -> None:
    """Every value of a watched feature is missing, invalid or in a bin, whatever it is."""
    records: list[bytes | None] = [
        json.dumps(
            {"model": "fraud", "version": "3", "timestamp": world.START_MS, "features": {"country": v, "amount": v}}
        ).encode()
        for v in values
    ]
    tallies, parts = summed(make, records, 7)
    read = sum(tally.summed for tally in tallies)
    for part in parts:
        sums = sums_from_bytes(part.sums)
        counted = {column.key.name: sums[column.start + N] for column in world.profile().layout.columns}
        assert (read, read) == (counted["amount"], counted["country"])
