"""Positions committed to the consumer group: for lag tools, and as this instance's claim on the group."""

from collections.abc import Callable, Mapping

from confluent_kafka import Consumer, KafkaError, TopicPartition
from structlog.typing import FilteringBoundLogger

from driftd.kafka.claim import Claim, refuse_conflict
from driftd.kafka.deadline import Deadline
from driftd.kafka.failures import lasting_failures
from driftd.kafka.patience import Patience
from driftd.kafka.reports import report_commit_failure
from driftd.kafka.settings import KafkaSettings
from driftd.values.keys import SourcePartition

_ASK_SECONDS = 5.0


class GroupCommits:
    """Commits without being a member of the group: brokers allow it while the group has no members.

    At most one commit is under way; what is to be committed meanwhile waits for the next call, so nothing
    piles up while no broker answers.
    """

    def __init__(
        self, settings: KafkaSettings, instance: str, log: FilteringBoundLogger, clock: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._instance = instance
        self._log = log
        self._clock = clock
        self._newest: Mapping[SourcePartition, int] = {}
        self._under_way = False

    def acknowledged(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        """Take the client's answer to a commit; the client calls this from ``poll`` and ``consume``."""
        self._under_way = False
        report_commit_failure(self._log, error, offsets)

    def send(self, consumer: Consumer, positions: Mapping[SourcePartition, int], *, stopped: bool = False) -> None:
        """Commit positions without waiting for the answer."""
        self._newest = dict(positions)
        if self._under_way or not positions:
            return
        metadata = Claim(self._instance, self._clock(), stopped).to_metadata()
        offsets = [
            TopicPartition(source.topic, source.partition, position, metadata)
            for source, position in sorted(positions.items())
        ]
        consumer.commit(offsets=offsets, asynchronous=True)
        self._under_way = True

    def finish(self, consumer: Consumer, seconds: float) -> bool:
        """Commit the newest positions as those of a stopped instance; return whether all is answered in time."""
        deadline = Deadline(seconds)
        self._await_answer(consumer, deadline)
        if not self._under_way:
            self.send(consumer, self._newest, stopped=True)
            self._await_answer(consumer, deadline)
        return not self._under_way

    def refuse_other_instance(
        self, consumer: Consumer, sources: frozenset[SourcePartition], fresh_seconds: float
    ) -> None:
        """Raise InstanceConflict if another instance committed a short time ago; NotAuthorised, BrokerUnreachable.

        ``consumer`` is one that is assigned nothing.
        """
        asked = [TopicPartition(source.topic, source.partition) for source in sorted(sources)]
        group_id = self._settings.group_id

        def ask(seconds: float) -> list[TopicPartition]:
            with lasting_failures(f"group {group_id!r}"):
                return consumer.committed(asked, timeout=seconds)

        committed = Patience(consumer, self._settings, _ASK_SECONDS, raise_failure=lambda: None).ask(ask)
        claims = [claim for entry in committed if (claim := Claim.from_metadata(entry.metadata)) is not None]
        refuse_conflict(claims, group_id, self._instance, self._clock(), fresh_seconds)

    def _await_answer(self, consumer: Consumer, deadline: Deadline) -> None:
        while self._under_way and not deadline.passed:
            consumer.poll(deadline.left(at_most=0.05))
