"""There is more to read than the daemon can hold."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import DaemonProcess
from end_to_end_traffic import FRAUD, PARTITIONS, START_MS, draw
from fault_ground import Ground, accounted, drained, read
from fault_row import Fault
from fault_traffic import SEED
from probes import Probes

from kafka_cluster import Record

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

MB = 1_000_000
NOTE_BYTES = 20_000
# what the client may hold ahead (queued.max.messages.kbytes, and a fetch on top), twice: as it came, and unpacked
BOUND_BYTES = 100 * MB


def large_events(count: int) -> Iterator[Record]:
    """Yield sound events with a large field that nobody looks at."""
    rng = random.Random(SEED)
    note = "x" * NOTE_BYTES
    for number in range(count):
        features, prediction = draw(rng)
        time_ms = START_MS + 10 * number
        document = {"model": FRAUD.name, "version": FRAUD.version, "timestamp": time_ms, "note": note}
        value = json.dumps(document | {"features": features, "prediction": prediction}).encode()
        yield Record(value, number % PARTITIONS, time_ms)


def resident_bytes(process: DaemonProcess) -> int:
    """Return the daemon's resident memory."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def test_memory_does_not_follow_the_backlog(ground: Ground, tmp_path: Path, fault: Fault) -> None:
    """A backlog several times as large as the bound is read within it, with checkpoints and probes as ever."""
    count = int(fault.lasting(12_000, 60_000))
    topic = ground.topic()
    wider = {"limits": {"event_bytes": 2 * NOTE_BYTES}}
    with ground.daemon_on(tmp_path, topic, more=wider) as process:
        process.wait_until(lambda: process.ready() and drained(process), "it is idle")
        before = resident_bytes(process)
        process.freeze()
        ground.cluster.produce(topic, large_events(count))
        process.thaw()
        most = 0

        def done() -> bool:
            nonlocal most
            most = max(most, resident_bytes(process) - before)
            return read(process) == count

        with Probes(process) as probes:
            process.wait_until(done, "the backlog is read", 200)
        assert probes.live
        assert accounted(process.scrape())
        assert process.stop() == 0
    assert most < BOUND_BYTES
    assert count * NOTE_BYTES > 2 * BOUND_BYTES
    ground.cluster.delete_topic(topic)
    fault.tell(
        f"a backlog of {count * NOTE_BYTES / MB:,.0f} MB",
        f"read; resident memory grows by {most / MB:.0f} MB at most",
        probes=probes,
        recovery_seconds=None,
        aftermath="0 lost, 0 repeated",
    )
