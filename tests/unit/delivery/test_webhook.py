"""Drift events over HTTP: what a receiver sees, and what its answers mean."""

import base64
import hashlib
import hmac
import json
import socket
import time
from email.utils import formatdate
from threading import Event

import pytest
from webhook_receiver import Receiver, Scripted, document, logger, receiver, until, wire

from broker import free_ports
from driftd.delivery.courier import Courier, Pauses
from driftd.delivery.settings import Credentials, WebhookSettings
from driftd.delivery.webhook import Webhook
from driftd.values.delivery import Reply, ReplyKind

NOW_MS = 1_700_000_000_123
BRIEF = Pauses(first_seconds=0.001, longest_seconds=0.01)


def webhook(url: str, timeout: str = "5s", credentials: Credentials | None = None) -> Webhook:
    """Return a webhook whose clock stands still."""
    return Webhook(WebhookSettings(url=url, timeout=timeout), credentials or Credentials(), lambda: NOW_MS)


def test_a_document_is_one_request_in_structured_mode() -> None:
    """The CloudEvent is the body, keys sorted; id and time stand in headers too; path and query are kept."""
    with receiver() as to:
        assert webhook(to.url).send(document(1)) == Reply(ReplyKind.TAKEN)
    (request,) = to.requests
    assert request.path == "/hidden-path?token=hidden-query"
    assert request.headers["Content-Type"] == "application/cloudevents+json; charset=UTF-8"
    assert request.headers["Host"] == f"127.0.0.1:{to.port}"
    assert request.headers["webhook-id"] == document(1)["id"]
    assert request.headers["webhook-timestamp"] == "1700000000"
    assert request.body == json.dumps(document(1), sort_keys=True, separators=(",", ":")).encode()
    assert not {"webhook-signature", "Authorization"} & request.headers.keys()


def test_a_repeated_delivery_is_the_same_to_the_byte() -> None:
    """Whatever order the keys of the document are in."""
    with receiver(Scripted(503)) as to:
        sender = webhook(to.url)
        sender.send(document(1))
        sender.send(dict(reversed(document(1).items())))
    assert to.requests[0].body == to.requests[1].body


def test_requests_are_signed_as_standard_webhooks_says() -> None:
    """HMAC-SHA256 over id, time and body, with the key; the authorization is passed on as it is."""
    key = bytes(range(32))
    with receiver() as to:
        webhook(to.url, credentials=Credentials(key, "Bearer abc")).send(document(1))
    (request,) = to.requests
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert request.headers["Authorization"] == "Bearer abc"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_taken(status: int) -> None:
    """Whatever the body says."""
    with receiver(Scripted(status, body=b"")) as to:
        assert webhook(to.url).send(document(1)) == Reply(ReplyKind.TAKEN)


@pytest.mark.parametrize("status", [400, 410, 413, 414, 415, 422])
def test_what_is_said_about_the_document_is_refused_for_good(status: int) -> None:
    """The same document would be refused again; a receiver that is gone for good says so, too."""
    with receiver(Scripted(status)) as to:
        assert webhook(to.url).send(document(1)) == Reply(ReplyKind.REFUSED, f"status {status}")


@pytest.mark.parametrize(
    "status", [301, 302, 307, 308, 304, 401, 403, 404, 405, 408, 425, 429, 451, 499, 500, 502, 503, 504, 599]
)
def test_everything_else_is_tried_again(status: int) -> None:
    """Redirects, an expired token, a wrong path, time-outs, floods and errors of the server: somebody may mend it."""
    with receiver(Scripted(status)) as to:
        assert webhook(to.url).send(document(1)) == Reply(ReplyKind.FAILED, f"status {status}")


