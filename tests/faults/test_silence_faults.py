"""Partitions that fall silent, and ones that cannot be reached."""

import json
from pathlib import Path

import pytest
from daemon_process import values
from end_to_end_traffic import DURATION_MS, PARTITIONS
from fault_ground import Ground, accounted
from fault_row import Fault
from fault_traffic import records
from probes import Probes, not_ready, seconds_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

IDLE = {"windows": {"duration": f"{DURATION_MS}ms", "idle_timeout": "2s"}}


def told(path: Path) -> int:
    """Return how many windows a file of window lines holds."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return len({json.loads(line)["window"]["start_ms"] for line in lines})


def test_windows_do_not_wait_for_a_silent_partition(ground: Ground, tmp_path: Path, fault: Fault) -> None:
    """They close after windows.idle_timeout, marked incomplete."""
    sounding = [record for record in records() if record.partition != 0]
    topic = ground.topic_with(sounding)
    with ground.daemon_on(tmp_path, topic, more=IDLE) as process:
        process.wait_until(process.ready, "it is ready")
        with Probes(process) as probes:
            expected = told_windows(ground)
            took = seconds_until(process, lambda: told(process.windows) >= expected - 1, "they close")
            scrape = process.scrape()
        assert accounted(scrape)
        incomplete = sum(values(scrape, "driftd_windows_incomplete_total").values())
    assert probes.live
    assert not probes.reasons
    assert incomplete > 0
    fault.tell(
        f"1 of {PARTITIONS} partitions silent",
        f"windows close {took:.1f} s after the daemon was ready (idle_timeout 2s); {incomplete:.0f} marked incomplete",
        probes=probes,
        recovery_seconds=None,
        aftermath="0 lost, 0 repeated",
    )


def told_windows(ground: Ground) -> int:
    """Return how many windows the undisturbed run has told of."""
    return len({json.loads(line)["window"]["start_ms"] for line in ground.undisturbed.windows})


def test_no_window_closes_while_no_partition_can_be_reached(ground: Ground, tmp_path: Path, fault: Fault) -> None:
    """However long after windows.idle_timeout: being cut off is nobody's silence."""
    half = len(records()) // 2
    topic = ground.topic_with(records()[:half])
    waiting = {"windows": {"duration": f"{DURATION_MS}ms", "idle_timeout": "10s"}}
    with ground.daemon_on(tmp_path, topic, more=waiting) as process:
        process.wait_until(lambda: process.ready() and told(process.windows) > 0, "it reads")
        with Probes(process) as probes:
            ground.broker.kill()
            process.wait_until(not_ready(process, "no broker can be reached"), "it notices")
            before = process.windows.stat().st_size
            process.lives_for(fault.lasting(16, 60))
            assert before == process.windows.stat().st_size
            ground.mend()
            recovery = seconds_until(process, process.ready, "it is ready again")
        assert probes.live
        ground.produce(topic, records()[half:])
        aftermath = ground.compare(ground.finish(process, topic))
    fault.tell(
        "every partition unreachable, for longer than any window waits",
        "no window closes meanwhile; verdicts, counts and memory as undisturbed",
        probes=probes,
        recovery_seconds=recovery,
        aftermath=aftermath,
    )
