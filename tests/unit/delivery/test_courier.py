"""The thread that carries documents to one receiver."""

import time
from collections.abc import Iterator, Sequence
from threading import Event

import pytest
from webhook_receiver import document, logger, until

from driftd.delivery.courier import LONGEST_ASKED_SECONDS, ROOM, Courier, Pauses
from driftd.values.delivery import Progress, Reply, ReplyKind
from driftd.values.state import State

TAKEN, REFUSED, FAILED = Reply(ReplyKind.TAKEN), Reply(ReplyKind.REFUSED, "no"), Reply(ReplyKind.FAILED, "down")
BRIEF = Pauses(first_seconds=0.0005, longest_seconds=0.002)
NOW_MS = 1_700_000_000_000


class ScriptedSender:
    """Answers by a script, then takes everything; can be held up in the middle of an attempt."""

    def __init__(self, script: Sequence[Reply | Exception] = ()) -> None:
        self.attempts: list[int] = []
        self.script = list(script)
        self.free = Event()
        self.free.set()
        self.closed = Event()

    def send(self, document: State) -> Reply:
        self.attempts.append(document["data"]["number"])
        self.free.wait(30)
        reply = self.script.pop(0) if self.script else TAKEN
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def sender() -> Iterator[ScriptedSender]:
    """A sender that is set free in the end."""
    scripted = ScriptedSender()
    yield scripted
    scripted.free.set()


def courier_of(sender: ScriptedSender, pauses: Pauses = BRIEF) -> Courier:
    """Return a courier whose clock stands still."""
    return Courier("webhook/x", sender, logger()[0], lambda: NOW_MS, pauses)


def test_documents_go_out_in_order_each_until_it_is_settled(sender: ScriptedSender) -> None:
    """A failure is tried again before anything later; a refusal is not tried again."""
    sender.script = [TAKEN, FAILED, FAILED, TAKEN, REFUSED, TAKEN]
    courier = courier_of(sender)
    assert all(courier.offer(document(number)) for number in range(4))
    until(lambda: courier.progress().settled == 4)
    courier.close(5.0)
    assert sender.attempts == [0, 1, 1, 1, 2, 3]
    assert courier.progress() == Progress(settled=4, refused=1, failures=2, last_success_ms=NOW_MS)


def test_a_refusal_is_no_success(sender: ScriptedSender) -> None:
    """The time of the last success is that of an acknowledgement."""
    sender.script = [REFUSED]
    courier = courier_of(sender)
    courier.offer(document(0))
    until(lambda: courier.progress().settled == 1)
    courier.close(5.0)
    assert courier.progress() == Progress(settled=1, refused=1)


def test_offering_never_waits_and_is_bounded(sender: ScriptedSender) -> None:
    """While the receiver hangs there is room for so many documents and no more; later there is room again."""
    sender.free.clear()
    courier = courier_of(sender)
    assert [courier.offer(document(number)) for number in range(ROOM + 2)] == [True] * ROOM + [False, False]
    assert courier.progress() == Progress()
    sender.free.set()
    until(lambda: courier.progress().settled == ROOM)
    assert courier.offer(document(ROOM))
    courier.close(5.0)
    assert sender.attempts == list(range(ROOM + 1))


def test_closing_finishes_what_was_offered(sender: ScriptedSender) -> None:
    """A receiver that answers gets everything; then the sender is closed and nothing more is taken."""
    courier = courier_of(sender)
    assert all(courier.offer(document(number)) for number in range(20))
    courier.close(10.0)
    assert courier.progress().settled == 20
    assert sender.closed.is_set()
    assert not courier.offer(document(20))
    courier.close(10.0)


def test_closing_does_not_wait_for_a_receiver_that_fails(sender: ScriptedSender) -> None:
    """It ends in the middle of a long pause; what was not settled is not counted so."""
    sender.script = [FAILED] * 10
    courier = courier_of(sender, Pauses(first_seconds=1e6, longest_seconds=1e6))
    courier.offer(document(0))
    until(lambda: courier.progress().failures == 1)
    began = time.monotonic()
    courier.close(30.0)
    assert time.monotonic() - began < 5.0
    assert sender.closed.is_set()
    assert courier.progress() == Progress(failures=1)


def test_closing_leaves_an_attempt_that_hangs_to_itself(sender: ScriptedSender) -> None:
    """After the time allowed it returns; the thread ends, without another attempt, when it can."""
    sender.free.clear()
    courier = courier_of(sender)
    courier.offer(document(0))
    courier.offer(document(1))
    until(lambda: sender.attempts == [0])
    began = time.monotonic()
    courier.close(0.2)
    assert 0.2 <= time.monotonic() - began < 5.0
    sender.free.set()
    assert sender.closed.wait(10)
    assert sender.attempts == [0]


def test_closing_what_never_began_closes_the_sender(sender: ScriptedSender) -> None:
    """No thread was needed; nothing is waited for."""
    courier_of(sender).close(30.0)
    assert sender.closed.is_set()


def test_a_sender_that_breaks_is_tried_again(sender: ScriptedSender) -> None:
    """An exception nobody thought of neither ends the thread nor loses the document; its text is not logged."""
    sender.script = [RuntimeError("hidden")]
    log, lines = logger()
    courier = Courier("topic", sender, log, lambda: NOW_MS, BRIEF)
    courier.offer(document(0))
    until(lambda: courier.progress().settled == 1)
    courier.close(5.0)
    assert sender.attempts == [0, 0]
    assert [line.get("reason") for line in lines] == ["internal error: RuntimeError", None]


def test_the_log_tells_each_change_once(sender: ScriptedSender) -> None:
    """The first failure, another reason, the end of the series, and every refusal with the document's id."""
    sender.script = [FAILED, FAILED, Reply(ReplyKind.FAILED, "status 503"), TAKEN, REFUSED, FAILED, TAKEN]
    log, lines = logger()
    courier = Courier("webhook/x", sender, log, lambda: NOW_MS, BRIEF)
    for number in range(3):
        courier.offer(document(number))
    until(lambda: courier.progress().settled == 3)
    courier.close(5.0)
    assert {line["destination"] for line in lines} == {"webhook/x"}
    assert [(line["level"], line["event"], line.get("reason"), line.get("id")) for line in lines] == [
        ("warning", "delivery failed", "down", None),
        ("warning", "delivery failed", "status 503", None),
        ("info", "delivery works again", None, None),
        ("warning", "drift event refused", "no", document(1)["id"]),
        ("warning", "delivery failed", "down", None),
        ("info", "delivery works again", None, None),
    ]


def test_pauses_grow_to_a_bound_and_are_drawn_from_the_whole_range() -> None:
    """The bound doubles from half a second up to a minute; what is drawn lies below it, also near zero."""
    pauses = Pauses()
    for failures, bound in ((1, 0.5), (2, 1.0), (7, 32.0), (8, 60.0), (5_000, 60.0)):
        drawn = [pauses.after(failures, None) for _ in range(400)]
        assert 0 <= min(drawn) < 0.1 * bound
        assert 0.9 * bound < max(drawn) <= bound


def test_a_receiver_is_left_alone_as_long_as_it_asks_within_a_bound() -> None:
    """Retry-After lengthens a pause, and never shortens one."""
    pauses = Pauses(first_seconds=2.0)
    assert {pauses.after(1, 30.0) for _ in range(50)} == {30.0}
    assert {pauses.after(1, 1e9) for _ in range(50)} == {LONGEST_ASKED_SECONDS}
    assert max(pauses.after(1, 0.5) for _ in range(200)) > 1.0
