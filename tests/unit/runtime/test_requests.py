"""What the loop is asked from outside."""

import signal
from collections.abc import Iterator
from threading import Thread

import pytest

from driftd.runtime.requests import Requests


def test_wait_ends_with_a_request() -> None:
    """Whichever it is; until then it calls back, so that the loop is seen to live."""
    for ask in (Requests.stop, Requests.reload):
        requests = Requests()
        called: list[int] = []

        def look(requests: Requests = requests, called: list[int] = called, ask: object = ask) -> None:
            called.append(1)
            if len(called) == 2:
                ask(requests)  # type: ignore[operator]

        requests.wait(30, look)
        assert len(called) == 2


def test_wait_ends_in_time_without_one() -> None:
    """Nobody asks for anything."""
    requests = Requests()
    called: list[int] = []
    requests.wait(0.15, lambda: called.append(1))
    assert 1 <= len(called) <= 3
    assert not requests.stopping
    assert not requests.waiting


@pytest.mark.parametrize("failure", [None, "windows.duration: needs a restart"])
def test_one_answer_is_for_all_who_asked(failure: str | None) -> None:
    """Those who ask again while a reload is under way hear of the next one."""
    requests = Requests()
    first, second = requests.reload(), requests.reload()
    taken = requests.take_reloads()
    third = requests.reload()
    for request in taken:
        request.answer(failure)
    assert [first.wait(0), second.wait(0)] == [failure, failure]
    assert third.wait(0) is not None
    assert requests.take_reloads() == [third]


def test_who_asks_without_end_is_bounded() -> None:
    """The oldest requests are dropped: they are for the same thing."""
    requests = Requests()
    for _ in range(1_000):
        requests.reload()
    assert len(requests.take_reloads()) == 16


def test_answer_wakes_another_thread() -> None:
    """The HTTP thread that asked is waiting for it."""
    requests = Requests()
    answers: list[str | None] = []
    asking = requests.reload()
    thread = Thread(target=lambda: answers.append(asking.wait(30)))
    thread.start()
    asking.answer("no")
    thread.join(30)
    assert answers == ["no"]


@pytest.fixture
def handled() -> Iterator[Requests]:
    """Requests made by the handler of a signal."""
    requests = Requests()
    former = signal.signal(signal.SIGUSR1, lambda *_: requests.reload())
    yield requests
    signal.signal(signal.SIGUSR1, former)


def test_signal_may_come_at_any_moment(handled: Requests) -> None:
    """Also while the loop itself looks at the requests: nothing blocks."""
    for _ in range(2_000):
        signal.raise_signal(signal.SIGUSR1)
        assert handled.waiting
        assert handled.take_reloads()
