"""The librdkafka consumer behind a source: its properties, and how one is made."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from structlog.typing import FilteringBoundLogger

from driftd.errors import ConfigurationError
from driftd.kafka.failures import error_of
from driftd.kafka.reports import ClientLog
from driftd.kafka.settings import KafkaSettings

#: Defaults that the operator may override with kafka.client.
_DEFAULTS: dict[str, Any] = {
    "client.id": "driftd",
    # fewer queued records cost most of the rate; the bound in kilobytes is what limits the memory
    "queued.min.messages": 200_000,
    "queued.max.messages.kbytes": 16_384,
    # how long a partition waits after a full queue: the default of a second would show as stutter
    "fetch.queue.backoff.ms": 20,
    "socket.keepalive.enable": True,
}
_OWNED: dict[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "allow.auto.create.topics": False,
}

OnError = Callable[[KafkaError], None]
OnCommit = Callable[[KafkaError | None, list[TopicPartition]], None]


def consumer_properties(settings: KafkaSettings) -> dict[str, Any]:
    """Return the librdkafka properties; ConfigurationError if a file of client_files cannot be read."""
    return {
        **_DEFAULTS,
        **settings.client,
        **_from_files(settings),
        **_OWNED,
        "bootstrap.servers": settings.bootstrap_servers,
        "group.id": settings.group_id,
    }


def open_consumer(
    settings: KafkaSettings, log: FilteringBoundLogger, on_error: OnError, on_commit: OnCommit | None = None
) -> Consumer:
    """Make a consumer; it connects in the background. The callbacks run inside its ``poll`` and ``consume``.

    ConfigurationError if librdkafka refuses a property.
    """
    properties = consumer_properties(settings) | {"error_cb": on_error}
    if on_commit is not None:
        properties["on_commit"] = on_commit
    try:
        # the client takes any object with a log method, whatever its type hints say
        return Consumer(properties, logger=ClientLog(log))
    except KafkaException as refused:
        names = ", ".join(sorted({*settings.client, *settings.client_files})) or settings.bootstrap_servers
        raise ConfigurationError("kafka.client", names, error_of(refused).str()) from refused


def check_client(settings: KafkaSettings, log: FilteringBoundLogger) -> None:
    """Raise ConfigurationError if no client can be made of the settings; no broker need be there."""
    open_consumer(settings, log, on_error=lambda _: None).close()


def _from_files(settings: KafkaSettings) -> dict[str, str]:
    values = {}
    for name, path in settings.client_files.items():
        try:
            values[name] = path.read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as unreadable:
            reason = unreadable.strerror if isinstance(unreadable, OSError) else "not UTF-8 text"
            key = f"kafka.client_files.{name}"
            raise ConfigurationError(key, str(path), f"must be a file with the value in it ({reason})") from unreadable
    return values
