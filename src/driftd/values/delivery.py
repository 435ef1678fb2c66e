"""What passes between the loop, those who carry documents out of the process, and how they are sent."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import orjson

from driftd.values.keys import Reason, SourcePartition
from driftd.values.state import State

#: The media type of a CloudEvent as one JSON document: CloudEvents 1.0, JSON format, section 4.
CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"


def document_bytes(document: State) -> bytes:
    """Write a document: keys sorted, so that a repeated delivery is the same to the byte."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


class Progress(NamedTuple):
    """How far a destination has come, cumulative since it was made."""

    settled: int = 0  # documents, in the order offered, that need not be kept any longer: acknowledged, or refused
    refused: int = 0  # of those: the receiver refused for good, which the log tells
    failures: int = 0  # attempts that failed, and were or will be made again
    last_success_ms: int | None = None  # wall clock of the newest acknowledgement


class Destination(Protocol):
    """Takes documents (CloudEvents, plain JSON) to one receiver, in the order offered, each at least once.

    Called by the loop only; no call but ``close`` ever waits.
    """

    @property
    def name(self) -> str:
        """``topic`` or ``webhook/NAME``: known from the configuration, so fit for a label."""
        ...

    def offer(self, document: State) -> bool:
        """Take a document to be sent after those before it. False: no room for now, offer it again later."""
        ...

    def progress(self) -> Progress:
        """Return how far this has come."""
        ...

    def close(self, wait_seconds: float) -> None:
        """Wait at most so long for what was offered, then end. Never raises; calling it again does nothing."""
        ...


class ReplyKind(StrEnum):
    """What became of one attempt to send a document."""

    TAKEN = "taken"  # acknowledged
    REFUSED = "refused"  # for good: the same document would be refused again
    FAILED = "failed"  # to be tried again


class Reply(NamedTuple):
    """The answer to one attempt. ``reason`` is short and free of secrets and of what the receiver wrote."""

    kind: ReplyKind
    reason: str = ""
    retry_after_seconds: float | None = None  # how long the receiver asks to be left alone


class Sender(Protocol):
    """Makes single attempts to send a document to one receiver; used by one thread.

    After a reply that is FAILED the same document is sent next.
    """

    def send(self, document: State) -> Reply:
        """Try once, for a bounded time."""
        ...

    def close(self) -> None:
        """Let go of what is open. Never raises, and does nothing where nothing is open."""
        ...


class DeadLetter(NamedTuple):
    """A rejected record on its way to the dead-letter topic, its value as it was (None: a tombstone)."""

    source: SourcePartition
    offset: int
    reason: Reason
    timestamp_ms: int | None  # the record's own, None where it has none
    value: bytes | None


class LetterReport(NamedTuple):
    """What became of a dead letter; ``written`` is False where the topic refused it for good."""

    source: SourcePartition
    offset: int
    written: bool


class LetterWriter(Protocol):
    """Writes dead letters, in no particular order; called by the loop only, and only ``close`` waits."""

    def write(self, letter: DeadLetter) -> bool:
        """Take a letter; False if there is no room for it."""
        ...

    def take_reports(self) -> Sequence[LetterReport]:
        """Return what became of letters since the last call."""
        ...

    def close(self, wait_seconds: float) -> None:
        """Wait at most so long for the letters taken, then end; the last reports can still be taken. Never raises."""
        ...
