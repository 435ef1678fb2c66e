"""Why a partition gives no records although it has some, found out with a client of its own.

What librdkafka 2.16 does (probed on a 4.1 broker, with damage done to a segment file):

- A batch that fails its CRC: an error with the partition and the batch's first offset, and then it reads on
  from some offset that it takes out of the damaged bytes: anything may follow.
- A batch of an unknown format version: such an error once, and it skips the batch without another word; asked
  for an offset within that batch it says nothing at all.
- A batch that cannot be decompressed: such an error twice a second, and no progress.
- A response beyond receive.message.max.bytes: the connection is dropped, again and again, and with it
  everything else that this broker serves; the error names no partition.
- A batch whose length is damaged: no error at all, and no progress.
"""

from collections.abc import Callable
from enum import StrEnum

from confluent_kafka import Consumer, KafkaError, TopicPartition
from structlog.typing import FilteringBoundLogger

from driftd.kafka.client import open_consumer
from driftd.kafka.deadline import Deadline
from driftd.kafka.settings import KafkaSettings
from driftd.values.keys import SourcePartition

#: What comes in place of a batch that cannot be taken apart.
DAMAGED = frozenset(
    {
        KafkaError._BAD_MSG,  # noqa: SLF001  the client's own codes begin with an underscore
        KafkaError._BAD_COMPRESSION,  # noqa: SLF001
        KafkaError._NOT_IMPLEMENTED,  # noqa: SLF001
        KafkaError.INVALID_MSG,
        KafkaError.UNSUPPORTED_COMPRESSION_TYPE,
    }
)
_POLL_SECONDS = 0.1


class Hurdle(StrEnum):
    """Why there is no getting on; the value is the reason as it is told."""

    DAMAGED = (
        "its batch is damaged, or in a format or compression that the client does not know; state.on_gap: continue "
        "goes on behind it"
    )
    TOO_LARGE = (
        "its batch is larger than the client may receive: raise receive.message.max.bytes in kafka.client; nothing "
        "is lost until then"
    )
    SILENT = (
        "the broker has records from there on and sends nothing that the client can use; if that lasts, its log is "
        "damaged: deleting the partition's records up to there on the broker lets the reading go on behind them"
    )


def examine(
    settings: KafkaSettings,
    log: FilteringBoundLogger,
    source: SourcePartition,
    *,
    offset: int,
    end: int,
    seconds: float,
) -> tuple[Hurdle | None, int]:
    """Try to read a partition at an offset before its ``end``.

    Returns what is in the way, None if nothing is; and where reading can go on: behind a damaged batch, and
    at ``offset`` else. Takes ``seconds`` for each try, and a few tries more for a damaged batch.
    """
    errors: list[KafkaError] = []
    few = settings.model_copy(update={"client": {**settings.client, "queued.min.messages": 1}})
    client = open_consumer(few, log, on_error=errors.append)

    def hurdle_at(at: int) -> Hurdle | None:
        return _hurdle_at(client, errors, TopicPartition(source.topic, source.partition, at), seconds)

    def readable(at: int) -> bool:
        hurdle = hurdle_at(at)
        if hurdle not in {None, Hurdle.DAMAGED} and hurdle_at(end) is not None:
            raise _NothingComes  # of a partition that gives nothing at its end either nothing can be said
        return hurdle is None

    try:
        hurdle = hurdle_at(offset)
        return hurdle, first_readable(offset, end, readable) if hurdle is Hurdle.DAMAGED else offset
    except _NothingComes:
        return Hurdle.SILENT, offset
    finally:
        client.close()


def first_readable(damaged: int, end: int, readable: Callable[[int], bool]) -> int:
    """Return where reading can go on behind a damaged offset: an offset that is readable behind one that is not.

    That is the end of the damaged batch, or of a later one if others follow close behind. ``end`` counts as
    readable. Asks about twice the logarithm of the batch's length times.
    """
    step = 1
    below, above = damaged, min(damaged + step, end)
    while above < end and not readable(above):
        step *= 2
        below, above = above, min(above + step, end)
    while above - below > 1:
        middle = (below + above) // 2
        if readable(middle):
            above = middle
        else:
            below = middle
    return above


class _NothingComes(Exception):
    """The broker has stopped answering meanwhile."""


def _hurdle_at(client: Consumer, errors: list[KafkaError], at: TopicPartition, seconds: float) -> Hurdle | None:
    client.assign([at])
    errors.clear()
    deadline = Deadline(seconds)
    while not deadline.passed:
        for message in client.consume(1, _POLL_SECONDS):
            error = message.error()
            if error is None or error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                return None
            if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                return None  # gone meanwhile: the reading itself comes upon that
            # an error of the client as a whole comes with partition 0, and without a topic
            if error.code() in DAMAGED and message.topic() == at.topic:
                return Hurdle.DAMAGED
        if any(error.code() == KafkaError._BAD_MSG for error in errors):  # noqa: SLF001
            return Hurdle.TOO_LARGE
    return Hurdle.SILENT
