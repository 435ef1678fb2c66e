"""Asking the brokers until they answer, or a deadline passes."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from confluent_kafka import Consumer, KafkaException

from driftd.errors import BrokerUnreachable
from driftd.kafka.deadline import Deadline
from driftd.kafka.failures import lasting_failure
from driftd.kafka.settings import KafkaSettings
from driftd.values.keys import SourcePartition

_ASK_SECONDS = 2.0
_RETRY_SECONDS = 0.1
_Answer = TypeVar("_Answer")


class Patience:
    """One deadline for all questions of a start. ``raise_failure`` raises what the client's callbacks have learnt.

    ``tls_complaint`` returns what they have learnt about connections that could not be secured. To be used
    while the consumer is assigned nothing: it polls, so that the callbacks run, and what the poll returns
    then can only be an error that concerns the group.
    """

    def __init__(
        self,
        consumer: Consumer,
        settings: KafkaSettings,
        wait_seconds: float,
        raise_failure: Callable[[], None],
        tls_complaint: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._wait_seconds = wait_seconds
        self._deadline = Deadline(wait_seconds)
        self._raise_failure = raise_failure
        self._tls_complaint = tls_complaint

    def ask(self, question: Callable[[float], _Answer]) -> _Answer:
        """Ask (with a time limit in seconds) until a broker answers; BrokerUnreachable at the deadline."""
        while True:
            try:
                return question(self._deadline.left(at_most=_ASK_SECONDS))
            except KafkaException:
                self._wait_a_little()

    def ask_all(
        self,
        sources: frozenset[SourcePartition],
        question: Callable[[frozenset[SourcePartition], float], Mapping[SourcePartition, _Answer]],
    ) -> dict[SourcePartition, _Answer]:
        """Ask until there is an answer for every partition; BrokerUnreachable at the deadline."""
        answers: dict[SourcePartition, _Answer] = {}
        while remaining := sources - answers.keys():
            answers |= self.ask(lambda seconds, asked=remaining: question(asked, seconds))  # type: ignore[misc]
            if sources - answers.keys():
                self._wait_a_little()
        return answers

    def _wait_a_little(self) -> None:
        message = self._consumer.poll(self._deadline.left(at_most=_RETRY_SECONDS))
        self._raise_failure()
        error = None if message is None else message.error()
        if error is not None and (failure := lasting_failure(error, f"group {self._settings.group_id!r}")):
            raise failure
        if self._deadline.passed:
            raise BrokerUnreachable(self._settings.bootstrap_servers, self._wait_seconds, self._tls_complaint())
