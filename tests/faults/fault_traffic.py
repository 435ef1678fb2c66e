"""The records of the fault tests: sound, late, odd and wrong ones, the same in every run; and what trains for them."""

import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from daemon_process import driftd
from end_to_end_traffic import (
    DURATION_MS,
    FRAUD,
    LATENESS_MS,
    MODELS,
    PARTITIONS,
    START_MS,
    STEP_MS,
    Model,
    draw,
    traffic,
)

from kafka_cluster import Record

SEED = 20261123
EVENTS = 20_000
TRAINING_ROWS = 4_000
# an event of this time, one in each partition, closes every window before it
LAST_MS = START_MS + EVENTS * STEP_MS + LATENESS_MS + 6 * DURATION_MS


@cache
def records() -> tuple[Record, ...]:
    """Return all records, in the order in which they are produced."""
    sent = (Record(sent.value, sent.partition, sent.record_ms) for sent in traffic(SEED, EVENTS))
    return *sent, *last_records()


def last_records(partitions: int = PARTITIONS, time_ms: int = LAST_MS) -> Iterator[Record]:
    """Yield one sound event for each partition; it closes the windows before it, and its own stays open."""
    for partition in range(partitions):
        yield Record(event(random.Random(partition), time_ms), partition, time_ms)


def event(rng: random.Random, time_ms: int) -> bytes:
    """Return a sound event of the model that drifts."""
    features, prediction = draw(rng)
    document = {"model": FRAUD.name, "version": FRAUD.version, "timestamp": time_ms}
    return json.dumps(document | {"features": features, "prediction": prediction}).encode()


def train(folder: Path) -> Path:
    """Have the command line build a profile of each model; return their directory."""
    references = folder / "references"
    references.mkdir()
    for model in MODELS:
        data = folder / f"{model.name}.jsonl"
        data.write_bytes(b"\n".join(_training_events(model)))
        done = driftd("profile", data, "--timestamp", "timestamp", "-o", references / f"{model.name}.json")
        assert done.returncode == 0, done.stderr
    return references


def _training_events(model: Model) -> Iterator[bytes]:
    rng = random.Random(f"training {model.name}")
    for number in range(TRAINING_ROWS):
        features, prediction = draw(rng)
        document = {"model": model.name, "timestamp": START_MS - 86_400_000 + number * 100}
        if model.version is not None:
            document["version"] = model.version
        yield json.dumps(document | {"features": features, "prediction": prediction}).encode()
