"""The parts of deploy/compose that are driftd's own work together: topics, reference, traffic, daemon, receiver."""

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon_process import DaemonProcess, values

from broker import LocalBroker, free_ports
from waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

TOUR = Path(__file__).parents[2] / "deploy" / "compose"

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start scripts of the tour; what still runs after the test is ended."""
    started = []

    def one(script: str, *arguments: str | Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, TOUR / script, *arguments]
        started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait(timeout=30)


@pytest.fixture
def daemon(own_broker: LocalBroker, tmp_path: Path) -> Iterator[DaemonProcess]:
    """A daemon with the configuration of the tour, but for its addresses and folders."""
    process = DaemonProcess(
        tmp_path,
        TOUR / "driftd.yaml",
        DRIFTD_KAFKA__BOOTSTRAP_SERVERS=own_broker.bootstrap_servers,
        DRIFTD_REFERENCES__DIRECTORY=str(tmp_path),
    )
    yield process
    process.kill()


def test_tour_shows_its_drift(start: Start, daemon: DaemonProcess, own_broker: LocalBroker, tmp_path: Path) -> None:
    """What the README promises: the receiver is told of an incident with both features that drift."""
    brokers = f"--bootstrap-servers={own_broker.bootstrap_servers}"
    (port,) = free_ports(1)
    receiver = start("receiver.py", f"--listen=127.0.0.1:{port}")
    assert start("traffic.py", "topics", brokers).wait(timeout=60) == 0
    assert start("traffic.py", "reference", tmp_path).wait(timeout=60) == 0
    daemon.settings["DRIFTD_DELIVERY__WEBHOOKS__TOUR__URL"] = f"http://127.0.0.1:{port}/driftd"
    daemon.start()
    traffic = start("traffic.py", "produce", brokers, "--healthy=0", "--drifting=600")

    def told() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return str(answer.read().decode())

    daemon.wait_until(daemon.ready, "the daemon is ready")
    wait_for(lambda: "DRIFTD firing: incident " in told(), "the drift is told", 120)
    assert "amount: up, share " in told()
    assert "country: changed, share " in told()
    assert not any(values(daemon.scrape(), "driftd_events_rejected_total").values())
    assert start("receiver.py", f"--probe=127.0.0.1:{port}").wait(timeout=30) == 0
    assert daemon.stop() == 0
    for process in (traffic, receiver):
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
