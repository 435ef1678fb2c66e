"""Spans of a topic: replayed, or read as training rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from driftd.config.model import Config
from driftd.errors import ConfigurationError
from driftd.kafka.span import TopicSpan
from driftd.logs.stream import Log
from driftd.references.book import ReferenceBook
from driftd.references.rows import Row
from driftd.runtime.event_rows import EventRows
from driftd.runtime.outbox import Sink
from driftd.runtime.replay import Replay
from driftd.summarise.settings import TopicSettings
from driftd.summarise.timestamps import timestamp_ms
from driftd.values.keys import SourcePartition

Bounds = Mapping[SourcePartition, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class SpanOptions:
    """A topic between two record times (RFC 3339; None: from its beginning, to its end)."""

    topic: str
    from_time: str | None = None
    to_time: str | None = None

    def open(self, config: Config, log: Log, bounds: Bounds | None = None) -> TopicSpan:
        """Open the span; ``bounds`` are those of an earlier one, to read the very same records again."""
        settings = config.source()
        return TopicSpan(
            settings,
            self.topic,
            from_ms=_time_ms("--from", self.from_time),
            to_ms=_time_ms("--to", self.to_time),
            log=log.logger,
            wait_seconds=settings.connect_timeout / 1000,
            bounds=bounds,
        )


def replay_span(config: Config, span: TopicSpan, book: ReferenceBook, sink: Sink) -> Replay:
    """Replay a span, partitions staying partitions; close it."""
    with span:
        replay = Replay(config, {span.topic: topic_settings(config, span.topic)}, book, sink)
        replay.pipeline.topic_ids = span.topic_ids()
        replay.start({source: first for source, (first, _) in span.bounds.items()})
        paused: frozenset[SourcePartition] = frozenset()
        open_ends = set(span.bounds)
        for batches in span.batches():
            replay.feed(batches)
            open_ends.difference_update(batch.source for batch in batches if batch.drained)
            ahead = replay.ahead(paused)
            while open_ends and ahead >= open_ends:  # they would all wait for what has ended
                replay.feed([])
                ahead = replay.ahead(ahead)
            if ahead != paused:
                span.pause(ahead)
                paused = ahead
        replay.finish()
    return replay


def span_rows(config: Config, span: TopicSpan, model: str, version: str) -> Iterator[Row]:
    """Yield the events of one model version as training rows, partition by partition as they are read."""
    read = EventRows(topic_settings(config, span.topic), config.limits).read
    for batches in span.batches():
        for batch in batches:
            for value in batch.values:
                try:
                    event = read(value)
                except ValueError:
                    continue  # the daemon rejects it too
                if (event.model, event.version) == (model, version):
                    yield event.row


class SpanRows:
    """The rows of a span, as often as they are asked for: always of the same records.

    ``sort`` holds them in memory and puts them in the order of time, which partitions do not keep.
    """

    def __init__(self, config: Config, options: SpanOptions, log: Log, *, model: str, version: str, sort: bool) -> None:
        self._config = config
        self._options = options
        self._log = log
        self._model = model
        self._version = version
        self._sorted: list[Row] | None = None
        self._bounds: Bounds | None = None
        if sort:
            timed = (row for row in self() if row.time_ms is not None)
            self._sorted = sorted(timed, key=lambda row: row.time_ms or 0)

    def __call__(self) -> Iterator[Row]:
        """Yield the rows from the first one on."""
        if self._sorted is not None:
            yield from self._sorted
            return
        with self._options.open(self._config, self._log, self._bounds) as span:
            self._bounds = span.bounds
            yield from span_rows(self._config, span, self._model, self._version)


def topic_settings(config: Config, topic: str) -> TopicSettings:
    """Return how a topic's events are read: as configured, else the canonical form."""
    known = config.kafka.topics if config.kafka is not None else {}
    return known.get(topic, TopicSettings())


def _time_ms(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    time_ms = timestamp_ms(text)
    if time_ms is None:
        raise ConfigurationError(option, text, "must be a time such as 2026-11-23T10:00:00Z")
    return time_ms
