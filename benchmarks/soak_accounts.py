"""The books at the end of the soak: what was produced, what the daemon says became of it, and what it told."""

import json
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from daemon_process import DaemonProcess, driftd

from broker import LocalBroker
from made_up_events import PARTITIONS

REPLAY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Accounts:
    """Counts of events and of lines told."""

    acknowledged: int  # by the broker, to the producer
    held: int  # offsets of the topic: more than acknowledged where a kill of the broker made it forget a repeat
    read: int  # as the ledgers say
    observed: int
    late: int
    rejected: int
    pending: int
    in_windows: int  # the sum over the windows told, each counted once
    windows: int
    windows_repeated: int  # lines told more than once
    drift_events: int
    drift_events_repeated: int
    unequal_repeats: int  # repeats that are not the same to the byte
    replay: str  # what a replay of the topic came to

    @property
    def sound(self) -> bool:
        """Whether everything adds up."""
        added = self.observed + self.late + self.rejected + self.pending
        return (
            self.acknowledged <= self.held == self.read == added
            and self.in_windows == self.observed
            and self.unequal_repeats == 0
            and not self.replay.startswith("differs")
        )


def accounts(process: DaemonProcess, broker: LocalBroker, topic: str, acknowledged: int) -> Accounts:
    """Count, once the daemon has stopped."""
    bounds = _bounds(broker, topic)
    records = dict(json.loads(line) for line in process.snapshot.read_bytes().splitlines()[1:-1])
    ledgers = records["sources"]["ledgers"]
    merged = records["shard/0"]["accounts"]
    read = sum(ledger["read"] for ledger in ledgers)
    observed = sum(merged["observed"].values())
    late = sum(ledger["late"] for ledger in ledgers) + sum(merged["late"].values())
    rejected = sum(sum(ledger["rejected"].values()) for ledger in ledgers) + sum(merged["over_limit"].values())
    windows, windows_repeated, unequal_windows = _without_repeats(process.windows)
    events, events_repeated, unequal_events = _without_repeats(process.events)
    told = {
        (line["model"], line["version"], line["segment"], line["window"]["start_ms"]): int(line["events"])
        for line in map(json.loads, windows)
    }
    return Accounts(
        acknowledged=acknowledged,
        held=sum(high for _, high in bounds),
        read=read,
        observed=observed,
        late=late,
        rejected=rejected,
        pending=PARTITIONS,  # the last record of each partition, which the stop waited for
        in_windows=sum(told.values()),
        windows=len(told),
        windows_repeated=windows_repeated,
        drift_events=len(events),
        drift_events_repeated=events_repeated,
        unequal_repeats=unequal_windows + unequal_events,
        replay=_replayed(process, topic, sum(low for low, _ in bounds), events, windows),
    )


def _without_repeats(path: Path) -> tuple[list[bytes], int, int]:
    """Return a file's lines by their first appearance, how many were repeated, and how many of those differ."""
    first: dict[str, bytes] = {}
    repeated = unequal = 0
    with path.open("rb") as file:
        for line in file:
            identity = json.loads(line)["id"]
            if identity in first:
                repeated += 1
                unequal += line != first[identity]
            else:
                first[identity] = line
    return list(first.values()), repeated, unequal


def _bounds(broker: LocalBroker, topic: str) -> list[tuple[int, int]]:
    """Return each partition's first offset that is still there, and its end."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "soak-check"})
    try:
        return [consumer.get_watermark_offsets(TopicPartition(topic, number), 10) for number in range(PARTITIONS)]
    finally:
        consumer.close()


def _replayed(process: DaemonProcess, topic: str, removed: int, events: list[bytes], windows: list[bytes]) -> str:
    """Replay the topic, if retention has left all of it, and hold what the daemon told against it."""
    if removed:
        return f"not possible: retention has removed {removed:,} records by now"
    outputs: dict[str, Any] = {"--events-out": process.folder / "replayed", "--windows-out": process.folder / "again"}
    options = [item for pair in outputs.items() for item in pair]
    done = driftd("replay", "--topic", topic, "--config", process.config, *options, seconds=REPLAY_SECONDS)
    if done.returncode != 0:
        return f"differs: it ended with {done.returncode}: {done.stderr[-300:]}"
    for mine, path in ((events, outputs["--events-out"]), (windows, outputs["--windows-out"])):
        with path.open("rb") as file:  # the replay also closes the last windows, which the daemon still holds open
            for number, (told, replayed) in enumerate(zip_longest(mine, file)):
                if told is not None and told != replayed:
                    return f"differs at line {number} of {path.name}"
    return f"the same bytes: {len(events)} drift events, {len(windows):,} window lines"
