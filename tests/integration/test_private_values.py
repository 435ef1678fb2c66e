"""A daemon that must not show values: planted ones are looked for in everything it lets out, and leaves behind."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from daemon_process import DaemonProcess, daemon, driftd, write_config

import private_world as world
from kafka_cluster import Cluster, Record

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

PARTITIONS = 2
WINDOWS = 24
STEP_MS = world.WINDOW_MS / world.PER_WINDOW


@dataclass(frozen=True, slots=True)
class Town:
    """A topic with the first part of the traffic, and references; ``go_on`` produces the rest."""

    folder: Path
    bootstrap_servers: str
    topic: str
    go_on: Callable[[], None]

    def config(self, name: str, models: dict[str, Any]) -> Path:
        """Write the configuration of one daemon."""
        return write_config(
            self.folder / f"{name}.yaml",
            {
                "kafka": {
                    "bootstrap_servers": self.bootstrap_servers,
                    "group_id": f"{self.topic}-{name}",
                    "topics": [self.topic],
                    "start": "earliest",
                },
                "references": {"directory": str(self.folder / "references"), "poll_interval": "200ms"},
                "windows": {"duration": f"{world.WINDOW_MS}ms", "lateness": "1s", "idle_timeout": "500ms"},
                "incidents": {"page_max_age": "36500d"},
                "state": {"checkpoint_interval": "200ms"},
                "log": {"level": "debug"},
                "models": models,
            },
        )


@pytest.fixture
def town(kafka_bootstrap: str, tmp_path: Path) -> Town:
    """Build the reference, and produce two thirds of the traffic: the drift is in the second half."""
    training = tmp_path / "training.jsonl"
    training.write_bytes(b"\n".join(world.events(20, 0, seed=1)))
    (tmp_path / "references").mkdir()
    done = driftd("profile", training, "--timestamp", "timestamp", "-o", tmp_path / "references" / "lending.json")
    assert done.returncode == 0, done.stderr
    cluster = Cluster(kafka_bootstrap)
    topic = cluster.create_topic(PARTITIONS)
    values = list(world.events(WINDOWS, WINDOWS // 2, seed=2))
    records = [
        Record(value, number % PARTITIONS, world.START_MS + round(number * STEP_MS))
        for number, value in enumerate(values)
    ]
    cut = 2 * len(records) // 3
    cluster.produce(topic, records[:cut])
    return Town(tmp_path, kafka_bootstrap, topic, lambda: cluster.produce(topic, records[cut:]))


def served(process: DaemonProcess) -> dict[str, bytes]:
    """Return all that HTTP serves, by path: the page, the metrics, and the API as far as its links lead."""
    bodies: dict[str, bytes] = {}
    waiting = ["/", "/metrics", "/api/v1/monitors", "/api/v1/incidents"]
    while waiting:
        path = waiting.pop()
        if path not in bodies:
            status, body = process.get(path)
            assert status == 200, (path, body)
            bodies[path] = body.encode()
            if path.startswith("/api"):
                waiting += links(json.loads(body))
    return bodies


def links(document: Any) -> list[str]:
    """Return the addresses that a document leads to."""
    if isinstance(document, dict):
        here = [document["href"]] if "href" in document else []
        return here + [link for item in document.values() for link in links(item)]
    return [link for item in document for link in links(item)] if isinstance(document, list) else []


def left_behind(process: DaemonProcess) -> dict[str, bytes]:
    """Return the files of the state directory; of profiles without the edges of numeric bins."""
    files = {path: path.read_bytes() for path in (process.folder / "state").rglob("*") if path.is_file()}
    return {
        path.name: world.without_edges(data) if path.parent.name == "references" else data
        for path, data in files.items()
    }


def written(process: DaemonProcess, since: dict[Path, int] | None = None) -> dict[str, bytes]:
    """Return what stands in the log and the files for documents, from these sizes on."""
    paths = (process.log, process.events, process.windows)
    return {path.name: path.read_bytes()[(since or {}).get(path, 0) :] for path in paths}


def sizes(process: DaemonProcess) -> dict[Path, int]:
    """Return how long these files are."""
    return {path: path.stat().st_size for path in (process.log, process.events, process.windows)}


def test_hashed_and_hidden_values_leave_by_no_way(town: Town) -> None:
    """Not by log, documents, state, metrics, API or page, while it runs and after it has stopped."""
    town.go_on()
    with daemon(town.folder / "private", town.config("private", world.hashed_and_hidden())) as process:
        process.wait_until_all_is_told(PARTITIONS)
        outputs = served(process)
        assert process.stop() == 0
    assert len([path for path in outputs if "/columns/" in path]) == 10
    assert any(path.startswith("/api/v1/incidents/") for path in outputs)
    assert b".firing.v1" in process.events.read_bytes()
    assert world.leaks({**outputs, **left_behind(process), **written(process)}) == {}


def test_stricter_setting_holds_from_the_restart_on(town: Town) -> None:
    """What had been shown before is told no more, and is gone from the state once its windows have closed."""
    shown = town.folder / "both"
    with daemon(shown, town.config("both", {})) as process:
        process.wait_until_all_is_told(PARTITIONS)
        before = served(process)
        assert process.stop() == 0
    found = set().union(*world.leaks({**before, **left_behind(process), **written(process)}).values())
    texts = (*world.MERCHANTS, *world.CITIES, *world.UNSEEN, *world.CLASSES, "Plantedshire")
    assert {text.lower() for text in texts} <= found  # else nothing is shown below
    assert any(value.startswith("7") for value in found)
    since = sizes(process)

    with daemon(shown, town.config("both", world.hashed_and_hidden())) as process:
        process.wait_until(process.ready, "it is ready")
        at_once = served(process)
        town.go_on()
        process.wait_until(
            lambda: len(list((shown / "state" / "references").glob("*.json"))) == 1, "copies are dropped"
        )
        process.wait_until_all_is_told(PARTITIONS)
        outputs = served(process)
        assert process.stop() == 0
    assert world.leaks(at_once) == {}
    assert b".superseded.v1" in written(process, since)["events.jsonl"]
    assert world.leaks({**outputs, **left_behind(process), **written(process, since)}) == {}
