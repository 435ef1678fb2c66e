"""A daemon killed under one kernel and resumed under the other, on a real broker: nothing tells which one read."""

import random
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest
from daemon_process import DaemonProcess, daemon
from small_world import PARTITIONS, SmallWorld, small_world

from driftd.summarise.choice import VARIABLE
from kernels import NEEDS_KERNEL

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300), *NEEDS_KERNEL]

WINDOWS = 60
KILLS = 6
SEED = 6
Told = tuple[bytes, bytes, bytes]


@pytest.fixture(scope="module")
def world(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> SmallWorld:
    """A topic whose second half drifts."""
    return small_world(tmp_path_factory.mktemp("kernels"), kafka_bootstrap, WINDOWS)


@pytest.fixture(scope="module")
def undisturbed(world: SmallWorld) -> Told:
    """What a daemon leaves behind that reads all of it in Python."""
    with daemon(world.config.parent / "undisturbed", world.config, **{VARIABLE: "python"}) as process:
        process.wait_until_all_is_told(PARTITIONS)
        assert process.stop() == 0
        return told(process)


def told(process: DaemonProcess) -> Told:
    """Return the drift events and windows, each once, and the snapshot."""
    return once(process.events), once(process.windows), process.snapshot.read_bytes()


def once(path: Path) -> bytes:
    """Return the lines of a file, those left out that a restarted daemon told again, and those a kill cut off."""
    lines = path.read_bytes().splitlines(keepends=True)
    return b"".join(dict.fromkeys(line for line in lines if line.endswith(b"}\n")))


@pytest.mark.parametrize("kernels", [("python", "rust"), ("rust", "python")], ids=" then ".join)
def test_kills_and_a_change_of_kernel_change_nothing(
    world: SmallWorld, undisturbed: Told, tmp_path: Path, kernels: tuple[str, str]
) -> None:
    """Killed in the midst of open windows, by turns under each: drift events, windows and snapshot to the byte."""
    rng = random.Random(SEED)
    process = DaemonProcess(tmp_path, world.config)
    turns = cycle(kernels)
    saved = []
    try:
        for _ in range(KILLS):
            before = contents(process.snapshot)
            process.settings[VARIABLE] = next(turns)
            process.start()
            process.wait_until(partial(differs, process.snapshot, before), "it has saved")
            assert process.lives_for(rng.uniform(0, 0.1))
            process.kill()
            saved.append(contents(process.snapshot))
        process.settings[VARIABLE] = next(turns)
        process.start()
        process.wait_until_all_is_told(PARTITIONS)
        assert process.stop() == 0
    finally:
        process.kill()
    assert undisturbed[0]
    assert undisturbed == told(process)
    assert len(set(saved)) > 1  # the kills fell upon the work


def differs(path: Path, before: bytes) -> bool:
    """Whether a file has been written anew."""
    return contents(path) != before


def contents(path: Path) -> bytes:
    """Return what a file holds, nothing if it is not there yet."""
    return path.read_bytes() if path.exists() else b""
