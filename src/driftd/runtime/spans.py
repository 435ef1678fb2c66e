"""Spans of a topic: replayed, or read as training rows."""

from collections.abc import Iterator

from driftd.config.model import Config
from driftd.errors import ConfigurationError
from driftd.kafka.span import TopicSpan
from driftd.logs.stream import Log
from driftd.references.book import ReferenceBook
from driftd.references.rows import Row
from driftd.runtime.engine import Sink
from driftd.runtime.event_rows import EventRows
from driftd.runtime.replay import Replay
from driftd.summarise.settings import TopicSettings
from driftd.summarise.timestamps import timestamp_ms
from driftd.values.keys import SourcePartition


def open_span(config: Config, topic: str, from_time: str | None, to_time: str | None, log: Log) -> TopicSpan:
    """Open a topic between two record times (RFC 3339; None: from its beginning, to its end)."""
    return TopicSpan(
        config.source(),
        topic,
        from_ms=_time_ms("--from", from_time),
        to_ms=_time_ms("--to", to_time),
        log=log.logger,
    )


def replay_span(config: Config, span: TopicSpan, book: ReferenceBook, sink: Sink) -> Replay:
    """Replay a span, partitions staying partitions; close it."""
    with span:
        replay = Replay(config, {span.topic: topic_settings(config, span.topic)}, book, sink)
        replay.start({source: first for source, (first, _) in span.bounds.items()})
        paused: frozenset[SourcePartition] = frozenset()
        for batches in span.batches():
            replay.feed(batches)
            ahead = replay.ahead(paused)
            if ahead != paused:
                span.pause(ahead)
                paused = ahead
        replay.finish()
    return replay


def span_rows(config: Config, span: TopicSpan, model: str, version: str) -> Iterator[Row]:
    """Yield the events of one model version as training rows, in the order in which they are read."""
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
