"""Where the records are read from: the ``kafka`` section of the configuration."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, field_validator

from driftd.values.secrets import masked
from driftd.values.settings import DURATION_FORM, DurationMs, Section, format_duration, parse_duration_ms

_TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_NAME_SHOWN = 260

_POSITIONS = "driftd keeps the positions itself, in its snapshot"
_ASSIGNMENT = "driftd assigns itself all partitions and joins no group"
_WRITING = "driftd writes each record until it is acknowledged, and once where it can"
_CALLBACK = "driftd installs it itself"

#: librdkafka properties that driftd sets itself, each with the reason it gives when somebody else does.
OWNED_PROPERTIES: Mapping[str, str] = {
    "bootstrap.servers": "set kafka.bootstrap_servers instead",
    "metadata.broker.list": "set kafka.bootstrap_servers instead",
    "group.id": "set kafka.group_id instead",
    "auto.offset.reset": "set kafka.start instead",
    "enable.auto.commit": _POSITIONS,
    "auto.commit.interval.ms": _POSITIONS,
    "enable.auto.offset.store": _POSITIONS,
    "enable.partition.eof": "driftd needs the end-of-partition events to close windows",
    "allow.auto.create.topics": "driftd never creates the topics that it reads",
    "group.instance.id": _ASSIGNMENT,
    "group.protocol": _ASSIGNMENT,
    "group.remote.assignor": _ASSIGNMENT,
    "partition.assignment.strategy": _ASSIGNMENT,
    "topic.blacklist": "set kafka.topics instead",
    **dict.fromkeys(
        (
            "acks",
            "delivery.report.only.error",
            "delivery.timeout.ms",
            "enable.gapless.guarantee",
            "enable.idempotence",
            "message.send.max.retries",
            "message.timeout.ms",
            "queue.buffering.max.kbytes",
            "queue.buffering.max.messages",
            "request.required.acks",
            "retries",
            "transaction.timeout.ms",
            "transactional.id",
        ),
        _WRITING,
    ),
    **dict.fromkeys(("error_cb", "log_cb", "logger", "oauth_cb", "on_commit", "stats_cb", "throttle_cb"), _CALLBACK),
}


def _refuse_owned(name: str) -> str:
    if name in OWNED_PROPERTIES:
        raise ValueError(f"cannot be set here: {OWNED_PROPERTIES[name]}")
    return name


def _parse_start(value: object) -> str | int:
    if isinstance(value, str) and value in ("earliest", "latest"):
        return value
    try:
        return parse_duration_ms(value)
    except ValueError:
        raise ValueError(f"must be earliest, latest or {DURATION_FORM}") from None


def _format_start(start: str | int) -> str:
    return start if isinstance(start, str) else format_duration(start)


def _check_names(topics: Iterable[object]) -> None:
    for name in topics:
        if not isinstance(name, str) or not _TOPIC_NAME.fullmatch(name):
            shown = repr(name)[:_NAME_SHOWN]
            raise ValueError(f"{shown} cannot be a topic's name: letters, digits, '.', '_' and '-' only")


def _mask(client: Mapping[str, object]) -> dict[str, object]:
    return {name: masked(name, value) for name, value in client.items()}


#: The name of a librdkafka property that the operator may set.
Property = Annotated[str, AfterValidator(_refuse_owned)]

#: ``earliest``, ``latest``, or how many milliseconds back.
Start = Annotated[
    Literal["earliest", "latest"] | int,
    BeforeValidator(_parse_start),
    PlainSerializer(_format_start, return_type=str, when_used="json"),
]


class KafkaSettings(Section):
    """How the brokers are reached, and which topics are read from where.

    ``topics`` is a list of names or a mapping from names to settings of each topic; it is always a mapping
    afterwards. What a topic's settings are is not this package's business: whoever composes the
    configuration gives the field its type in a subclass.
    """

    bootstrap_servers: str = Field("localhost:9092", min_length=1, description="brokers to ask first, with commas")
    group_id: str = Field(
        min_length=1, max_length=200, description="names this daemon on the brokers; one instance each"
    )
    topics: dict[str, Any] = Field(description="topics to read: a list of names, or a mapping with settings of each")
    start: Start = Field(
        3_600_000, description="where to start without a snapshot: earliest, latest or a duration back"
    )
    client: Annotated[
        dict[Property, str | int | bool | float], PlainSerializer(_mask, return_type=dict, when_used="json")
    ] = Field(default_factory=dict, repr=False, description="any librdkafka property")
    client_files: dict[Property, Path] = Field(
        default_factory=dict, description="librdkafka properties whose values are read from files, such as secrets"
    )
    connect_timeout: DurationMs = Field(
        30_000, ge=100, le=600_000, description="how long to wait for a broker at the start before giving up"
    )
    batch_records: int = Field(1000, ge=1, le=100_000, description="records taken from the client at once")
    discovery_interval: DurationMs = Field(
        5_000, ge=100, le=8_000, description="how often new and unreachable partitions are looked for"
    )

    @field_validator("topics", mode="before")
    @classmethod
    def _topics_as_mapping(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            _check_names(value)
            if len(set(value)) < len(value):
                raise ValueError("must name each topic once")
            value = dict.fromkeys(value)
        if not isinstance(value, Mapping) or not value:
            raise ValueError("must be a list of topic names, or a mapping from topic names to their settings")
        _check_names(value)
        return {name: {} if settings is None else settings for name, settings in value.items()}

    @field_validator("client_files")
    @classmethod
    def _each_property_once(cls, value: dict[str, Path], info: ValidationInfo) -> dict[str, Path]:
        both = sorted(set(value) & set(info.data.get("client", ())))
        if both:
            raise ValueError(f"{both[0]} is set in kafka.client as well: keep one of them")
        return value
