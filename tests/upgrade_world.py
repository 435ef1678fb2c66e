"""A small log that is read half-way by one release and to its end by the next: for tests of old snapshots.

``python tests/upgrade_world.py FOLDER`` writes the state directory that this release leaves behind half-way.
Committed ones lie in ``tests/data/state-format-N``, each written by the last release of its format.
"""

import json
import random
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from driftd import __version__
from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.references.blocks import BlockRule
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.build import build_profile
from driftd.references.codec import profile_to_json
from driftd.references.profile import Profile
from driftd.references.rows import Row
from driftd.runtime.build import build_pipeline
from driftd.runtime.pipeline import Outcome, Pipeline
from driftd.runtime.records import to_records
from driftd.snapshot.codec import encode
from driftd.summarise.settings import TopicSettings
from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger
from driftd.values.state import State

TOPIC = "predictions"
PARTITIONS = 2
WINDOW_MS = 60_000
START_MS = 1_790_000_040_000
PER_WINDOW = 240
WINDOWS = 100
DRIFT_AT = 24 * PER_WINDOW  # half-way lies in the incident that this opens
DRIFT_UNTIL = 36 * PER_WINDOW  # and its end behind it: no release wrote more than half-way, so this may change
HALF_WAY = 30 * PER_WINDOW + 100  # and in the midst of a window
BATCH = 100


def settings() -> Config:
    """Settings of all releases: what pages is what paged in those that know no evidence."""
    incidents = {"page_max_age": "36500d", "page_on": ["adwin", "gross"]}
    return load_config(None, {}, {"incidents": incidents, "windows": {"lateness": "10s"}})


def rows(count: int, seed: int, drift_at: int | None = None) -> Iterator[Row]:
    """Yield rows in time order; from ``drift_at`` on the amount is higher and a country is new, until that ends."""
    rng = random.Random(seed)
    for number in range(count):
        drifted = drift_at is not None and drift_at <= number < DRIFT_UNTIL
        amount = round(50 + 10 * (rng.random() + rng.random() - 1) + (4 if drifted else 0), 3)
        country = "XX" if drifted and rng.random() < 0.1 else rng.choice(("DE", "FR", "IT"))
        note = f"rare-{rng.randrange(40)}" if rng.random() < 0.2 else None
        features = {"amount": amount, "country": country, "note": note}
        yield Row(features, round(rng.random(), 4), None, START_MS + number * WINDOW_MS // PER_WINDOW)


@cache
def profile() -> Profile:
    """The reference: calibrated, so that its whole form is written."""
    return build_profile(
        lambda: rows(40 * PER_WINDOW, seed=1), model="fraud", version="3", blocks=BlockRule(span_ms=WINDOW_MS)
    )


@cache
def log() -> tuple[bytes, ...]:
    """All events, in the order in which they were produced."""
    return tuple(
        json.dumps(
            {
                "model": "fraud",
                "version": "3",
                "timestamp": row.time_ms,
                "features": row.features,
                "prediction": row.prediction,
            }
        ).encode()
        for row in rows(WINDOWS * PER_WINDOW, seed=2, drift_at=DRIFT_AT)
    )


def batches(starts: dict[SourcePartition, int], stop: int) -> Iterator[Batch]:
    """Yield the log up to event ``stop``, partition by partition in turns, each from its offset on."""
    for first in range(0, stop, BATCH * PARTITIONS):
        for source, start in sorted(starts.items()):
            numbers = range(first + source.partition, min(first + BATCH * PARTITIONS, stop), PARTITIONS)
            read = [number for number in numbers if number // PARTITIONS >= start]
            if read:
                yield Batch(
                    source=source,
                    position=read[-1] // PARTITIONS + 1,
                    offsets=[number // PARTITIONS for number in read],
                    values=[log()[number] for number in read],
                    timestamps_ms=[-1] * len(read),
                    record_time=RecordTime.NONE,
                )


def fresh_pipeline() -> Pipeline:
    """A pipeline that knows nothing yet."""
    book = ReferenceBook([ReferenceSet(None, (profile(),))])
    return build_pipeline(settings(), {TOPIC: TopicSettings()}, book)


def read_on(pipeline: Pipeline, ledgers: list[Ledger], stop: int) -> Outcome:
    """Read from the ledgers' rewind on up to event ``stop`` of the log."""
    pipeline.start(ledgers, 0)
    outcome = Outcome()
    for batch in batches({ledger.source: ledger.rewind for ledger in ledgers}, stop):
        outcome.extend(pipeline.read(batch, 0))
    return outcome


def beginning() -> list[Ledger]:
    """The ledgers of partitions that nothing was read of."""
    return [Ledger(SourcePartition(TOPIC, number), 0, 0) for number in range(PARTITIONS)]


def half_way() -> dict[str, State]:
    """The records of a snapshot taken half-way, with what had come to light by then delivered."""
    pipeline = fresh_pipeline()
    outcome = read_on(pipeline, beginning(), HALF_WAY)
    paging = sorted({event.body["data"]["incident"] for event in outcome.events})
    return to_records(pipeline) | {
        "outbox": {"events": [], "windows": [], "waiting": {}},
        "dead_letters": {},
        "paging": {"incidents": paging},
    }


def main(folder: Path) -> None:
    """Write the state directory."""
    (folder / "references").mkdir(parents=True, exist_ok=True)
    (folder / "snapshot.jsonl").write_bytes(encode(half_way(), __version__))
    (folder / "references" / f"{profile().reference_id}.json").write_bytes(profile_to_json(profile()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
