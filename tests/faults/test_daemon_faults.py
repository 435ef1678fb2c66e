"""The daemon itself is frozen, killed, doubled, or told to stop, at the worst of moments."""

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon_process import DaemonProcess, value, values
from fault_ground import Ground, caught_up, drained, read
from fault_row import Fault
from fault_traffic import SEED, records
from probes import Probes, not_ready, seconds_to_end, seconds_until

from broker import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

STOP_SECONDS = 10.0
KILLS = 3


def test_a_frozen_daemon_takes_its_own_absence_for_nobodys_silence(
    ground: Ground, tmp_path: Path, fault: Fault
) -> None:
    """Longer than windows.idle_timeout: what came meanwhile is read, and no window was closed without it."""
    seconds = fault.lasting(5, 60)
    with ground.streamed(tmp_path, seconds) as (process, stream, topic):
        process.freeze()
        process.lives_for(seconds)
        stream.finish()
        process.thaw()
        recovery = seconds_until(process, lambda: process.ready() and caught_up(process), "it has caught up")
        incomplete = sum(values(process.scrape(), "driftd_windows_incomplete_total").values())
        aftermath = ground.compare(ground.finish(process, topic))
    assert incomplete == 0
    fault.tell(
        f"daemon frozen (SIGSTOP) for {seconds:.0f} s while events keep coming",
        "catches up; no window incomplete; verdicts, counts and memory as undisturbed",
        probes="neither answers meanwhile; live and ready after",
        recovery_seconds=recovery,
        aftermath=aftermath,
    )


def restoring(process: DaemonProcess, rng: random.Random) -> None:
    """Wait for a moment between the start of the process and its first turn."""
    process.lives_for(rng.uniform(0.3, 1.2))


def reading(process: DaemonProcess, rng: random.Random) -> None:
    """Wait for a moment in the midst of reading."""
    process.wait_until(lambda: process.ready() and read(process) > 0, "it reads")
    process.lives_for(rng.uniform(0, 0.3))


def checkpointing(process: DaemonProcess, _: random.Random) -> None:
    """Wait until a snapshot is being written."""
    unfinished = process.snapshot.with_suffix(".tmp")
    process.wait_until(lambda: process.ready() and (unfinished.exists() or drained(process)), "it saves")


def idle(process: DaemonProcess, _: random.Random) -> None:
    """Wait until all that has been written so far is read."""
    process.wait_until(lambda: process.ready() and drained(process), "it has read everything")


@pytest.mark.parametrize("moment", [restoring, reading, checkpointing, idle], ids=lambda moment: moment.__name__)
def test_kills_change_nothing(
    moment: Callable[[DaemonProcess, random.Random], None],
    ground: Ground,
    tmp_path: Path,
    fault: Fault,
) -> None:
    """Killed thrice while events keep coming: as undisturbed, some lines repeated to the byte."""
    rng = random.Random(f"{SEED} {moment.__name__}")
    recoveries = []
    with ground.streamed(tmp_path, 8) as (process, stream, topic):
        for _ in range(KILLS):
            moment(process, rng)
            process.kill()
            process.start()
            recoveries.append(seconds_until(process, process.ready, "it is ready again"))
        stream.finish()
        aftermath = ground.compare(ground.finish(process, topic))
    fault.tell(
        f"kill -9, {KILLS} times, while {moment.__name__}",
        "verdicts, counts and memory as undisturbed",
        probes="gone; live and ready after",
        recovery_seconds=max(recoveries),
        aftermath=aftermath,
    )


@pytest.mark.parametrize("shared", ["state directory", "group"])
def test_a_second_instance_ends_and_the_first_is_not_disturbed(
    shared: str, ground: Ground, tmp_path: Path, fault: Fault
) -> None:
    """Exit code 1, with the other one named; the first one is live and ready throughout."""
    with ground.streamed(tmp_path / "first", 6) as (process, stream, topic), Probes(process) as probes:
        process.wait_until(lambda: process.ready() and claimed(process), "it has claimed the group")
        own: dict[str, str] = {} if shared == "group" else {"DRIFTD_STATE__DIRECTORY": str(process.snapshot.parent)}
        with ground.daemon_on(tmp_path / "second", topic, environment=own) as second:
            assert not second.lives_for(30)
            assert second.exit_code == 1
            message = second.lines()[-1]["event"]
        assert "is in use by" in message
        stream.finish()
        process.wait_until(lambda: caught_up(process), "all is read")
        assert probes.live
        assert not probes.reasons
        aftermath = ground.compare(ground.finish(process, topic))
    fault.tell(
        f"a second instance with the same {shared}",
        "the second ends with exit code 1 and names the first; the first reads on as undisturbed",
        probes="the first: live, ready",
        recovery_seconds=None,
        aftermath=aftermath,
    )


