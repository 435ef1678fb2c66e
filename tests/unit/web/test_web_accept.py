"""Accepting an incident over HTTP: what is answered, and who may."""

import dataclasses

import pytest
from web_client import LOG, app_over, ask, request
from web_pictures import START, picture

from driftd.values.acceptance import Accepted, NotAccepted, Obstacle, Outlook
from driftd.values.view import DaemonView
from driftd.web.api import Accept
from driftd.web.app import Served, build_app
from driftd.web.head import parse_head
from driftd.web.router import Access, Router

PATH = "/api/v1/incidents/f00d/accept"
DONE = Accepted("f00d", "5a1c", START + 120_000, 40, 12_000)


def app_that(accept: Accept | None) -> Router:
    """The application with this way of accepting."""
    return build_app(Served(picture, lambda _: None, lambda _: (b"", ""), lambda: True, accept=accept), LOG)


def test_accepted_answers_from_when_on() -> None:
    """202: it is saved, and takes effect at a window to come."""
    asked: list[str] = []

    def accept(incident: str) -> Accepted:
        asked.append(incident)
        return DONE

    answer = ask(app_that(accept), PATH, "POST")
    assert answer.status == "202 Accepted"
    assert answer.json == {
        "incident": "f00d",
        "reference_id": "5a1c",
        "from": "2026-11-25T10:02:00.000Z",
        "windows": 40,
        "events": 12_000,
    }
    assert asked == ["f00d"]


@pytest.mark.parametrize(
    ("obstacle", "status"),
    [
        (Obstacle.UNKNOWN, "404 Not Found"),
        (Obstacle.CONFLICT, "409 Conflict"),
        (Obstacle.UNAVAILABLE, "503 Service Unavailable"),
    ],
)
def test_refusals_say_why(obstacle: Obstacle, status: str) -> None:
    """Every obstacle there is has a status, and its reason is the message."""
    assert len(Obstacle) == 3
    answer = ask(app_that(lambda _: NotAccepted(obstacle, "3 windows are too few")), PATH, "POST")
    assert (answer.status, answer.json["error"]["message"]) == (status, "3 windows are too few")


def test_it_takes_a_post_and_the_admin_token() -> None:
    """The guard is asked for ADMIN before anything is looked at: 401 or 403 without, as for a reload."""
    app = app_that(lambda _: DONE)
    assert app.access(parse_head(request(PATH, "POST"))) is Access.ADMIN
    answer = ask(app, PATH)
    assert (answer.status, answer.headers["Allow"]) == ("405 Method Not Allowed", "POST")


def test_where_nothing_can_be_accepted_there_is_no_address_for_it() -> None:
    """Without the callable the address is not there."""
    assert ask(app_that(None), PATH, "POST").status == "404 Not Found"


def test_one_at_a_time() -> None:
    """Another one meanwhile is told so, and after an error the next may begin."""
    answers: list[str] = []
    failing = [True]

    def accept(_incident: str) -> Accepted:
        if failing.pop():
            raise RuntimeError
        failing.append(False)
        answers.append(ask(app, PATH, "POST").status)
        return DONE

    app = app_that(accept)
    assert ask(app, PATH, "POST").status == "500 Internal Server Error"
    failing.append(False)
    assert ask(app, PATH, "POST").status == "202 Accepted"
    assert answers == ["409 Conflict"]


def with_outlook(outlook: Outlook) -> DaemonView:
    """The picture, with what is to be said of its open incident."""
    view = picture()
    fraud = dataclasses.replace(view.monitors[1], outlooks={"f00d": outlook})
    return dataclasses.replace(view, monitors=(view.monitors[0], fraud))


def test_an_incident_tells_whether_it_can_be_accepted() -> None:
    """In the list and by itself: since when, how much was seen, and what stands in the way."""
    app = app_over(with_outlook(Outlook(START, 3, 700, "3 windows are too few")))
    expected = {
        "possible": False,
        "reason": "3 windows are too few",
        "since": "2026-11-25T10:00:00.000Z",
        "windows": 3,
        "observations": 700,
    }
    assert ask(app, "/api/v1/incidents/f00d").json["acceptance"] == expected
    assert ask(app, "/api/v1/incidents").json["incidents"][0]["acceptance"] == expected
    app = app_over(with_outlook(Outlook(START, 30, 7_000, None)))
    assert ask(app, "/api/v1/incidents/f00d").json["acceptance"]["possible"] is True