def test_redirects_are_not_followed() -> None:
    """What is signed for one address goes to no other."""
    with receiver() as elsewhere, receiver(Scripted(307, (("Location", elsewhere.url),))) as to:
        webhook(to.url, credentials=Credentials(b"k", "Bearer abc")).send(document(1))
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        (formatdate(NOW_MS // 1000 + 30, usegmt=True), pytest.approx(29.877)),
        (formatdate(NOW_MS // 1000 - 30, usegmt=True), None),
        ("soon", None),
        ("-5", None),
        ("9" * 400, 999_999_999.0),
    ],
)
def test_the_receiver_may_ask_to_be_left_alone(header: str, seconds: float | None) -> None:
    """Retry-After is read as seconds or as a date; what is neither is ignored."""
    with receiver(Scripted(503, (("Retry-After", header),))) as to:
        assert webhook(to.url).send(document(1)).retry_after_seconds == seconds


def test_a_closed_port_is_a_failure() -> None:
    """Nobody listens."""
    (port,) = free_ports(1)
    assert webhook(f"http://127.0.0.1:{port}/").send(document(1)) == Reply(ReplyKind.FAILED, "connection refused")


def test_a_name_that_nobody_knows_is_a_failure() -> None:
    """The name service says so, or does not answer."""
    assert webhook("http://nobodyhasthisname/").send(document(1)) == Reply(ReplyKind.FAILED, "host not found")


def never_answer(_: socket.socket, over: Event) -> None:
    """Accept, and say nothing."""
    over.wait()


def hang_up(connection: socket.socket, _: Event) -> None:
    """Close without an answer."""
    connection.recv(65_536)


def speak_something_else(connection: socket.socket, _: Event) -> None:
    """Speak another protocol."""
    connection.recv(65_536)
    connection.sendall(b"220 mail.example.org ESMTP\r\n\r\n")


def answer_byte_by_byte(connection: socket.socket, over: Event) -> None:
    """Begin an answer, and let its headers never end."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.05):
        connection.sendall(b"X")


def send_interim_answers(connection: socket.socket, over: Event) -> None:
    """Ask for patience for ever."""
    connection.recv(65_536)
    while not over.wait(0.01):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def answer_without_end(connection: socket.socket, over: Event) -> None:
    """Answer with a body that never ends."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"y" * 65_536)


def answer_and_never_finish(connection: socket.socket, over: Event) -> None:
    """Answer with half of a body."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    over.wait()


@pytest.mark.parametrize(
    ("behave", "expected"),
    [
        (never_answer, Reply(ReplyKind.FAILED, "timeout")),
        (answer_byte_by_byte, Reply(ReplyKind.FAILED, "timeout")),
        (send_interim_answers, Reply(ReplyKind.FAILED, "timeout")),
        (hang_up, Reply(ReplyKind.FAILED, "connection lost")),
        (speak_something_else, Reply(ReplyKind.FAILED, "no http answer")),
        (answer_without_end, Reply(ReplyKind.TAKEN)),
        (answer_and_never_finish, Reply(ReplyKind.TAKEN)),
    ],
)
def test_a_request_ends_in_time_whatever_the_other_side_does(behave: object, expected: Reply) -> None:
    """The time limit is for the request as a whole, and the status alone is the answer."""
    assert callable(behave)
    with wire(behave) as url:
        began = time.monotonic()
        assert webhook(url, timeout="500ms").send(document(1)) == expected
        assert time.monotonic() - began < 3.0


def test_an_answer_before_the_request_is_read_is_heard() -> None:
    """A receiver may refuse a large body after its headers, and close."""

    def refuse_early(connection: socket.socket, _: Event) -> None:
        connection.recv(1_000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1_048_576):
            pass

    with wire(refuse_early) as url:
        reply = webhook(url).send(document(1) | {"data": "x" * 8_000_000})
    assert reply == Reply(ReplyKind.REFUSED, "status 413")


def test_everything_arrives_in_order_through_a_receiver_that_restarts() -> None:
    """Failures and an outage in the middle: first arrivals are in order, and nothing is missing."""
    first = Receiver(Scripted(), Scripted(500), Scripted(503, (("Retry-After", "0"),)))
    courier = Courier("webhook/x", webhook(first.url), logger()[0], lambda: NOW_MS, BRIEF)
    offered = [document(number) for number in range(30)]
    assert all(courier.offer(item) for item in offered[:10])
    until(lambda: courier.progress().settled == 10)
    first.close()
    assert all(courier.offer(item) for item in offered[10:])
    until(lambda: courier.progress().failures >= 5)
    second = Receiver(port=first.port)
    try:
        until(lambda: courier.progress().settled == 30)
        courier.close(5.0)
    finally:
        second.close()
    arrived = [request.headers["webhook-id"] for request in (*first.requests, *second.requests)]
    assert list(dict.fromkeys(arrived)) == [item["id"] for item in offered]
    assert len(arrived) == 32


def test_closing_keeps_its_time_although_a_request_hangs() -> None:
    """The receiver accepts and never answers."""
    with wire(never_answer) as url:
        courier = Courier("webhook/x", webhook(url, timeout="3s"), logger()[0], lambda: NOW_MS, BRIEF)
        courier.offer(document(0))
        began = time.monotonic()
        courier.close(0.3)
        assert time.monotonic() - began < 2.0


def test_no_log_line_holds_a_secret() -> None:
    """Neither key, authorization, path nor query, nor anything that the receiver wrote, whatever goes wrong."""
    log, lines = logger()
    secrets = Credentials(b"hidden-key", "Bearer hidden-token")
    script = [Scripted(500, body=b"hidden-body"), Scripted(400, (("X-A", "hidden-header"),)), Scripted(301)]
    with receiver(*script) as to, wire(speak_something_else) as babble, wire(hang_up) as gone:
        closed = f"http://127.0.0.1:{free_ports(1)[0]}/hidden-path"
        for url in (to.url, babble, gone, closed, "http://hiddenname/"):
            courier = Courier("webhook/x", webhook(url, credentials=secrets), log, lambda: NOW_MS, BRIEF)
            for number in range(3):
                courier.offer(document(number))
            until(lambda courier=courier: courier.progress().failures >= 2)  # type: ignore[misc]
            courier.close(5.0)
    assert len(lines) >= 6
    assert "hidden" not in str(lines)
    assert "hidden" not in repr(secrets)
    assert "hidden" not in repr(WebhookSettings(url=to.url))
