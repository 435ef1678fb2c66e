"""The wall clock is set while the daemon runs."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon_process import DaemonProcess, value
from end_to_end_traffic import PARTITIONS
from fault_ground import Ground, caught_up, read
from fault_row import Fault
from fault_traffic import records
from probes import Probes, seconds_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

SOURCE = Path(__file__).resolve().with_name("jumping_clock.c")
JUMPS = {"back by an hour": -3_600, "ahead by a day": 86_400}  # in seconds
NOTICED_SECONDS = 10.0
SETTINGS = 6
TURNED = "driftd_loop_last_turn_timestamp_seconds"


@dataclass(frozen=True, slots=True)
class WallClock:
    """The wall clock of the processes that are started with its environment."""

    shim: Path
    offset_file: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be started with."""
        return {"LD_PRELOAD": str(self.shim), "CLOCK_OFFSET_FILE": str(self.offset_file)}

    def set(self, ahead_seconds: int) -> None:
        """Set it so far ahead of the machine's clock; below zero: behind."""
        written = self.offset_file.with_suffix(".new")
        written.write_text(f"{ahead_seconds}\n")
        written.replace(self.offset_file)


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    """A wall clock that the test may set."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    made = WallClock(tmp_path / "jumping_clock.so", tmp_path / "offset")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(made.shim), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    made.set(0)
    return made


@pytest.mark.parametrize("name", JUMPS)
def test_reading_and_verdicts_do_not_care_when_the_clock_is_set(
    name: str, ground: Ground, clock: WallClock, tmp_path: Path, fault: Fault
) -> None:
    """In the midst of reading, and when idle: live and ready throughout, reading on, and the undisturbed outcome."""
    last = PARTITIONS  # records that come in the end: too few to end a wait before its time
    with ground.streamed(tmp_path, 5, records()[:-last], environment=clock.environment) as (process, stream, topic):
        process.wait_until(process.ready, "it is ready")
        with Probes(process) as probes:
            clock.set(JUMPS[name])
            stream.finish()
            process.wait_until(lambda: read(process) == len(records()) - last, "it has read on", NOTICED_SECONDS)
            turns(process, 3)  # it settles: nothing is left that would end a wait before its time
            for times in range(2, 2 + SETTINGS):  # a wait is under way at most of them
                clock.set(times * JUMPS[name])
                turns(process, 1)
            process.lives_for(fault.lasting(0, 40))  # longer than a loop may stand still and count as live
            ground.produce(topic, records()[-last:])
            recovery = seconds_until(process, lambda: caught_up(process), "it reads on", NOTICED_SECONDS)
        aftermath = ground.compare(ground.finish(process, topic))
    assert probes.live
    assert not probes.reasons
    fault.tell(
        f"clock set {name}, while reading and {SETTINGS} times while idle",
        "reads on; verdicts, counts and memory as undisturbed",
        probes=probes,
        recovery_seconds=recovery,
        aftermath=aftermath,
    )


def turns(process: DaemonProcess, seconds: int) -> None:
    """Look once a second whether the loop has turned."""
    for _ in range(seconds):
        last = value(process.scrape(), TURNED)
        process.lives_for(1)
        assert last != value(process.scrape(), TURNED), "the loop stands still"
