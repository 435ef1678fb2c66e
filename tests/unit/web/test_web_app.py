"""Probes, metrics, errors and headers of the HTTP application."""

import dataclasses
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
import structlog
from structlog.testing import LogCapture
from web_client import app_over, ask
from web_pictures import FRAUD, PROFILE, monitor, picture

from driftd.values.verdict import MonitorState
from driftd.values.view import DaemonView, DeadLettersView, DeliveryView, ReloadView
from driftd.web.app import Served, build_app

EVERY_PATH = [
    "/",
    "/metrics",
    "/-/healthy",
    "/-/ready",
    "/api/v1/status",
    "/api/v1/monitors",
    "/api/v1/monitors/fraud/3/all",
    "/api/v1/monitors/fraud/3/all/columns/feature/amount",
    "/api/v1/incidents",
    "/api/v1/incidents/f00d",
]


@pytest.mark.parametrize("path", EVERY_PATH)
def test_head_has_the_headers_of_get_and_no_body(path: str) -> None:
    """HEAD answers as GET does, Content-Length included, without a body."""
    got, head = ask(app_over(), path), ask(app_over(), path, method="HEAD")
    assert (got.status, head.status) == ("200 OK", "200 OK")
    assert [head.headers | {"Date": ""}, b""] == [got.headers | {"Date": ""}, head.body]
    assert got.headers["Content-Length"] == str(len(got.body))


@pytest.mark.parametrize("path", [*EVERY_PATH, "/nothing"])
def test_every_response_has_the_security_headers(path: str) -> None:
    """Every response, errors included, is neither cached, sniffed nor framed."""
    headers = ask(app_over(), path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_not_allowed(path: str, method: str) -> None:
    """Every known address answers other methods with 405 and names those it knows."""
    answer = ask(app_over(), path, method=method)
    assert answer.status == "405 Method Not Allowed"
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.json == {"error": {"status": 405, "message": "only GET and HEAD"}}


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "//metrics", "/api/v1", "/api/v1/monitors/fraud", "/%ff%zz"])
def test_unknown_addresses_are_not_found(path: str) -> None:
    """What is not an address answers 404 with a JSON error."""
    answer = ask(app_over(), path)
    assert answer.status == "404 Not Found"
    assert answer.json == {"error": {"status": 404, "message": "there is nothing here; / lists what there is"}}


def test_an_absolute_target_is_understood() -> None:
    """A proxy may send the whole address as the target (RFC 9112, 3.2.2)."""
    assert ask(app_over(), "http://driftd:9108/-/ready?x=1").body == b"ready\n"


def test_a_failing_handler_is_logged_and_leaks_nothing() -> None:
    """An unexpected exception becomes a 500 without its text, and a line in the log with it."""
    log = LogCapture()

    def broken() -> DaemonView:
        raise RuntimeError("password=hunter2")

    app = build_app(
        Served(view=broken, profile_of=lambda _: None, metrics=lambda _: (b"", ""), healthy=lambda: True),
        structlog.wrap_logger(None, processors=[log]),
    )
    answer = ask(app, "/api/v1/monitors")
    assert answer.status == "500 Internal Server Error"
    assert answer.json == {"error": {"status": 500, "message": "the request failed; the log says why"}}
    assert [str(entry["exc_info"]) for entry in log.entries] == ["password=hunter2"]


def test_metrics_are_rendered_for_the_accept_header() -> None:
    """/metrics hands the Accept header to the renderer and sends its content type."""
    answer = ask(app_over(), "/metrics", accept="application/openmetrics-text")
    assert answer.body == b"driftd_up 1\n"
    assert answer.headers["Content-Type"] == "text/plain; asked=application/openmetrics-text"


def test_healthy_follows_the_loop_alone() -> None:
    """/-/healthy is 503 only where the loop does not turn; not being ready changes nothing."""
    assert ask(app_over(picture(not_ready=("no broker",))), "/-/healthy").status == "200 OK"
    answer = ask(app_over(healthy=False), "/-/healthy")
    assert answer.status == "503 Service Unavailable"
    assert answer.body == b"not healthy: the loop has not turned for too long\n"


def test_reloading_answers_what_became_of_it() -> None:
    """200 where the configuration was loaded, 500 with the reason where it was refused; only POST does it."""
    assert ask(app_over(reload=lambda: None), "/-/reload", method="POST").status == "200 OK"
    refused = ask(app_over(reload=lambda: "windows.duration: 1 is not valid: must be a duration"), "/-/reload", "POST")
    assert refused.status == "500 Internal Server Error"
    assert refused.json["error"]["message"] == "windows.duration: 1 is not valid: must be a duration"
    for method in ("GET", "HEAD", "PUT"):
        answer = ask(app_over(reload=lambda: None), "/-/reload", method=method)
        assert (answer.status, answer.headers["Allow"]) == ("405 Method Not Allowed", "POST")


def test_where_nothing_can_be_reloaded_there_is_no_address_for_it() -> None:
    """Without the callable the address is not there."""
    assert ask(app_over(), "/-/reload", method="POST").status == "404 Not Found"


