"""What librdkafka has to say, as structured log events. It prints nothing itself."""

from confluent_kafka import KafkaError, TopicPartition
from structlog.typing import FilteringBoundLogger

#: librdkafka logs each failed connection and then reports it as an error as well: told once, as the error.
_ALSO_REPORTED_AS_ERROR = "FAIL"


class ClientLog:
    """Stands where confluent_kafka wants a ``logging.Logger``; librdkafka masks secrets in its lines itself."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log

    def log(self, level: int, _format: str, facility: str, client: str, message: str) -> None:
        """Write one line of librdkafka at its own level (numbers as in ``logging``)."""
        if facility != _ALSO_REPORTED_AS_ERROR:
            self._log.log(level, "kafka_client_log", facility=facility, client=client, message=message)


def report_error(log: FilteringBoundLogger, error: KafkaError) -> None:
    """Log an error that the client recovers from by itself, or after which it is of no use (fatal)."""
    if error.fatal():
        log.error("kafka_client_failed", code=error.name(), reason=error.str())
    else:
        log.warning("kafka_client_error", code=error.name(), reason=error.str())


def report_commit_failure(log: FilteringBoundLogger, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
    """Log why offsets were not committed, if they were not."""
    failed = [(entry, entry.error) for entry in offsets if entry.error is not None]
    if error is not None:
        log.warning("kafka_commit_failed", code=error.name(), reason=error.str())
    elif failed:
        entry, first = failed[0]
        log.warning("kafka_commit_failed", code=first.name(), topic=entry.topic, partition=entry.partition)
