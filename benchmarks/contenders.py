"""What driftd is measured against, each in a process of its own: prints its pace as JSON.

    python benchmarks/contenders.py fetch|loop|summariser --bootstrap-servers HOST:PORT --topic NAME ...

* ``fetch``: a confluent-kafka consumer with driftd's properties and batch size that drops what it gets.
* ``loop``: the loop that one writes by hand: orjson, and river's ADWIN and Page-Hinkley for every feature
  and event; a category is fed as the number in which it first turned up.
* ``summariser``: driftd's plain Python summariser alone, on batches that lie in memory.
"""

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from river import drift

from driftd.kafka.client import consumer_properties
from driftd.kafka.cut import cut
from driftd.kafka.settings import KafkaSettings
from driftd.references.codec import profile_from_json
from driftd.summarise.plain import PlainSummariser
from driftd.summarise.seam import Cursor
from driftd.summarise.settings import TopicSettings
from driftd.values.keys import SourcePartition
from driftd.values.settings import LimitSettings, WindowSettings
from proc_figures import Moment, Pace, moment, pace

BATCH_RECORDS = 1_000
PARTITIONS = 4
#: Shares of the events between which the pace is taken: the start is not what is compared.
FIRST_SHARE, LAST_SHARE = 0.15, 0.98


def main() -> None:
    """Run one contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("contender", choices=("fetch", "loop", "summariser"))
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--broker-pid", type=int, required=True)
    parser.add_argument("--profile", type=Path, help="of the model, for the summariser")
    options = parser.parse_args()
    clock = _Clock(options.events, options.broker_pid)
    if options.contender == "summariser":
        _summariser(options.bootstrap_servers, options.topic, options.profile, clock)
    else:
        messages = _messages(options.bootstrap_servers, options.topic, range(PARTITIONS))
        {"fetch": _fetch, "loop": _loop}[options.contender](messages, clock)
    print(json.dumps(asdict(clock.pace())))


class _Clock:
    """Takes the moments between which the pace is measured."""

    def __init__(self, events: int, broker_pid: int) -> None:
        self.events = events
        self._broker_pid = broker_pid
        self._moments: list[Moment] = []
        self._due = [int(events * FIRST_SHARE), int(events * LAST_SHARE)]

    def is_over(self, seen: int) -> bool:
        """Say whether the last moment has been taken."""
        if self._due and seen >= self._due[0]:
            self._moments.append(moment(seen, os.getpid(), self._broker_pid))
            del self._due[0]
        return not self._due

    def pace(self) -> Pace:
        """Return what lies between the two moments."""
        first, last = self._moments
        return pace(first, last)


def _messages(bootstrap_servers: str, topic: str, partitions: range) -> Iterator[list[Message]]:
    """Yield what a consumer with driftd's properties gets, batch by batch; an end of a partition counts as one."""
    settings = KafkaSettings(bootstrap_servers=bootstrap_servers, group_id="contender", topics={topic: {}})
    consumer = Consumer(consumer_properties(settings))
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    try:
        while True:
            yield consumer.consume(BATCH_RECORDS, 0.2)
    finally:
        consumer.close()


def _fetch(messages: Iterator[list[Message]], clock: _Clock) -> None:
    seen = 0
    for batch in messages:
        seen += len(batch)
        if clock.is_over(seen):
            return


def _loop(messages: Iterator[list[Message]], clock: _Clock) -> None:
    adwin: defaultdict[str, Any] = defaultdict(drift.ADWIN)
    page_hinkley: defaultdict[str, Any] = defaultdict(drift.PageHinkley)
    numbers: defaultdict[str, dict[str, float]] = defaultdict(dict)
    alarms = seen = 0
    for batch in messages:
        for message in batch:
            if message.error() is not None:
                continue
            for name, value in orjson.loads(message.value() or b"")["features"].items():
                if isinstance(value, str):
                    known = numbers[name]
                    value = known.setdefault(value, float(len(known)))  # noqa: PLW2901  what is fed in its place
                first, second = adwin[name], page_hinkley[name]
                first.update(value)
                second.update(value)
                alarms += first.drift_detected or second.drift_detected
        seen += len(batch)
        if clock.is_over(seen):
            return


def _summariser(bootstrap_servers: str, topic: str, profile_file: Path, clock: _Clock) -> None:
    profile = profile_from_json(profile_file.read_bytes(), profile_file.name)
    batches = []
    held = 0
    for messages in _messages(bootstrap_servers, topic, range(1)):
        batches += [batch for batch in cut(messages, None).batches if batch.values]
        held += len(messages)
        if held >= clock.events:
            break
    windows = WindowSettings()
    source = SourcePartition(topic, 0)
    summariser = PlainSummariser(source, TopicSettings(), windows, LimitSettings(), lambda *_: profile)
    seen, watermark_ms = 0, None
    for batch in batches:
        tally = summariser.add(batch, Cursor(batch.offsets[0], watermark_ms))
        if tally.summed != len(batch.values) or tally.newest_ms is None:
            raise SystemExit(f"the summariser did not sum every event: {tally}")
        watermark_ms = tally.newest_ms - windows.lateness
        summariser.passed(watermark_ms)
        seen += len(batch.values)
        if clock.is_over(seen):
            return


if __name__ == "__main__":
    main()
