"""Rejected records to a topic of their own: the value as it was, with the reason and its place in headers."""

import time
from collections import Counter, deque
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message
from structlog.typing import FilteringBoundLogger

from driftd.kafka.client import open_producer
from driftd.kafka.deadline import Deadline
from driftd.kafka.failures import error_of, refused_for_good
from driftd.kafka.settings import KafkaSettings
from driftd.values.delivery import DeadLetter, LetterReport

MOST_LETTERS = 10_000
MOST_BYTES = 32 * 1024 * 1024
_AGAIN_SECONDS = 5.0
_OWN = {
    "linger.ms": 20,
    # a batch is refused as a whole: few letters share the fate of one that is too large for its topic
    "batch.size": 65_536,
    # the bounds that count are ours; these only have to be wider
    "queue.buffering.max.messages": 2 * MOST_LETTERS,
    "queue.buffering.max.kbytes": 4 * MOST_BYTES // 1024,
}


class DeadLetterTopic:
    """A LetterWriter: holds at most MOST_LETTERS letters and MOST_BYTES of values until they are acknowledged.

    A letter waits for the brokers as long as it takes. One that failed for another reason that may pass (the
    topic does not exist, or may not be written) is written again every five seconds; one that the topic
    refuses for good, such as for its size, is reported as not written. A letter may be written twice.
    ConfigurationError if no client can be made of the settings.
    """

    def __init__(self, settings: KafkaSettings, topic: str, log: FilteringBoundLogger) -> None:
        self._topic = topic
        self._log = log
        self._producer = open_producer(settings, log, _OWN)
        self._letters = 0
        self._bytes = 0
        self._failed: deque[DeadLetter] = deque()
        self._again_at = 0.0
        self._reports: list[LetterReport] = []
        self._errors: Counter[str] = Counter()  # by code, since they were last logged
        self._closed = False

    def write(self, letter: DeadLetter) -> bool:
        """Take a letter; False if there is no room for it."""
        size = len(letter.value or b"")
        if self._letters >= MOST_LETTERS or self._bytes + size > MOST_BYTES:
            return False
        self._letters += 1
        self._bytes += size
        self._produce(letter)
        return True

    def take_reports(self) -> list[LetterReport]:
        """Return what became of letters since the last call; writes those again that failed a while ago."""
        if not self._closed:
            self._producer.poll(0)
            if self._failed and time.monotonic() >= self._again_at:
                failed, self._failed = self._failed, deque()
                for letter in failed:
                    self._produce(letter)
        for code, letters in sorted(self._errors.items()):
            self._log.warning("dead letters failed", code=code, letters=letters)
        self._errors.clear()
        reports, self._reports = self._reports, []
        return reports

    def close(self, wait_seconds: float) -> None:
        """Wait for what is under way, at most so long; what is not written by then is given up here."""
        deadline = Deadline(wait_seconds)
        while self._letters > len(self._failed) and not deadline.passed:
            self._producer.flush(deadline.left(at_most=0.1))
        self._closed = True
        self._producer.purge()

    def _produce(self, letter: DeadLetter) -> None:
        try:
            self._producer.produce(
                self._topic,
                value=letter.value,
                headers=_headers(letter),
                on_delivery=partial(self._delivered, letter._replace(value=None)),
            )
        except BufferError:
            self._put_back(letter)
        except KafkaException as exception:
            self._fail(letter, error_of(exception))

    def _delivered(self, letter: DeadLetter, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._settle(letter, len(message), written=True)
        else:
            self._fail(letter._replace(value=message.value()), error)

    def _fail(self, letter: DeadLetter, error: KafkaError) -> None:
        self._errors[error.name()] += 1
        if refused_for_good(error):
            self._settle(letter, len(letter.value or b""), written=False)
        else:
            self._put_back(letter)

    def _put_back(self, letter: DeadLetter) -> None:
        if not self._failed:
            self._again_at = time.monotonic() + _AGAIN_SECONDS
        self._failed.append(letter)

    def _settle(self, letter: DeadLetter, size: int, *, written: bool) -> None:
        self._letters -= 1
        self._bytes -= size
        self._reports.append(LetterReport(letter.source, letter.offset, written))


def _headers(letter: DeadLetter) -> dict[str, str | bytes | None]:
    headers: dict[str, str | bytes | None] = {
        "driftd-reason": letter.reason.encode(),
        "driftd-topic": letter.source.topic.encode(),
        "driftd-partition": str(letter.source.partition).encode(),
        "driftd-offset": str(letter.offset).encode(),
    }
    if letter.timestamp_ms is not None:
        headers["driftd-timestamp-ms"] = str(letter.timestamp_ms).encode()
    return headers
