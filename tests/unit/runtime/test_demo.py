"""The demonstration, at the command line and when something goes wrong."""

import re
import socket
import subprocess
import sys
from io import StringIO
from threading import Event
from typing import Any

import pytest
from click.testing import CliRunner

from driftd.cli import main
from driftd.cli.demo import free_port
from driftd.errors import DriftdError, SnapshotTorn
from driftd.logs.settings import LogSettings
from driftd.logs.stream import Log, open_log
from driftd.runtime import demo as demo_module
from driftd.runtime.clock import SystemClock
from driftd.runtime.demo import Show
from driftd.runtime.requests import Requests


@pytest.mark.timeout(180)
def test_demo_pages_the_two_drifted_features_and_nothing_else() -> None:
    """``driftd demo --seconds 25`` ends with exit code 0: one page, of amount and country, and its end."""
    command = [sys.executable, "-m", "driftd", "demo", "--seconds", "25"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert "Pages    1, naming amount, country" in said
    assert sum("  PAGE  " in line for line in said) == 1
    assert sum("  RESOLVED  " in line for line in said) == 1
    assert said[-1].startswith("Verdict  the drift was paged once")
    (events,) = (line for line in said if line.startswith("Events"))
    read, observed, lost, pending = (int(number.replace(",", "")) for number in re.findall(r"[0-9][0-9,]*", events))
    assert read == observed + lost + pending == 180 * 240
    assert lost == 0


def test_too_little_time_is_misuse() -> None:
    """The show cannot be told in less than 15 seconds."""
    result = CliRunner().invoke(main, ["demo", "--seconds", "5"])
    assert result.exit_code == 2
    assert "Invalid value for '--seconds'" in result.stderr


def test_wanted_port_is_taken_if_it_is_free() -> None:
    """Else another one that is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        probe.listen()
        taken = probe.getsockname()[1]
        assert free_port(taken) not in {0, taken}
    assert taken == free_port(taken)


@pytest.fixture
def log() -> Log:
    """A log that nobody reads."""
    return open_log(LogSettings(), now=lambda: 0.0, monotonic=lambda: 0.0, stream=StringIO())


def failing(*_: object, **__: object) -> None:
    """Fail as a daemon whose state cannot be read."""
    raise SnapshotTorn("state", "is torn", "reset it")


def mistaken(*_: object, **__: object) -> None:
    """Fail as a daemon that notices a mistake of its own."""
    raise AssertionError("1 events were counted twice")


@pytest.mark.parametrize(("daemon", "error"), [(failing, SnapshotTorn), (mistaken, AssertionError)])
def test_daemon_that_fails_ends_the_show_at_once(
    daemon: Any, error: type[Exception], log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended it is told, not that the time is up."""
    monkeypatch.setattr(demo_module, "run_daemon", daemon)
    said: list[str] = []
    with pytest.raises(error):
        Show(said.append, log, SystemClock(), seconds=60.0, port=1).run(keep=None)
    assert [line[:2] for line in said] == ["1.", "2.", "3."]


def test_show_without_a_daemon_gives_up_in_time(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never gets ready is a failure that says what to do, and is told to stop."""
    stopped = Event()

    def waiting(_config: object, _log: object, _clock: object, requests: Requests, **_: object) -> None:
        requests.wait(30, lambda: None)
        stopped.set()

    monkeypatch.setattr(demo_module, "run_daemon", waiting)
    show = Show(lambda _: None, log, SystemClock(), seconds=0.0, port=1)
    with pytest.raises(DriftdError, match=r"^the daemon did not get ready within the time allowed: try"):
        show.run(keep=None)
    assert stopped.is_set()
