"""A real Prometheus scrapes the daemon, and promtool has nothing to say about what it serves."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_process import DaemonProcess, daemon, write_config
from small_world import EVENTS_PER_WINDOW, PARTITIONS, small_world

from broker import free_ports
from programs import program
from waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.prometheus, pytest.mark.timeout(180)]

WINDOWS = 24
COLUMN = {"model", "version", "segment", "column", "role"}
SCRAPE_LABELS = {"__name__", "instance", "job"}  # Prometheus' own


@pytest.fixture(scope="module")
def told(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon that has read all there is and has an incident open."""
    folder = tmp_path_factory.mktemp("scraped")
    world = small_world(folder, kafka_bootstrap, WINDOWS)
    with daemon(folder / "daemon", world.config) as process:
        process.wait_until_all_is_told(PARTITIONS)
        yield process


def test_promtool_has_nothing_to_say(told: DaemonProcess) -> None:
    """Names, types, units and help texts are as Prometheus wants them."""
    status, body = told.get("/metrics")
    assert status == 200
    assert "\ndriftd_incident_firing{" in body
    command = [program("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=body, capture_output=True, text=True, timeout=30, check=False)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.fixture
def prometheus(told: DaemonProcess, tmp_path: Path) -> Iterator[str]:
    """The address of a Prometheus that scrapes the daemon every second."""
    command = program("prometheus")
    target = {"job_name": "driftd", "static_configs": [{"targets": [f"127.0.0.1:{told.port}"]}]}
    config = write_config(
        tmp_path / "prometheus.yml",
        {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [target]},
    )
    (port,) = free_ports(1)
    options = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path}", f"--web.listen-address=127.0.0.1:{port}"]
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([command, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=tmp_path)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(timeout=30)


def ask(prometheus: str, path: str, **parameters: str) -> Any:
    """Ask Prometheus' API; None while it does not answer."""
    try:
        with urllib.request.urlopen(
            f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=5
        ) as found:
            return json.load(found)["data"]
    except OSError:
        return None


def query(prometheus: str, expression: str) -> list[tuple[dict[str, str], float]]:
    """Return the labels and values of an instant query."""
    answer = ask(prometheus, "query", query=expression) or {"result": []}
    return [(sample["metric"], float(sample["value"][1])) for sample in answer["result"]]


def test_a_real_prometheus_scrapes_it(told: DaemonProcess, prometheus: str) -> None:
    """The target is up, no scrape fails, and the series have the labels and values that the daemon serves."""

    def up() -> bool:
        return [value for _, value in query(prometheus, 'up{job="driftd"}')] == [1]

    wait_for(lambda: up() and bool(query(prometheus, "driftd_column_distance")), "Prometheus has scraped the daemon")
    (target,) = ask(prometheus, "targets")["activeTargets"]
    assert ("up", "") == (target["health"], target["lastError"])

    distances = query(prometheus, "driftd_column_distance")
    assert [COLUMN | {"distance"}] * len(distances) == [labels.keys() - SCRAPE_LABELS for labels, _ in distances]
    assert {"psi", "js", "ks", "wasserstein"} == {labels["distance"] for labels, _ in distances}
    ((labels, read),) = query(prometheus, "driftd_events_read_total")
    assert WINDOWS * EVENTS_PER_WINDOW == read
    assert {"topic"} == labels.keys() - SCRAPE_LABELS
    ((labels, firing),) = query(prometheus, "driftd_incident_firing")
    assert ("fraud", "1", "all", 1) == (labels["model"], labels["version"], labels["segment"], firing)
    drifting = query(prometheus, 'driftd_column_state{state="drift"} == 1')
    assert {"amount", "country"} == {labels["column"] for labels, _ in drifting}

    # nothing that the daemon serves is lost on the way
    served = {(name, labels | {("__name__", name)}) for name, labels in told.scrape()}
    stored = {
        (labels["__name__"], frozenset(labels.items() - {("instance", labels["instance"]), ("job", "driftd")}))
        for labels, _ in query(prometheus, '{job="driftd", __name__=~"driftd_.*|process_.*"}')
    }
    assert served == stored