def claimed(process: DaemonProcess) -> bool:
    """Whether a checkpoint, and the commit with it, lies some way back."""
    return value(process.scrape(), "driftd_checkpoint_duration_seconds_count") > 5


@contextmanager
def starting_without_a_broker(ground: Ground, folder: Path) -> Iterator[tuple[DaemonProcess, str]]:
    """Yield a fresh daemon that looks for its broker."""
    topic = ground.topic_with(records())
    (port,) = free_ports(1)
    nowhere = {"DRIFTD_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{port}", "DRIFTD_KAFKA__CONNECT_TIMEOUT": "60s"}
    with ground.daemon_on(folder, topic, environment=nowhere) as process:
        process.wait_until(not_ready(process, "connecting to kafka"), "it looks for its broker")
        yield process, topic
        del process.settings["DRIFTD_KAFKA__BOOTSTRAP_SERVERS"]


@contextmanager
def starting_again_without_a_broker(ground: Ground, folder: Path) -> Iterator[tuple[DaemonProcess, str]]:
    """Yield a daemon with a snapshot that tries to find its broker again and again."""
    with half_way(ground, folder) as (process, topic):
        assert process.stop() == 0
        ground.broker.kill()
        process.start()
        process.wait_until(not_ready(process), "it looks for its broker")
        process.lives_for(3)
        yield process, topic
        ground.mend()


@contextmanager
def restoring_its_state(ground: Ground, folder: Path) -> Iterator[tuple[DaemonProcess, str]]:
    """Yield a daemon that has begun to serve and is not ready yet."""
    with half_way(ground, folder) as (process, topic):
        process.kill()
        process.start()
        process.wait_until(lambda: process.logged("listening") is not None, "it serves")
        yield process, topic


@contextmanager
def catching_up(ground: Ground, folder: Path) -> Iterator[tuple[DaemonProcess, str]]:
    """Yield a daemon in the midst of a backlog."""
    with half_way(ground, folder) as (process, topic):
        yield process, topic


@contextmanager
def being_idle(ground: Ground, folder: Path) -> Iterator[tuple[DaemonProcess, str]]:
    """Yield a daemon that has nothing to do."""
    with half_way(ground, folder) as (process, topic):
        process.wait_until(lambda: process.ready() and caught_up(process), "all is read")
        yield process, topic


@contextmanager
def facing_a_frozen_broker(ground: Ground, folder: Path) -> Iterator[tuple[DaemonProcess, str]]:
    """Yield a daemon whose broker keeps its connections and says nothing."""
    with half_way(ground, folder) as (process, topic):
        ground.broker.freeze()
        process.wait_until(not_ready(process, "no broker can be reached"), "it notices")
        yield process, topic
        ground.mend()


@contextmanager
def half_way(ground: Ground, folder: Path) -> Iterator[tuple[DaemonProcess, str]]:
    """Yield a daemon that has saved a part of what there is to read."""
    topic = ground.topic_with(records())
    with ground.daemon_on(folder, topic) as process:
        process.wait_until(lambda: process.snapshot.exists() and read(process) > 0, "it reads")
        yield process, topic


STATES = {
    "starting without a broker": starting_without_a_broker,
    "starting again without a broker": starting_again_without_a_broker,
    "restoring its state": restoring_its_state,
    "catching up": catching_up,
    "idle": being_idle,
    "facing a frozen broker": facing_a_frozen_broker,
}


@pytest.mark.parametrize("state", STATES)
def test_a_daemon_told_to_stop_ends_in_time_and_loses_nothing(
    state: str, ground: Ground, tmp_path: Path, fault: Fault
) -> None:
    """Exit code 0 within 10 s, and the next start goes on where this one stopped."""
    with STATES[state](ground, tmp_path) as (process, topic):
        os.kill(process.pid, signal.SIGTERM)
        took = seconds_to_end(process, STOP_SECONDS)
    assert process.exit_code == 0
    process.start()
    try:
        recovery = seconds_until(process, process.ready, "it is ready again")
        aftermath = ground.compare(ground.finish(process, topic))
    finally:
        process.kill()
    fault.tell(
        f"SIGTERM while {state}",
        f"exit code 0 after {took:.1f} s; the next start goes on, and comes to the undisturbed outcome",
        probes="ends",
        recovery_seconds=recovery,
        aftermath=aftermath,
    )
