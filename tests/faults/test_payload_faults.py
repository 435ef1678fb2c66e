"""Records that nobody can use, in the midst of those of sound senders."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import values
from end_to_end_traffic import FRAUD, PARTITIONS, START_MS
from fault_ground import Ground, accounted, caught_up, outcome_of, same
from fault_row import Fault
from fault_traffic import records
from probes import Probes

from kafka_cluster import Record

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

HUGE_BYTES = 8 << 20
EVERY = 500  # so many records of the traffic between two of these
WILD_TIMES: tuple[object, ...] = (
    *(-1, 0, 1e18, 1e308, 9_999_999_999_999, 253_402_300_800_000),
    *("9999-12-31T23:59:59Z", "never", [], True),
)


def hostile() -> Iterator[tuple[bytes | None, str]]:
    """Yield values that must be rejected, with the reason."""
    while True:
        yield None, "tombstone"
        yield b"{" + b" " * HUGE_BYTES + b"}", "too_large"
        yield b'{"model": ' * 2_000, "too_large"
        yield b"[" * 2_000 + b"]" * 2_000, "malformed"
        yield b"\xff\xfe\x00", "malformed"
        yield b"\x00" * 100, "unsupported"
        yield json.dumps({f"key {number}": number for number in range(100)}).encode(), "missing_model"
        yield json.dumps({"model": "m" * 1_000, "timestamp": START_MS}).encode(), "limit"


def wild() -> Iterator[bytes]:
    """Yield events with times that no clock ever showed; what becomes of each is events.md's business."""
    for time in WILD_TIMES:
        yield json.dumps({"model": FRAUD.name, "version": FRAUD.version, "timestamp": time}).encode()


def spoilt(reasons: Counter[str]) -> Iterator[Record]:
    """Yield the traffic with hostile records and wild times in its midst; count the former by reason."""
    hostiles, wilds = hostile(), wild()
    for number, record in enumerate(records()):
        yield record
        if number % EVERY == EVERY - 1:
            value, reason = next(hostiles)
            reasons[reason] += 1
            yield Record(value, number % PARTITIONS, record.timestamp_ms)
            odd = next(wilds, None)
            if odd is not None:
                yield Record(odd, number % PARTITIONS, record.timestamp_ms)


def test_hostile_records_are_counted_and_change_no_verdict(ground: Ground, tmp_path: Path, fault: Fault) -> None:
    """Tombstones, 8 MB, nesting, broken text, wild times: by reason, and the windows are the undisturbed ones."""
    reasons: Counter[str] = Counter()
    contents = list(spoilt(reasons))
    topic = ground.topic_with(contents)
    with ground.daemon_on(tmp_path, topic) as process:
        process.wait_until(process.ready, "it is ready")
        with Probes(process) as probes:
            process.wait_until(lambda: caught_up(process), "all is read", 120)
            scrape = process.scrape()
        assert process.stop() == 0
    assert probes.live
    assert not probes.reasons
    assert accounted(scrape)
    rejected = values(scrape, "driftd_events_rejected_total", topic=topic)
    usual = ground.undisturbed_rejections
    for reason, count in reasons.items():
        assert rejected[frozenset({("reason", reason)})] >= usual[reason] + count
    assert sum(rejected.values()) <= sum(usual.values()) + reasons.total() + len(WILD_TIMES)
    same(ground.undisturbed.windows, outcome_of(process, topic).windows)
    fault.tell(
        f"{reasons.total()} hostile records (8 MB, tombstones, nesting, broken text) and {len(WILD_TIMES)} wild times",
        "each counted by its reason; windows and verdicts as undisturbed",
        probes=probes,
        recovery_seconds=None,
        aftermath="0 lost, 0 repeated",
    )
