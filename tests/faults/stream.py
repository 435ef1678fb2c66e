"""Records that keep coming: written at an even pace by a thread of its own, whatever happens to the broker."""

import time
from collections.abc import Sequence
from threading import Event, Thread
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

from kafka_cluster import Record

_STEP_SECONDS = 0.05
_FLUSH_SECONDS = 120.0
_PROPERTIES: dict[str, str | int] = {
    "enable.idempotence": "true",  # nothing twice, and in its order, also where the broker is killed
    "linger.ms": 5,
    "reconnect.backoff.max.ms": 500,
    "message.max.bytes": 16_777_216,
    "log_level": 0,
}


class Stream:
    """Writes records to a topic within so many seconds, from entering on; leaving gives up what is left."""

    def __init__(self, bootstrap_servers: str, topic: str, contents: Sequence[Record], seconds: float) -> None:
        self._producer = Producer({**_PROPERTIES, "bootstrap.servers": bootstrap_servers})
        self._topic = topic
        self._contents = contents
        self._seconds = seconds
        self._given_up = Event()
        self._failures: list[KafkaError] = []
        self._unwritten = len(contents)
        self._thread = Thread(target=self._write, name="stream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._given_up.set()
        self._thread.join()
        self._producer.purge()

    def finish(self) -> None:
        """Wait until the broker has every record; AssertionError if it refused one."""
        self._thread.join(self._seconds + _FLUSH_SECONDS)
        assert not self._thread.is_alive(), "the stream has not ended"
        assert self._failures == []
        assert self._unwritten == 0

    def _write(self) -> None:
        began = time.monotonic()
        written = 0
        while written < len(self._contents) and not self._given_up.wait(_STEP_SECONDS):
            share = min((time.monotonic() - began) / self._seconds, 1.0)
            due = round(share * len(self._contents))
            for record in self._contents[written:due]:
                self._send(record)
            written = due
            self._producer.poll(0)
        deadline = time.monotonic() + _FLUSH_SECONDS
        while self._producer.flush(0.5) and time.monotonic() < deadline and not self._given_up.is_set():
            pass

    def _send(self, record: Record) -> None:
        while not self._given_up.is_set():
            try:
                self._producer.produce(
                    self._topic,
                    value=record.value,
                    partition=record.partition,
                    timestamp=record.timestamp_ms or 0,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self._unwritten -= 1
        elif not self._given_up.is_set():
            self._failures.append(error)
