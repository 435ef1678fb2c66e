"""The librdkafka clients, consumers and producers: their properties, and how they are made."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from structlog.typing import FilteringBoundLogger

from driftd.errors import ConfigurationError
from driftd.kafka.failures import error_of
from driftd.kafka.property_kinds import CONSUMER_ONLY, PRODUCER_ONLY
from driftd.kafka.reports import ClientLog, report_error
from driftd.kafka.settings import KafkaSettings

_MOST_FILE_BYTES = 1 << 20
#: Defaults that the operator may override with kafka.client.
_DEFAULTS: dict[str, Any] = {
    "client.id": "driftd",
    # fewer queued records cost most of the rate; the bound in kilobytes is what limits the memory
    "queued.min.messages": 200_000,
    "queued.max.messages.kbytes": 16_384,
    # how long a partition waits after a full queue: the default of a second would show as stutter
    "fetch.queue.backoff.ms": 20,
    "socket.keepalive.enable": True,
    # a damaged batch would otherwise pass for whatever it has become; what it costs is lost in the noise
    "check.crcs": True,
}
_OWNED: dict[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "allow.auto.create.topics": False,
}
_OWNED_BY_PRODUCERS: dict[str, Any] = {
    "acks": "all",
    # a record is given up for no reason that time alone could heal
    "message.timeout.ms": 0,
    "allow.auto.create.topics": False,
}
#: Of a producer that neither repeats nor reorders what it writes, one record at a time.
IDEMPOTENT: Mapping[str, Any] = {"enable.idempotence": True, "linger.ms": 0}
#: What the topic accepts is the broker's decision: the client's own limit would only be a second one.
_PRODUCER_DEFAULTS: dict[str, Any] = {"message.max.bytes": 1_000_000_000}

OnError = Callable[[KafkaError], None]
OnCommit = Callable[[KafkaError | None, list[TopicPartition]], None]


def consumer_properties(settings: KafkaSettings) -> dict[str, Any]:
    """Return the librdkafka properties; ConfigurationError if a file of client_files cannot be read."""
    given = {**_DEFAULTS, **settings.client, **_from_files(settings)}
    return {
        **{name: value for name, value in given.items() if name not in PRODUCER_ONLY},
        **_OWNED,
        "bootstrap.servers": settings.bootstrap_servers,
        "group.id": settings.group_id,
    }


def producer_properties(settings: KafkaSettings, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a producer, ``own`` over the operator's; ConfigurationError as above."""
    given = {**_DEFAULTS, **_PRODUCER_DEFAULTS, **settings.client, **_from_files(settings)}
    return {
        **{name: value for name, value in given.items() if name not in CONSUMER_ONLY},
        **_OWNED_BY_PRODUCERS,
        **own,
        "bootstrap.servers": settings.bootstrap_servers,
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
        raise _wrong_property(settings, refused) from refused


def open_producer(settings: KafkaSettings, log: FilteringBoundLogger, own: Mapping[str, Any]) -> Producer:
    """Make a producer that waits for all replicas, with properties of its ``own``; it connects in the background.

    What it has to say is logged from within its ``poll`` and ``flush``. ConfigurationError as above.
    """
    properties = producer_properties(settings, own) | {"error_cb": lambda error: report_error(log, error)}
    try:
        return Producer(properties, logger=ClientLog(log))
    except KafkaException as refused:
        raise _wrong_property(settings, refused) from refused


def open_admin(settings: KafkaSettings, log: FilteringBoundLogger) -> AdminClient:
    """Make a client for questions about topics; it ends with its last reference, without waiting for anything.

    It says nothing itself: what befalls it befalls the consumer of the same settings too.
    """
    given = {**_DEFAULTS, **settings.client, **_from_files(settings)}
    properties: dict[str, Any] = {
        **{name: value for name, value in given.items() if name not in CONSUMER_ONLY | PRODUCER_ONLY},
        "bootstrap.servers": settings.bootstrap_servers,
        "log_level": 0,
        "error_cb": lambda _: None,
    }
    return AdminClient(properties, logger=ClientLog(log))


def check_client(settings: KafkaSettings, log: FilteringBoundLogger) -> None:
    """Raise ConfigurationError if not every client can be made of the settings; no broker need be there."""
    open_consumer(settings, log, on_error=lambda _: None).close()
    open_producer(settings, log, IDEMPOTENT)


def _wrong_property(settings: KafkaSettings, refused: KafkaException) -> ConfigurationError:
    names = ", ".join(sorted({*settings.client, *settings.client_files})) or settings.bootstrap_servers
    return ConfigurationError("kafka.client", names, error_of(refused).str())


def _from_files(settings: KafkaSettings) -> dict[str, str]:
    values = {}
    for name, path in settings.client_files.items():
        try:
            values[name] = _text_of(path)
        except ValueError as wrong:
            key = f"kafka.client_files.{name}"
            # what was read may be secret: it does not hang on the error
            raise ConfigurationError(key, str(path), f"must be a file with the value in it ({wrong})") from None
    return values


def _text_of(path: Path) -> str:
    """Return what a small text file holds, without its last line feed; ValueError says why it cannot be used."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_FILE_BYTES + 1)
    except OSError as unreadable:
        raise ValueError(unreadable.strerror) from None
    if len(data) > _MOST_FILE_BYTES:
        raise ValueError(f"larger than {_MOST_FILE_BYTES} bytes")
    try:
        return data.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None
