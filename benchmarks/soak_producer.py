"""The producer of the soak: events encoded beforehand, written at a pace that event time and the daemon's lag set.

A process of its own, led by lines on stdin: ``go`` and ``hold`` open and close the tap, ``end`` finishes. On
stdout a line of JSON after each step says how far it is: monotonic seconds, event time in milliseconds, and the
records that the broker has acknowledged by then.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path
from threading import Event, Thread

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import orjson
from confluent_kafka import KafkaError, Message, Producer

from made_up_events import PARTITIONS, START_MS, Traffic

MODELS = ("fraud", "churn", "search")
STEP_SECONDS = 0.05
ENCODED = 24_000  # bodies of each kind, used over and over
EPISODE_MS, EVERY_MS = 40 * 60_000, 4 * 3_600_000  # one model drifts for so long, every so often
AFTER_MS = 10 * 60_000  # the last records lie so far beyond: every window before them closes
_PROPERTIES: dict[str, str | int] = {
    "enable.idempotence": "true",
    "linger.ms": 20,
    "reconnect.backoff.max.ms": 500,
    "queue.buffering.max.messages": 50_000,
    "log_level": 0,
}


def traffic(events: int = ENCODED) -> Traffic:
    """Return three models of 24 columns each."""
    return Traffic(MODELS, 20, 4, events=events, events_per_window=1_000, training_rows=12_800)


def bodies(*, drifting: bool) -> dict[str, list[bytes]]:
    """Return encoded events of each model, without a time: that of the record counts. Three columns may drift."""
    encoded: dict[str, list[bytes]] = {model: [] for model in MODELS}
    for record in traffic().records():
        document = orjson.loads(record.value or b"")
        del document["timestamp"]
        if drifting:
            features = document["features"]
            for name in list(features)[:3]:
                features[name] = round(features[name] * 1.25, 6)
        encoded[document["model"]].append(orjson.dumps(document))
    return encoded


class Tap:
    """Writes to a topic while it is open."""

    def __init__(self, bootstrap_servers: str, topic: str, scale: float, rate: int, seed: int) -> None:
        self.opened, self.ended = Event(), Event()
        self._topic = topic
        self._scale = scale
        self._per_step = int(rate * STEP_SECONDS)
        self._rng = random.Random(seed)
        self._usual, self._changed = bodies(drifting=False), bodies(drifting=True)
        self._producer = Producer({**_PROPERTIES, "bootstrap.servers": bootstrap_servers})
        self._acknowledged = 0
        self._number = 0

    def run(self) -> None:
        """Write until told to end; then the last records."""
        began = time.monotonic()
        while not self.ended.wait(STEP_SECONDS):
            event_ms = START_MS + int((time.monotonic() - began) * 1000 * self._scale)
            if self.opened.is_set():
                self._write(event_ms)
            self._producer.poll(0)
            self._report(event_ms)
        last_ms = START_MS + int((time.monotonic() - began) * 1000 * self._scale) + AFTER_MS
        for partition in range(PARTITIONS):
            self._send(self._usual[MODELS[0]][partition], partition, last_ms)
        left = self._producer.flush(120)
        assert left == 0, f"{left} records were not acknowledged"
        self._report(last_ms)

    def _write(self, event_ms: int) -> None:
        since_ms = event_ms - START_MS
        turn, drifts = since_ms // EVERY_MS, since_ms % EVERY_MS < EPISODE_MS and since_ms > EVERY_MS
        for _ in range(self._per_step):
            self._number += 1
            model = MODELS[self._number // PARTITIONS % len(MODELS)]
            chosen = self._changed if drifts and model == MODELS[turn % len(MODELS)] else self._usual
            self._send(self._rng.choice(chosen[model]), self._number % PARTITIONS, event_ms)

    def _send(self, value: bytes, partition: int, time_ms: int) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic, value=value, partition=partition, timestamp=time_ms, on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            raise RuntimeError(str(error))
        self._acknowledged += 1

    def _report(self, event_ms: int) -> None:
        print(json.dumps([time.monotonic(), event_ms, self._acknowledged]), flush=True)


def main() -> None:
    """Write until stdin says ``end`` or is closed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap_servers")
    parser.add_argument("topic")
    parser.add_argument("--scale", type=float, required=True, help="seconds of event time in a second")
    parser.add_argument("--rate", type=int, required=True, help="events per second while the tap is open")
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    tap = Tap(options.bootstrap_servers, options.topic, options.scale, options.rate, options.seed)

    def heed() -> None:
        for line in sys.stdin:
            if line.strip() == "go":
                tap.opened.set()
            elif line.strip() == "hold":
                tap.opened.clear()
            else:
                break
        tap.ended.set()

    Thread(target=heed, name="orders", daemon=True).start()
    tap.run()


if __name__ == "__main__":
    main()
