"""Drift events to a topic: CloudEvents in structured mode, in order per monitor."""

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from structlog.typing import FilteringBoundLogger

from driftd.errors import ConfigurationError
from driftd.kafka.client import IDEMPOTENT, open_producer
from driftd.kafka.deadline import Deadline
from driftd.kafka.failures import error_of, refused_for_good
from driftd.kafka.settings import KafkaSettings
from driftd.values.delivery import CONTENT_TYPE, Reply, ReplyKind, document_bytes
from driftd.values.state import State

ATTEMPT_SECONDS = 10.0
_POLL_SECONDS = 0.1


class DriftTopic:
    """A Sender: writes each document as one record, its monitor as the key, through an idempotent producer.

    One record is under way at a time, so records are in the order in which they were sent, whatever fails.
    A record that no broker acknowledges within ``attempt_seconds`` stays with the producer, and the next
    attempt waits for it instead of writing it again: an outage repeats nothing. After an error that the
    client does not recover from, the next attempt begins with a new producer. A topic that does not exist
    or may not be written is a failure like any other; a document larger than the topic allows is refused.
    ConfigurationError if no client can be made of the settings.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        log: FilteringBoundLogger,
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._log = log
        self._attempt_seconds = attempt_seconds
        self._producer: Producer | None = open_producer(settings, log, IDEMPOTENT)
        self._under_way = False
        self._reports: list[KafkaError | None] = []

    def send(self, document: State) -> Reply:
        """Write a document, or go on waiting for it."""
        try:
            if self._producer is None:
                self._producer = open_producer(self._settings, self._log, IDEMPOTENT)
            if not self._under_way:
                self._produce(self._producer, document)
        except KafkaException as exception:
            return self._judge(error_of(exception))
        except ConfigurationError as error:  # such as a secret file that could be read when the daemon started
            return Reply(ReplyKind.FAILED, error.key)
        deadline = Deadline(self._attempt_seconds)
        self._producer.poll(0)
        while not self._reports:
            if deadline.passed:
                return Reply(ReplyKind.FAILED, "timeout")
            self._producer.poll(deadline.left(at_most=_POLL_SECONDS))
        self._under_way = False
        return self._judge(self._reports.pop())

    def close(self) -> None:
        """End the producer; what is under way may be written or not."""
        if self._producer is not None:
            self._producer.purge()
        self._producer = None
        self._under_way = False
        self._reports.clear()

    def _produce(self, producer: Producer, document: State) -> None:
        producer.produce(
            self._topic,
            value=document_bytes(document),
            key=str(document["subject"]).encode(),
            headers={"content-type": CONTENT_TYPE.encode()},
            on_delivery=self._delivered,
        )
        self._under_way = True

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._reports.append(error)

    def _judge(self, error: KafkaError | None) -> Reply:
        if error is None:
            return Reply(ReplyKind.TAKEN)
        if refused_for_good(error):
            return Reply(ReplyKind.REFUSED, error.name())
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001
            self.close()
        return Reply(ReplyKind.FAILED, error.name())
