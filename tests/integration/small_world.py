"""A topic with the events of one model, its reference, and a configuration: for tests of the daemon as a process."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon_process import driftd, write_config
from end_to_end_traffic import FRAUD, START_MS, draw

from kafka_cluster import Cluster, Record

PARTITIONS = 2
WINDOW_MS = 5_000
EVENTS_PER_WINDOW = 300
STEP_MS = WINDOW_MS // EVENTS_PER_WINDOW


@dataclass(frozen=True, slots=True)
class SmallWorld:
    """Everything one daemon needs."""

    bootstrap_servers: str
    topic: str
    config: Path


def small_world(folder: Path, bootstrap_servers: str, windows: int) -> SmallWorld:
    """Train a reference, and produce so many windows of events; the second half of them drifts."""
    data, references = folder / "training.jsonl", folder / "references"
    references.mkdir()
    data.write_bytes(b"\n".join(_events(20, 0, seed=1)))
    done = driftd("profile", data, "--timestamp", "timestamp", "-o", references / "fraud.json")
    assert done.returncode == 0, done.stderr
    cluster = Cluster(bootstrap_servers)
    topic = cluster.create_topic(PARTITIONS)
    values = enumerate(_events(windows, windows // 2, seed=2))
    cluster.produce(
        topic, (Record(value, number % PARTITIONS, START_MS + number * STEP_MS) for number, value in values)
    )
    config = write_config(
        folder / "driftd.yaml",
        {
            "kafka": {
                "bootstrap_servers": bootstrap_servers,
                "group_id": topic,
                "topics": [topic],
                "start": "earliest",
            },
            "references": {"directory": str(references)},
            "windows": {"duration": f"{WINDOW_MS}ms", "lateness": "1s", "idle_timeout": "500ms"},
            "incidents": {"page_max_age": "36500d"},
            "state": {"checkpoint_interval": "200ms"},
        },
    )
    return SmallWorld(bootstrap_servers, topic, config)


def _events(windows: int, drifting: int, seed: int) -> Iterator[bytes]:
    """Yield events in time order; those of the last ``drifting`` windows drift."""
    rng = random.Random(seed)
    for number in range(windows * EVENTS_PER_WINDOW):
        features, prediction = draw(rng, drifting=number >= (windows - drifting) * EVENTS_PER_WINDOW)
        event = {"model": FRAUD.name, "version": FRAUD.version, "timestamp": START_MS + number * STEP_MS}
        yield json.dumps(event | {"features": features, "prediction": prediction}).encode()
