"""Writing records with chosen partitions and timestamps: for the demonstration."""

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from structlog.typing import FilteringBoundLogger

from driftd.errors import BrokerUnreachable, SourceError
from driftd.kafka.failures import error_of
from driftd.kafka.reports import ClientLog, report_error

_QUEUED_RECORDS = 20_000


class RecordProducer:
    """Sends records in the order given, within a bounded queue. Not idempotent: a repeat after an error may occur."""

    def __init__(self, bootstrap_servers: str, log: FilteringBoundLogger) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._log = log
        self._failure: KafkaError | None = None
        properties = {
            "bootstrap.servers": bootstrap_servers,
            "client.id": "driftd",
            "linger.ms": 5,
            "queue.buffering.max.messages": _QUEUED_RECORDS,
            "error_cb": lambda error: report_error(log, error),
        }
        self._producer = Producer(properties, logger=ClientLog(log))

    def create_topic(self, topic: str, partitions: int, wait_seconds: float = 10.0) -> None:
        """Create a topic (one replica) unless it exists; BrokerUnreachable or SourceError if that fails."""
        admin = AdminClient({"bootstrap.servers": self._bootstrap_servers}, logger=ClientLog(self._log))
        request = admin.create_topics([NewTopic(topic, partitions, 1)], request_timeout=wait_seconds)
        try:
            request[topic].result(timeout=2 * wait_seconds)
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):  # noqa: SLF001
                raise BrokerUnreachable(self._bootstrap_servers, wait_seconds) from exception
            if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise SourceError(f"topic {topic!r} could not be created ({error.name()})") from exception

    def produce(self, topic: str, partition: int, value: bytes | None, timestamp_ms: int) -> None:
        """Queue one record; waits while the queue is full."""
        while True:
            try:
                self._producer.produce(
                    topic, value=value, partition=partition, timestamp=timestamp_ms, on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def flush(self, wait_seconds: float = 10.0) -> None:
        """Wait until all that was queued is with the broker; BrokerUnreachable or SourceError if it is not."""
        waiting = self._producer.flush(wait_seconds)
        if self._failure is not None:
            raise SourceError(f"a record could not be written ({self._failure.name()}): {self._failure.str()}")
        if waiting:
            raise BrokerUnreachable(self._bootstrap_servers, wait_seconds)

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._failure = self._failure or error
