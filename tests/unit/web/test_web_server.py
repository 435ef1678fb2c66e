"""The server over real sockets."""

import errno
import http.client
import socket
import threading
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture
from web_client import LOG, app_over, ask

from driftd.errors import ConfigurationError
from driftd.web.connection import HEADER_BYTES
from driftd.web.head import Head
from driftd.web.response import Response
from driftd.web.router import Access
from driftd.web.server import HttpServer
from driftd.web.settings import Address

LOCAL = Address("127.0.0.1", 0)


def test_what_is_served_is_what_the_application_answers() -> None:
    """Over a socket, GET and HEAD bring the application's status, headers and body; stopping frees the port."""
    server = HttpServer(LOCAL, app_over(), LOG)
    server.start()
    path = "/api/v1/monitors/a%2Fb%20%3Ci%3E/1%20%26%202/50%2525"
    expected = ask(app_over(), path)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", path)
        got = connection.getresponse()
        body = got.read()
        connection.request("HEAD", path)  # on the same connection: nothing of a body was left behind
        head = connection.getresponse()
        left = head.read()
        connection.close()
    finally:
        server.stop()
    assert (got.status, body) == (200, expected.body)
    assert expected.headers | {"Date": got.getheader("Date")} == dict(got.getheaders())
    assert (head.status, head.getheader("Content-Length"), left) == (200, str(len(body)), b"")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_an_address_in_use_is_a_configuration_error() -> None:
    """Where the port is taken, the error names http.listen."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = HttpServer(Address("127.0.0.1", port), app_over(), LOG)
        with pytest.raises(ConfigurationError) as caught:
            server.start()
    assert (caught.value.key, caught.value.value) == ("http.listen", f"127.0.0.1:{port}")


def test_a_host_that_does_not_exist_is_a_configuration_error() -> None:
    """What the resolver says stands in the error."""
    server = HttpServer(Address("no such host", 0), app_over(), LOG)
    with pytest.raises(ConfigurationError, match=r"http\.listen: .* is not valid: cannot listen there: "):
        server.start()
    server.stop()


def test_a_server_out_of_file_descriptors_goes_on_when_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not being able to accept is logged and tried again; nothing ends."""
    log = LogCapture()
    real = socket.socket.accept
    failures = iter([OSError(errno.EMFILE, "Too many open files")])

    def accept(listening: socket.socket) -> tuple[socket.socket, Any]:
        for failure in failures:
            raise failure
        return real(listening)

    monkeypatch.setattr(socket.socket, "accept", accept)
    server = HttpServer(LOCAL, app_over(), structlog.wrap_logger(None, processors=[log]))
    server.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/-/healthy")
        assert connection.getresponse().read() == b"healthy\n"
        connection.close()
    finally:
        server.stop()
    assert [(entry["event"], entry["reason"]) for entry in log.entries] == [
        ("cannot accept connections", "Too many open files")
    ]


def test_an_application_that_breaks_its_word_ends_one_connection_only() -> None:
    """What an application raises is logged, and the next request is answered."""
    log = LogCapture()
    real = app_over()
    breaking = iter([RuntimeError("broken")])

    class Broken:
        def access(self, head: Head) -> Access:
            return real.access(head)

        def __call__(self, head: Head) -> Response:
            for error in breaking:
                raise error
            return real(head)

    server = HttpServer(LOCAL, Broken(), structlog.wrap_logger(None, processors=[log]))
    server.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/metrics")
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()
        connection.request("GET", "/metrics")
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        server.stop()
    assert [(entry["event"], str(entry["exc_info"])) for entry in log.entries] == [("http connection failed", "broken")]


def test_headers_beyond_the_bound_are_refused() -> None:
    """A request whose headers are too long is answered with an error, not read to its end."""
    server = HttpServer(LOCAL, app_over(), LOG)
    server.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/-/ready", headers={"X-Long": "x" * (HEADER_BYTES + 1)})
        status = connection.getresponse().status
        connection.close()
    finally:
        server.stop()
    assert status == 431


def test_stopping_does_not_wait_for_a_connection_that_says_nothing() -> None:
    """A client that keeps its connection open does not hold the daemon up."""
    server = HttpServer(LOCAL, app_over(), LOG)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\n")
        stopping = threading.Thread(target=server.stop, kwargs={"deadline_seconds": 1.0})
        stopping.start()
        stopping.join(5)
        assert not stopping.is_alive()
