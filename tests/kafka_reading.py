"""KafkaSource as tests use it: started on a topic, polled until something holds."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import structlog
from structlog.testing import CapturingLogger

from driftd.kafka.settings import KafkaSettings
from driftd.kafka.source import KafkaSource
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition
from kafka_cluster import Record

SECONDS = 30.0
Open = Callable[..., KafkaSource]
Lines = list[tuple[str, Mapping[str, Any]]]


def wall_clock_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


def settings_for(bootstrap_servers: str, topic: str, **settings: Any) -> KafkaSettings:
    """Return settings that read a topic from its first record, with a group of its own."""
    chosen = {"bootstrap_servers": bootstrap_servers, "group_id": f"group-{topic}", "topics": [topic]}
    return KafkaSettings(**{"start": "earliest", **chosen, **settings})


@contextmanager
def opener(bootstrap_servers: str) -> Iterator[Open]:
    """Start sources (settings as keywords), and close them in the end."""
    with ExitStack() as stack:

        def start(
            topic: str,
            positions: Mapping[SourcePartition, int] | None = None,
            *,
            reached: Mapping[SourcePartition, int] | None = None,
            topic_ids: Mapping[str, str] | None = None,
            instance: str = "me",
            clock: Callable[[], int] = wall_clock_ms,
            log: Any = None,
            on_gap: Any = "continue",
            wait_seconds: float = SECONDS,
            **settings: Any,
        ) -> KafkaSource:
            section = settings_for(bootstrap_servers, topic, **settings)
            source = KafkaSource(section, instance, log or structlog.get_logger(), clock, on_gap=on_gap)
            stack.callback(source.close)
            source.start(positions or {}, wait_seconds=wait_seconds, reached=reached, topic_ids=topic_ids)
            return source

        yield start


def poll_until(
    source: KafkaSource, done: Callable[[], bool], seconds: float = SECONDS, into: list[Batch] | None = None
) -> list[Batch]:
    """Poll until something holds, as the loop does, and return the batches; ``into`` has them also where it raises."""
    deadline = time.monotonic() + seconds
    batches: list[Batch] = [] if into is None else into
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds:g} s; {len(batches)} batches"
        batches += source.poll(0.1)
    return batches


def read_until(source: KafkaSource, done: Callable[[list[Batch]], bool]) -> list[Batch]:
    """Poll until the batches so far are enough."""
    deadline = time.monotonic() + SECONDS
    batches: list[Batch] = []
    while not done(batches):
        assert time.monotonic() < deadline, f"after {SECONDS:g} s only {len(batches)} batches"
        batches += source.poll(0.1)
    return batches


def read_all(source: KafkaSource) -> list[Batch]:
    """Poll until every partition has shown its end."""
    return read_until(
        source, lambda batches: {batch.source for batch in batches if batch.drained} == set(source.partitions)
    )


def values_of(batches: list[Batch]) -> dict[int, list[bytes | None]]:
    """Return the values by partition."""
    values: dict[int, list[bytes | None]] = {}
    for batch in batches:
        values.setdefault(batch.source.partition, []).extend(batch.values)
    return values


def numbered(count: int, partition: int = 0, timestamp_ms: int = 1_000, first: int = 0) -> list[Record]:
    """Return records that carry their number, a second apart."""
    return [Record(str(n).encode(), partition, timestamp_ms + 1000 * n) for n in range(first, first + count)]


def capturing_log() -> tuple[Any, Lines]:
    """Return a log, and the list into which its lines go: their event and their fields."""
    lines: Lines = []

    def keep(_: object, __: str, event: Any) -> Any:
        lines.append((event.pop("event"), event))
        raise structlog.DropEvent

    return structlog.wrap_logger(CapturingLogger(), processors=[keep]), lines
