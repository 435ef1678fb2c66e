"""The server over real sockets."""

import http.client
import socket
import threading

import pytest
import structlog
from web_client import app_over, ask

from driftd.errors import ConfigurationError
from driftd.web.server import HEADER_BYTES, HttpServer
from driftd.web.settings import Address

LOG = structlog.wrap_logger(structlog.ReturnLogger())
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
    assert expected.headers.items() <= dict(got.getheaders()).items()
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
    assert status == 413


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
