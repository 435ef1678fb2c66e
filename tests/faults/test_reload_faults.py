"""The configuration is reloaded again and again, with right and wrong files, while the daemon works and dies."""

import os
import random
import signal
from pathlib import Path

import pytest
from daemon_process import DaemonProcess, value
from fault_ground import Ground
from fault_row import Fault
from fault_traffic import SEED
from probes import Probes, seconds_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

ROUNDS = 8
KILLED_IN = {2, 5}
NOTICED_SECONDS = 10.0
WRONG = ("kafka: [", "kafka: {topics: 7}\n", '{"windows": {"duration": "yesterday"}}', "")


def succeeded(process: DaemonProcess) -> bool:
    """Whether the newest attempt to load the configuration succeeded."""
    return value(process.scrape(), "driftd_config_last_reload_successful") == 1


def test_reloads_change_no_verdict_and_a_wrong_file_keeps_the_old_one(
    ground: Ground, tmp_path: Path, fault: Fault
) -> None:
    """SIGHUP with a wrong file shows in the gauge, with a right one clears it; kills in between change nothing."""
    rng = random.Random(SEED)
    slowest = 0.0
    recoveries: list[float] = []
    with ground.streamed(tmp_path, 10) as (process, stream, topic):
        right = process.config.read_text()
        process.wait_until(process.ready, "it is ready")
        for number in range(ROUNDS):
            with Probes(process) as refusing:
                slowest = max(slowest, reloaded(process, rng.choice(WRONG), successful=False))
            assert refusing.live
            assert not refusing.reasons
            changed = right.replace('"checkpoint_interval": "200ms"', f'"checkpoint_interval": "{201 + number}ms"')
            assert changed != right
            with Probes(process) as reloading:
                reloaded(process, changed, successful=True)
                recoveries.append(seconds_until(process, process.ready, "it is ready with it"))
            assert reloading.live
            if number in KILLED_IN:
                process.kill()
                process.start()
                process.wait_until(process.ready, "it is ready again")
        stream.finish()
        aftermath = ground.compare(ground.finish(process, topic))
    fault.tell(
        f"SIGHUP {2 * ROUNDS} times, every other with a wrong file, and kill -9 {len(KILLED_IN)} times",
        f"a wrong file keeps the old one and shows within {slowest:.1f} s; as undisturbed",
        probes="live; ready all the time with wrong files, and at once again with right ones",
        recovery_seconds=max(recoveries),
        aftermath=aftermath,
    )


def reloaded(process: DaemonProcess, content: str, *, successful: bool) -> float:
    """Write a configuration, have it loaded, and wait until the gauge says so; return how long that took."""
    process.config.write_text(content)
    os.kill(process.pid, signal.SIGHUP)
    return seconds_until(process, lambda: succeeded(process) == successful, "the gauge shows it", NOTICED_SECONDS)
