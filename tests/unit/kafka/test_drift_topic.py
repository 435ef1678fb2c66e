"""What becomes of a document when the client says what no broker can be made to say at will."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from confluent_kafka import KafkaError, KafkaException

import driftd.kafka.drift_topic
from driftd.errors import ConfigurationError
from driftd.kafka.client import check_client
from driftd.kafka.drift_topic import DriftTopic
from driftd.kafka.settings import KafkaSettings
from driftd.values.delivery import Reply, ReplyKind

SETTINGS = KafkaSettings(bootstrap_servers="127.0.0.1:1", group_id="g", topics=["events"])
TAKEN = Reply(ReplyKind.TAKEN)
Report = Callable[[KafkaError | None, object], None]


class ScriptedProducer:
    """Stands for the client: reports by a script, one entry a poll; ``...`` is a poll without a report."""

    def __init__(self, script: list[Any]) -> None:
        self.script = script
        self.produced: list[bytes] = []
        self.purged = False
        self._waiting: list[Report] = []

    def produce(self, _topic: str, *, value: bytes, on_delivery: Report, **_: object) -> None:
        if self.script and isinstance(self.script[0], KafkaException):
            raise self.script.pop(0)
        self.produced.append(value)
        self._waiting.append(on_delivery)

    def poll(self, _seconds: float) -> None:
        report = self.script.pop(0) if self.script else None
        if report is not ...:
            self._waiting.pop(0)(report, None)

    def purge(self) -> None:
        self.purged = True


@pytest.fixture
def producers(monkeypatch: pytest.MonkeyPatch) -> list[ScriptedProducer]:
    """Return the clients that will be made, in order."""
    coming: list[ScriptedProducer] = []
    made = iter(coming)

    def open_next(_settings: KafkaSettings, _log: object, own: Mapping[str, Any]) -> ScriptedProducer:
        assert own["enable.idempotence"] is True
        return next(made)

    monkeypatch.setattr(driftd.kafka.drift_topic, "open_producer", open_next)
    return coming


def sender() -> DriftTopic:
    """Return a sender that gives each attempt hardly any time."""
    return DriftTopic(SETTINGS, "drift", structlog.get_logger(), attempt_seconds=0.0)


def document(number: int) -> dict[str, Any]:
    """Return a document."""
    return {"id": str(number), "subject": "fraud/7/all"}


def test_what_is_under_way_is_waited_for_and_not_written_again(producers: list[ScriptedProducer]) -> None:
    """Attempts that run out of time leave the record where it is."""
    producers.append(ScriptedProducer([..., ..., None]))
    topic = sender()
    timeout = Reply(ReplyKind.FAILED, "timeout")
    assert [topic.send(document(1)) for _ in range(3)] == [timeout, timeout, TAKEN]
    assert producers[0].produced == [b'{"id":"1","subject":"fraud/7/all"}']


def test_after_an_error_that_ends_the_client_another_one_is_made(producers: list[ScriptedProducer]) -> None:
    """The document is written again by the new client, and later ones too."""
    ended = KafkaError(KafkaError._FATAL, "ended", fatal=True)
    producers += [ScriptedProducer([None, ended]), ScriptedProducer([KafkaException(ended)]), ScriptedProducer([])]
    topic = patient_sender()
    assert topic.send(document(1)) == TAKEN
    assert topic.send(document(2)) == Reply(ReplyKind.FAILED, "_FATAL")
    assert topic.send(document(2)) == Reply(ReplyKind.FAILED, "_FATAL")
    assert [topic.send(document(2)), topic.send(document(3))] == [TAKEN, TAKEN]
    assert [producer.purged for producer in producers] == [True, True, False]
    assert [len(producer.produced) for producer in producers] == [2, 0, 2]


def patient_sender() -> DriftTopic:
    """Return a sender whose attempts have the time they need."""
    return DriftTopic(SETTINGS, "drift", structlog.get_logger(), attempt_seconds=10.0)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, ReplyKind.REFUSED),
        (KafkaError.INVALID_RECORD, ReplyKind.REFUSED),
        (KafkaError.RECORD_LIST_TOO_LARGE, ReplyKind.REFUSED),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, ReplyKind.FAILED),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, ReplyKind.FAILED),
        (KafkaError._UNKNOWN_TOPIC, ReplyKind.FAILED),
        (KafkaError.NOT_ENOUGH_REPLICAS, ReplyKind.FAILED),
        (KafkaError.POLICY_VIOLATION, ReplyKind.FAILED),
        (KafkaError._MSG_TIMED_OUT, ReplyKind.FAILED),
    ],
)
def test_the_code_decides_what_is_refused_for_good(
    producers: list[ScriptedProducer], code: int, kind: ReplyKind
) -> None:
    """Only what the record itself is can be refused; the reason is the code, from the report or at once."""
    error = KafkaError(code)
    producers.append(ScriptedProducer([error, KafkaException(error)]))
    topic = patient_sender()
    assert [topic.send(document(1)), topic.send(document(2))] == [Reply(kind, error.name())] * 2


def test_a_secret_file_that_has_gone_is_a_failure(tmp_path: Path) -> None:
    """It was there at the start, and is read again for each new client; the reason is the setting's key."""
    secret = tmp_path / "password"
    secret.write_text("hidden")
    topic = DriftTopic(
        SETTINGS.model_copy(update={"client_files": {"sasl.password": secret}}), "drift", structlog.get_logger()
    )
    topic.close()
    secret.unlink()
    assert topic.send(document(1)) == Reply(ReplyKind.FAILED, "kafka.client_files.sasl.password")


def test_settings_that_no_client_can_be_made_of_are_refused_at_once() -> None:
    """Not when the first drift event is due."""
    settings = SETTINGS.model_copy(update={"client": {"queue.buffering.backpressure.threshold": 2}})
    with pytest.raises(ConfigurationError):
        DriftTopic(settings, "drift", structlog.get_logger())
    with pytest.raises(ConfigurationError):
        check_client(settings, structlog.get_logger())