def test_one_reload_at_a_time() -> None:
    """While a reload runs another one is told so: waiting ones would use up the threads that answer."""
    answers: list[str] = []

    def reload() -> None:
        answers.append(ask(app, "/-/reload", method="POST").status)

    app = app_over(reload=reload)
    assert ask(app, "/-/reload", method="POST").status == "200 OK"
    assert answers == ["409 Conflict"]
    assert ask(app, "/-/reload", method="POST").status == "200 OK"


def test_a_reload_that_breaks_does_not_block_the_next() -> None:
    """After an exception another reload may begin."""
    outcomes = iter([RuntimeError("broken"), None])

    def reload() -> None:
        if (outcome := next(outcomes)) is not None:
            raise outcome

    app = app_over(reload=reload)
    statuses = [ask(app, "/-/reload", method="POST").status for _ in range(2)]
    assert statuses == ["500 Internal Server Error", "200 OK"]


def test_not_ready_says_why() -> None:
    """/-/ready lists every reason, one a line."""
    answer = ask(app_over(picture(not_ready=("no broker answers", "the snapshot is torn"))), "/-/ready")
    assert answer.status == "503 Service Unavailable"
    assert answer.body == b"not ready: no broker answers\nnot ready: the snapshot is torn\n"


class _Page(HTMLParser):
    """Collects links and text, and sees that every element is closed."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_every_link_of_the_page_leads_somewhere() -> None:
    """The page's links all answer 200, whatever characters the names hold, and its elements are balanced."""
    page = _Page()
    page.feed(ask(app_over(), "/").body.decode())
    page.close()
    assert page.open == []
    assert len(page.links) == 6 + 2 + 2  # fixed ones, incidents, monitors
    assert [ask(app_over(), link).status for link in page.links] == ["200 OK"] * len(page.links)


def test_names_are_escaped_on_the_page() -> None:
    """A model's name is text on the page, never markup."""
    body = ask(app_over(), "/").body.decode()
    assert "a/b &lt;i&gt;/1 &amp; 2/50%25" in body
    assert "<i>" not in body


@pytest.mark.parametrize(
    ("evidence", "calibrating", "expected"),
    [
        (1.25, 0, '<meter min="0" low="3.50" high="4.50" max="4.51" optimum="0" value="1.25" {}></meter> 1.2 of 4.5'),
        (27.5, 0, '<meter min="0" low="3.50" high="4.50" max="4.51" optimum="0" value="27.50" {}></meter> 27.5 of 4.5'),
        (-0.25, 0, '<meter min="0" low="3.50" high="4.50" max="4.51" optimum="0" value="0.00" {}></meter> 0.0 of 4.5'),
        (None, 0, "not yet"),
        (None, 12, "12 more windows"),
        (None, 1, "1 more window"),
    ],
)
def test_the_page_shows_evidence_beside_what_pages(evidence: float | None, calibrating: int, expected: str) -> None:
    """A bar that is full at a page and amber from a tenth of it, or how long until there is any evidence."""
    shown = dataclasses.replace(monitor(FRAUD, MonitorState.OK), evidence=evidence, calibrating=calibrating)
    body = ask(app_over(DaemonView(monitors=(shown,))), "/").body.decode()
    (cell,) = re.findall(r"ok</span></td><td>(?:<span class=.evidence.>)?(.*?)(?:</span>)?</td>", body)
    assert cell == expected.format('aria-label="evidence"')


def test_the_page_of_an_empty_daemon_says_so() -> None:
    """Before the first event the page says why the daemon is not ready and that nothing is monitored."""
    page = _Page()
    page.feed(ask(app_over(DaemonView()), "/").body.decode())
    said = [text for text in page.text if text.strip()]
    assert {"not ready", "starting", "Nothing is monitored yet.", "unknown"} <= set(said)


def test_the_page_tells_what_somebody_should_look_at() -> None:
    """A reload that was refused, a receiver in trouble and lost dead letters stand at the top, escaped."""
    view = dataclasses.replace(
        picture(not_ready=("no broker answers",)),
        reload=ReloadView(failure="kafka.topics: '<b>' is not valid"),
        delivery=(
            DeliveryView("webhook:ops", waiting=3, failures=2, dropped=1),
            DeliveryView("topic:drift", waiting=1, delivered=5),
        ),
        dead_letters=DeadLettersView(lost=7),
    )
    body = ask(app_over(view), "/").body.decode()
    assert re.findall(r"<li>(?!<a)(.*?)</li>", body) == [
        "no broker answers",
        "the newest configuration is not in force: kafka.topics: &#x27;&lt;b&gt;&#x27; is not valid",
        "drift events for webhook:ops: 3 waiting, 1 dropped, 2 attempts failed",
        "rejected events: 7 did not reach the dead-letter topic",
    ]


def test_the_page_s_style_is_the_one_its_policy_allows() -> None:
    """The policy names the hash of the very bytes between the style tags."""
    answer = ask(app_over(), "/")
    style = answer.body.split(b"<style>")[1].split(b"</style>")[0]
    expected = f"style-src 'sha256-{b64encode(sha256(style).digest()).decode()}'"
    assert expected in answer.headers["Content-Security-Policy"]


def test_the_profile_of_the_pictures_is_whole() -> None:
    """The pictures' profile keeps n = missing + invalid + sum of counts: the tests rest on it."""
    assert [c.n - c.missing - c.invalid - sum(c.counts) for c in PROFILE.columns] == [0, 0]
