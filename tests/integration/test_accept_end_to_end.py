"""The operator accepts a new normal: through the command line, over HTTP, against a real broker, over kills."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from daemon_process import DaemonProcess, daemon, driftd, values, write_config

from kafka_cluster import Cluster, Record

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

START_MS = 1_790_000_040_000
WINDOW_MS = 5_000
PER_WINDOW = 300
PARTITIONS = 2
USUAL, NORMAL_NOW, FURTHER = 50.0, 62.0, 80.0


@dataclass(frozen=True, slots=True)
class World:
    """A topic, what is needed to watch it, and the way to fill it."""

    cluster: Cluster
    topic: str
    config: Path
    token: Path

    def produce(self, first: int, last: int, level: float, *, countries: str = "DE FR IT") -> None:
        """Produce the events of these windows."""
        records = enumerate(events(first, last, level, countries))
        self.cluster.produce(
            self.topic,
            (Record(json.dumps(event).encode(), at % PARTITIONS, event["timestamp"]) for at, event in records),
        )


def events(first: int, last: int, level: float, countries: str = "DE FR IT") -> Iterator[dict[str, Any]]:
    """Yield events in time order."""
    rng = random.Random(f"{first} {level}")
    for number in range(first * PER_WINDOW, last * PER_WINDOW):
        yield {
            "model": "fraud",
            "version": "3",
            "timestamp": START_MS + number * WINDOW_MS // PER_WINDOW,
            "features": {"amount": rng.gauss(level, 10), "country": rng.choice(countries.split())},
        }


@pytest.fixture
def world(kafka_bootstrap: str, tmp_path: Path) -> World:
    """A trained reference, an empty topic, and a token."""
    data, references, token = tmp_path / "training.jsonl", tmp_path / "references", tmp_path / "token"
    references.mkdir()
    data.write_text("\n".join(json.dumps(event) for event in events(0, 20, USUAL)))
    token.write_text("correct-horse-battery\n")
    done = driftd("profile", data, "--timestamp", "timestamp", "-o", references / "fraud.json")
    assert done.returncode == 0, done.stderr
    cluster = Cluster(kafka_bootstrap)
    topic = cluster.create_topic(PARTITIONS)
    config = write_config(
        tmp_path / "driftd.yaml",
        {
            "kafka": {
                "bootstrap_servers": kafka_bootstrap,
                "group_id": topic,
                "topics": [topic],
                "start": "earliest",
            },
            "references": {"directory": str(references), "poll_interval": "200ms"},
            "windows": {"duration": f"{WINDOW_MS}ms", "lateness": "1s", "idle_timeout": "500ms"},
            "incidents": {"page_on": ["adwin", "gross"], "page_max_age": "36500d"},
            "state": {"checkpoint_interval": "200ms"},
            "http": {"admin_token_file": str(token)},
        },
    )
    return World(cluster, topic, config, token)


def told(process: DaemonProcess) -> list[str]:
    """What was told of incidents, each once."""
    documents = [json.loads(line) for line in process.events.read_text().splitlines()]
    return [document["type"].split(".")[3] for document in {one["id"]: one for one in documents}.values()]


def incidents(process: DaemonProcess, *arguments: str | Path) -> tuple[int, str]:
    """Run a command about the incidents of a daemon; return its exit code and what it said."""
    done = driftd("incidents", *arguments, "--url", f"http://127.0.0.1:{process.port}")
    return done.returncode, done.stdout + done.stderr


def pages(process: DaemonProcess, expected: int) -> bool:
    """Whether so many incidents have paged."""
    return process.events.exists() and told(process).count("firing") == expected


def reference(process: DaemonProcess) -> str:
    """The source of the reference in force, as the metrics tell it."""
    (labels,) = values(process.scrape(), "driftd_reference_info")
    return dict(labels)["source"]


def test_an_accepted_level_is_normal_from_then_on(world: World, tmp_path: Path) -> None:
    """A page that is accepted ends as superseded, for good, over kills and beside the old file; further drift pages."""
    world.produce(0, 20, USUAL)
    world.produce(20, 40, NORMAL_NOW, countries="DE FR XX")
    with daemon(tmp_path / "daemon", world.config) as process:
        process.wait_until_all_is_told(PARTITIONS)
        process.wait_until(lambda: pages(process, 1), "the change pages")
        code, listed = incidents(process, "list", "--json")
        (incident,) = json.loads(listed)["incidents"]
        assert (code, incident["state"], incident["acceptance"]["possible"]) == (0, "firing", True)
        wrong = tmp_path / "wrong"
        wrong.write_text("incorrect-horse-battery")
        code, said = incidents(process, "accept", incident["id"], "--token-file", wrong)
        assert (code, "HTTP 401" in said) == (1, True)

        code, said = incidents(process, "accept", incident["id"], "--token-file", world.token, "--json")
        assert code == 0, said
        process.kill()
        process.start()
        code, again = incidents_when_ready(process, "accept", incident["id"], "--token-file", world.token)
        assert code == 1
        assert f"reference {json.loads(said)['reference_id']} takes the place of the incident's" in again

        world.produce(40, 80, NORMAL_NOW, countries="DE FR XX")
        process.wait_until(lambda: "superseded" in told(process), "the incident ends")
        process.wait_until_all_is_told(PARTITIONS)
        assert told(process).count("firing") == 1
        assert reference(process).startswith(f"incident {incident['id']} accepted: ")
        process.kill()
        process.start()
        process.wait_until_all_is_told(PARTITIONS)
        world.produce(80, 100, FURTHER, countries="DE FR XX")
        process.wait_until(lambda: pages(process, 2), "a further change pages")
        assert reference(process).startswith(f"incident {incident['id']} accepted: ")
        assert process.stop() == 0


def incidents_when_ready(process: DaemonProcess, *arguments: str | Path) -> tuple[int, str]:
    """Run a command about the incidents of a daemon that has begun to turn."""
    process.wait_until(process.ready, "it is ready")
    return incidents(process, *arguments)


def test_without_a_token_nothing_can_be_accepted(world: World, tmp_path: Path) -> None:
    """403 and the setting that switches it on."""
    document = json.loads(world.config.read_text())
    del document["http"]
    with daemon(tmp_path / "daemon", write_config(tmp_path / "open.yaml", document)) as process:
        code, said = incidents(process, "accept", "f00d", "--token-file", world.token)
        assert (code, "http.admin_token_file" in said, "HTTP 403" in said) == (1, True, True)
