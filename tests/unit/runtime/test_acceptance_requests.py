"""Who asks for an incident to be accepted, and the loop that sees to it."""

from threading import Thread

from driftd.runtime.requests import Requests
from driftd.values.acceptance import Accepted, NotAccepted, Obstacle

DONE = Accepted("f00d", "r2", 60_000, 12, 3_000)


def test_answer_reaches_who_asked() -> None:
    """The HTTP thread waits for it; the loop takes each request once."""
    requests = Requests()
    answers: list[Accepted | NotAccepted] = []
    asking = requests.accept("f00d")
    thread = Thread(target=lambda: answers.append(asking.wait(30)))
    thread.start()
    (taken,) = requests.take_acceptances()
    assert requests.take_acceptances() == []
    assert (taken.incident, taken.claim()) == ("f00d", True)
    taken.answer(DONE)
    thread.join(30)
    assert answers == [DONE]


def test_what_nobody_waits_for_is_not_done() -> None:
    """Who was told that nothing has changed can rely on it: the loop cannot claim it any more."""
    requests = Requests()
    asking = requests.accept("f00d")
    answer = asking.wait(0)
    assert isinstance(answer, NotAccepted)
    assert answer == NotAccepted(
        Obstacle.UNAVAILABLE, "the loop did not come to it within 0 s, and nothing has changed"
    )
    (taken,) = requests.take_acceptances()
    assert not taken.claim()


def test_what_is_under_way_is_waited_for() -> None:
    """Beyond the time allowed, too: what becomes of it is the answer."""
    requests = Requests()
    asking = requests.accept("f00d")
    assert asking.claim()
    answers: list[Accepted | NotAccepted] = []
    thread = Thread(target=lambda: answers.append(asking.wait(0)))
    thread.start()
    asking.answer(DONE)
    thread.join(30)
    assert answers == [DONE]
