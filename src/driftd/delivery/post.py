"""One HTTP POST that ends in time: no redirects, no proxy, one connection a request, certificates checked."""

import contextlib
import socket
import ssl
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from threading import Timer
from typing import NamedTuple
from urllib.parse import urlsplit

_MOST_ANSWER_BYTES = 65_536
_LEAST_SECONDS = 0.001  # zero would mean: do not wait at all
#: The first that fits counts.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "timeout"),
    (ssl.SSLCertVerificationError, "certificate not trusted"),
    (ssl.SSLError, "tls failed"),
    (socket.gaierror, "host not found"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionError, "connection lost"),
    (OSError, "not reachable"),
    (HTTPException, "no http answer"),
)


class Address(NamedTuple):
    """Where to post: what of a URL each layer needs."""

    secure: bool
    host: str
    port: int
    authority: str  # as in the URL, for the Host header
    target: str  # path and query

    @classmethod
    def of(cls, url: str) -> "Address":
        """Take a sound http or https URL apart."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(secure, parts.hostname or "", parts.port or (443 if secure else 80), parts.netloc, target)


class Answer(NamedTuple):
    """What is looked at of an answer."""

    status: int
    retry_after: str | None


def post(
    address: Address, headers: Mapping[str, str], body: bytes, timeout_seconds: float, tls: ssl.SSLContext | None
) -> Answer:
    """Send a body and return the answer; ``tls`` is needed where the address is secure.

    Everything after the name is resolved takes at most ``timeout_seconds``, however slowly bytes come in. Of
    the answer's body at most 64 KiB are read, and dropped. Raises OSError (TimeoutError, ssl.SSLError,
    socket.gaierror among them) and HTTPException.
    """
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    end = time.monotonic() + timeout_seconds
    connection = HTTPConnection(address.host, address.port)
    connection.sock = _connected([str(place[4][0]) for place in found], address.port, end)
    try:
        if address.secure:
            assert tls is not None
            connection.sock.settimeout(_left(end))
            connection.sock = tls.wrap_socket(connection.sock, server_hostname=address.host)
        return _exchange(connection, address, headers, body, end)
    finally:
        connection.close()


def reason_of(error: OSError | HTTPException) -> str:
    """Name what went wrong, from a closed set, without the address."""
    return next(reason for kind, reason in _REASONS if isinstance(error, kind))


def _connected(hosts: list[str], port: int, end: float) -> socket.socket:
    """Connect to the first of a host's addresses that answers."""
    failure = OSError("the host has no address")
    for host in hosts:
        try:
            return socket.create_connection((host, port), _left(end))
        except OSError as error:
            failure = error
    raise failure


def _exchange(
    connection: HTTPConnection, address: Address, headers: Mapping[str, str], body: bytes, end: float
) -> Answer:
    open_socket = connection.sock
    open_socket.settimeout(_left(end))
    # a time-out of the socket begins anew with every byte that comes: this one does not
    watchdog = Timer(_left(end), _cut, [open_socket])
    watchdog.daemon = True
    watchdog.start()
    try:
        sent = {"Host": address.authority, **headers, "Connection": "close"}
        with contextlib.suppress(ConnectionError):  # a receiver may answer, and close, before it has read all
            connection.request("POST", address.target, body, sent)
        with connection.getresponse() as response:
            if time.monotonic() >= end:  # cut in the middle of the headers, which looks like their end
                raise TimeoutError
            with contextlib.suppress(OSError, HTTPException):  # the status has come: that is the answer
                response.read(_MOST_ANSWER_BYTES)
            return Answer(response.status, response.getheader("Retry-After"))
    except (OSError, HTTPException):
        if time.monotonic() >= end:
            raise TimeoutError from None
        raise
    finally:
        watchdog.cancel()


def _cut(open_socket: socket.socket) -> None:
    """End a connection under whoever waits for it."""
    with contextlib.suppress(OSError):
        # the plain method also for TLS: what wraps it would change state that the other thread is using
        socket.socket.shutdown(open_socket, socket.SHUT_RDWR)


def _left(end: float) -> float:
    return max(end - time.monotonic(), _LEAST_SECONDS)
