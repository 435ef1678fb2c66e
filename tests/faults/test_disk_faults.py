"""The disk is full, read-only or slow. Not marked kafka: where no disk can be mounted, these tests may skip on CI."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon_process import DaemonProcess, value
from fault_ground import Ground, caught_up, read
from fault_row import Fault
from probes import Probes, not_ready, seconds_to_end, seconds_until
from small_disk import SmallDisk, small_disk

pytestmark = [pytest.mark.timeout(300)]

DISK_BYTES = 4 << 20
INJECTED = Path(__file__).resolve().with_name("injected")
TROUBLES: dict[str, tuple[Callable[[SmallDisk], None], Callable[[SmallDisk], None]]] = {
    "full": (SmallDisk.fill, SmallDisk.free),
    "read-only": (SmallDisk.make_read_only, SmallDisk.make_writable),
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A small disk of the test's own."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as mounted:
        yield mounted


def failures(process: DaemonProcess) -> float:
    """Return how many checkpoints could not be written."""
    return value(process.scrape(), "driftd_checkpoint_failures_total")


def saved(process: DaemonProcess) -> float:
    """Return how many checkpoints were written."""
    return value(process.scrape(), "driftd_checkpoint_duration_seconds_count")


@pytest.mark.parametrize("trouble", TROUBLES)
def test_nothing_is_lost_while_the_snapshot_cannot_be_written(
    trouble: str,
    ground: Ground,
    disk: SmallDisk,
    tmp_path: Path,
    fault: Fault,
) -> None:
    """It goes on serving and counts the failures; once it can write again, all is told and saved."""
    begin, end = TROUBLES[trouble]
    state = {"DRIFTD_STATE__DIRECTORY": str(disk.path)}
    with ground.streamed(tmp_path, 6, environment=state) as (process, stream, topic):
        process.snapshot = disk.path / "snapshot.jsonl"
        process.wait_until(lambda: saved(process) > 0, "it has saved")
        with Probes(process) as probes:
            begin(disk)
            process.wait_until(lambda: failures(process) > 0, "it cannot save")
            assert process.lives_for(fault.lasting(2, 30))
            stream.finish()
            before = saved(process)
            end(disk)
            recovery = seconds_until(process, lambda: process.ready() and saved(process) > before, "it saves again")
        assert probes.live
        aftermath = ground.compare(ground.finish(process, topic))
    fault.tell(
        f"state directory {trouble} while running",
        "goes on serving, counts the failed checkpoints; verdicts, counts and memory as undisturbed",
        probes=probes,
        recovery_seconds=recovery,
        aftermath=aftermath,
    )


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_start_with_a_state_directory_that_cannot_be_written_waits(
    trouble: str, ground: Ground, disk: SmallDisk, tmp_path: Path, fault: Fault
) -> None:
    """With a snapshot in it: live, and going on by itself once the cause is gone."""
    begin, end = TROUBLES[trouble]
    state = {"DRIFTD_STATE__DIRECTORY": str(disk.path)}
    with ground.streamed(tmp_path, 4, environment=state) as (process, stream, topic):
        process.snapshot = disk.path / "snapshot.jsonl"
        process.wait_until(lambda: saved(process) > 0, "it has saved")
        assert process.stop() == 0
        begin(disk)
        process.start()
        process.wait_until(
            lambda: process.logged("snapshot not saved") is not None or not_ready(process, str(disk.path))(),
            "it says what is wrong",
        )
        with Probes(process) as probes:
            stream.finish()
            assert process.lives_for(2)
            end(disk)
            recovery = seconds_until(process, lambda: process.ready() and saved(process) > 0, "it saves")
        assert probes.live
        aftermath = ground.compare(ground.finish(process, topic))
    fault.tell(
        f"state directory {trouble} at a restart",
        "stays, and goes on by itself; verdicts, counts and memory as undisturbed",
        probes=probes,
        recovery_seconds=recovery,
        aftermath=aftermath,
    )


def test_nothing_is_lost_while_the_outputs_cannot_be_written(
    ground: Ground, disk: SmallDisk, tmp_path: Path, fault: Fault
) -> None:
    """--events-out and --windows-out on a full disk: told in full and in order when there is space again."""
    topic = ground.topic()
    with ground.daemon_on(tmp_path, topic) as process:
        process.kill()
        process.events, process.windows = disk.path / "events.jsonl", disk.path / "windows.jsonl"
        process.start()
        with ground.stream(topic, 6) as stream:
            process.wait_until(lambda: process.windows.exists() and process.windows.stat().st_size > 0, "it tells")
            with Probes(process) as probes:
                disk.fill()
                stream.finish()
                assert process.lives_for(fault.lasting(2, 30))
                disk.free()
                recovery = seconds_until(process, lambda: process.ready() and caught_up(process), "it reads on")
            assert probes.live
            aftermath = ground.compare(ground.finish(process, topic))
    fault.tell(
        "disk of --events-out and --windows-out full while running",
        "goes on serving; everything is told once there is space; as undisturbed",
        probes=probes,
        recovery_seconds=recovery,
        aftermath=aftermath,
    )


def test_a_daemon_with_a_full_disk_ends_in_time_and_loses_nothing(
    ground: Ground, disk: SmallDisk, tmp_path: Path, fault: Fault
) -> None:
    """SIGTERM while no snapshot can be written: exit code 0 within 10 s, and what was not saved is read again."""
    state = {"DRIFTD_STATE__DIRECTORY": str(disk.path)}
    with ground.streamed(tmp_path, 4, environment=state) as (process, stream, topic):
        process.snapshot = disk.path / "snapshot.jsonl"
        process.wait_until(lambda: saved(process) > 0, "it has saved")
        disk.fill()
        process.wait_until(lambda: failures(process) > 0, "it cannot save")
        os.kill(process.pid, 15)
        took = seconds_to_end(process, 10)
        assert process.exit_code == 0
        disk.free()
        stream.finish()
        process.start()
        recovery = seconds_until(process, process.ready, "it is ready again")
        aftermath = ground.compare(ground.finish(process, topic))
    fault.tell(
        "SIGTERM while the state directory is full",
        f"exit code 0 after {took:.1f} s; the next start reads again what was not saved",
        probes="ends",
        recovery_seconds=recovery,
        aftermath=aftermath,
    )


def test_a_slow_disk_delays_and_disturbs_nothing(ground: Ground, tmp_path: Path, fault: Fault) -> None:
    """Every fsync takes as long as 2 s: live and ready throughout, and the same verdicts."""
    seconds = fault.lasting(0.5, 2)
    path = f"{INJECTED}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    slow = {"PYTHONPATH": path, "FAULTS_FSYNC_SECONDS": str(seconds)}
    seldom = {"state": {"checkpoint_interval": "10s"}}
    with ground.streamed(tmp_path, 6, more=seldom, environment=slow) as (process, stream, topic):
        process.wait_until(process.ready, "it is ready")
        with Probes(process) as probes:
            process.wait_until(lambda: read(process) > 0, "it reads")
            stream.finish()
            process.wait_until(lambda: caught_up(process), "all is read", 120)
        assert probes.live
        assert not probes.reasons
        aftermath = ground.compare(ground.finish(process, topic))
    fault.tell(
        f"every fsync takes {seconds:g} s",
        "as undisturbed, later",
        probes=probes,
        recovery_seconds=None,
        aftermath=aftermath,
    )
