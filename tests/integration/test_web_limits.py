"""Clients that are slow, silent or many keep nobody from being served."""

import gc
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
from web_service import METRICS, SECONDS, TLS, Certificates, Service, basic, hashed, serving

import driftd.web.connection
import driftd.web.server
from driftd.web.connection import Connection
from driftd.web.head import Head
from driftd.web.response import TEXT, Response
from driftd.web.router import Access
from driftd.web.server import CHECKS, CONNECTIONS
from waiting import wait_for

PROMPT_SECONDS = 2.0
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority and a folder of files."""
    return Certificates(tmp_path_factory.mktemp("web"))


@contextmanager
def connections(service: Service, number: int) -> Iterator[list[socket.socket]]:
    """Open so many connections."""
    with ExitStack() as stack:
        yield [stack.enter_context(service.connect()) for _ in range(number)]


def ended(sock: socket.socket) -> bool:
    """Tell whether the server has ended a connection, within the socket's time-out."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def sending(service: Service, number: int, newest: socket.socket) -> bool:
    """Tell whether so many answers are being sent, one of them to this client."""
    clients = [c.sock.getpeername() for c in service.server._connections.values() if c.unsent]
    return len(clients) == number and newest.getsockname() in clients


class Big:
    """An application whose answers do not fit into the buffers of a connection."""

    BODY = b"x" * 16_000_000

    def access(self, head: Head) -> Access:
        return Access.ANYBODY if head.target == "/-/healthy" else Access.READER

    def __call__(self, head: Head) -> Response:
        return Response(self.BODY if head.target == "/big" else b"ok", TEXT)


class Held(Big):
    """An application that does not answer before it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.let_go = threading.Event()

    def __call__(self, head: Head) -> Response:
        if head.target != "/-/healthy":
            self.entered.release()
            assert self.let_go.wait(30)
        return Response(b"ok", TEXT)


@pytest.mark.parametrize("tls", [False, True])
def test_silent_connections_keep_nobody_waiting(tls: bool, certificates: Certificates) -> None:  # noqa: FBT001 -- with and without
    """With as many as are kept open, and more, that say nothing, not even a handshake, others are served at once."""
    protection = certificates.protection(tls_server_config=TLS) if tls else None
    client = certificates.client() if tls else None
    with serving(protection) as service, connections(service, 3 * CONNECTIONS):
        for path in ("/-/healthy", "/metrics"):
            assert service.fetch(path, tls=client, seconds=PROMPT_SECONDS).status == 200


def test_dripping_clients_keep_nobody_waiting_and_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that comes a byte at a time has a total time; others are served meanwhile, by all four threads."""
    monkeypatch.setattr(driftd.web.connection, "HEAD_SECONDS", 2.0)
    with serving() as service, connections(service, 40) as dripping:
        over = threading.Event()

        def drip() -> None:
            for byte in REQUEST[:20] + b"x" * 2000:
                for sock in dripping:
                    try:
                        sock.send(bytes([byte]))
                    except OSError:
                        continue
                if over.wait(0.05):
                    return

        dripper = threading.Thread(target=drip)
        began = time.monotonic()
        dripper.start()
        try:
            while time.monotonic() < began + 1:
                assert service.fetch("/metrics", seconds=PROMPT_SECONDS).status == 200
            answers = [sock.recv(12) for sock in dripping]
        finally:
            over.set()
            dripper.join()
        assert [b"HTTP/1.1 408"] * 40 == answers
        assert time.monotonic() - began < 2.0 + PROMPT_SECONDS


def test_a_silent_connection_is_ended(monkeypatch: pytest.MonkeyPatch, certificates: Certificates) -> None:
    """Before the first request and between two of them, with TLS and without."""
    monkeypatch.setattr(driftd.web.connection, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(driftd.web.connection, "IDLE_SECONDS", 0.5)
    for protection in (None, certificates.protection(tls_server_config=TLS)):
        with serving(protection) as service, service.connect() as silent:
            assert ended(silent)
    with serving() as service, service.connect() as idle:
        idle.sendall(REQUEST)
        while idle.recv(65_536):
            pass


def test_beyond_the_bound_the_connection_that_waits_longest_is_ended() -> None:
    """The number of open connections is bounded, and a new one is always let in."""
    with serving() as service, connections(service, CONNECTIONS) as opened, connections(service, 3) as more:
        for sock in more:
            sock.sendall(REQUEST)
            assert sock.recv(12) == b"HTTP/1.1 200"
        assert all(ended(sock) for sock in opened[:3])
        opened[3].sendall(REQUEST)
        assert opened[3].recv(12) == b"HTTP/1.1 200"
        assert len(service.server._connections) == CONNECTIONS


def test_where_all_connections_wait_for_answers_a_new_one_is_turned_away() -> None:
    """What is being answered is not cut off for somebody new."""
    app = Held()
    with serving(app=app) as service, connections(service, CONNECTIONS) as busy:
        for sock in busy:
            sock.sendall(REQUEST)
        wait_for(lambda: len(service.server._connections) == CONNECTIONS, "all are there")
        wait_for(
            lambda: all(c.doing.value == "answering" for c in service.server._connections.values()), "all are asked for"
        )
        with service.connect() as late:
            assert ended(late)
        app.let_go.set()
        assert [b"HTTP/1.1 200"] * CONNECTIONS == [sock.recv(12) for sock in busy]


def test_probes_are_answered_while_all_threads_are_busy() -> None:
    """Answers that take long do not make the daemon look dead."""
    app = Held()
    with serving(app=app) as service, connections(service, 8) as busy:
        for sock in busy:
            sock.sendall(REQUEST)
        for _ in range(driftd.web.server.THREADS):
            assert app.entered.acquire(timeout=SECONDS)
        assert service.fetch("/-/healthy", seconds=PROMPT_SECONDS).status == 200
        app.let_go.set()
        assert [b"HTTP/1.1 200"] * 8 == [sock.recv(12) for sock in busy]


def test_clients_that_do_not_take_their_answers_occupy_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as many as there are threads, and still everybody else is answered; after a time they are cut off."""
    monkeypatch.setattr(driftd.web.connection, "SEND_SECONDS", 2.0)
    with serving(app=Big()) as service, connections(service, 2) as slow:
        slow += [service.connect() for _ in range(6)]
        for sock in slow:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(REQUEST.replace(b"/metrics", b"/big"))
        assert service.fetch("/small", seconds=PROMPT_SECONDS).body == b"ok"
        wait_for(lambda: not service.server._connections, "they are cut off", seconds=10)
        for sock in slow:
            sock.close()


def test_what_is_unsent_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too much waits to be taken, the client that takes its answer longest is cut off, not the newest."""
    monkeypatch.setattr(driftd.web.server, "UNSENT_BYTES", 3 * len(Big.BODY) + 10_000)
    with serving(app=Big()) as service, connections(service, 4) as slow:
        for expected, sock in zip((1, 2, 3, 3), slow, strict=True):
            sock.sendall(REQUEST.replace(b"/metrics", b"/big"))
            wait_for(partial(sending, service, expected, sock), "as many as fit are being sent, with the newest")
        assert service.fetch("/big").body == Big.BODY
        left = [c.sock.getpeername() for c in list(service.server._connections.values()) if c.unsent]
        assert [slow[2].getsockname(), slow[3].getsockname()] == left


def test_a_flood_of_wrong_passwords_delays_no_scrape(certificates: Certificates) -> None:
    """Only so many checks wait, the others are told to come again; who is known is answered meanwhile."""
    users = {"scraper": hashed("s3cret", 11)}
    with serving(certificates.protection(basic_auth_users=users)) as service:
        assert service.fetch(headers=basic("scraper", "s3cret")).status == 200
        flood = CHECKS + 14
        with ThreadPoolExecutor(flood) as attackers:
            wrong = [
                attackers.submit(service.fetch, headers=basic("scraper", f"wrong{n}"), seconds=60) for n in range(flood)
            ]
            wait_for(lambda: service.server._checks == CHECKS, "as many checks as may wait are waiting")
            assert service.fetch(headers=basic("scraper", "s3cret"), seconds=PROMPT_SECONDS).body == METRICS
            assert service.fetch("/-/healthy", seconds=PROMPT_SECONDS).status == 200
            answers = [answer.result() for answer in wrong]
        assert {401, 503} == {answer.status for answer in answers}
        assert {"1"} == {answer.headers["Retry-After"] for answer in answers if answer.status == 503}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 40_000, b"HTTP/1.1 431"),
        (b"GET /" + b"x" * 1_000_000, b"HTTP/1.1 431"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 1_000_000, b"HTTP/1.1 413"),
        (b"\x16\x03\x01\x00\xa5\x01\r\n\r\n", b"HTTP/1.1 400"),
    ],
)
def test_what_is_too_large_or_no_request_is_answered_and_ended(sent: bytes, expected: bytes) -> None:
    """The client can read why, even if it was still sending."""
    with serving() as service, service.connect() as client:
        client.sendall(sent)
        answer = client.makefile("rb").read()
        assert expected == answer[:12]
        assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(b"GET /" + b"x" * 40_000, b"HTTP/1.1 431"), (b"GET", b"HTTP/1.1 408"), (b"\r\n" * 3, b"HTTP/1.1 400")],
)
def test_a_refused_client_leaves_nothing_behind(sent: bytes, expected: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its connection nor what it sent stays in memory."""
    monkeypatch.setattr(driftd.web.connection, "HEAD_SECONDS", 0.5)

    def left(service: Service) -> int:
        gc.collect()
        return sum(isinstance(found, Connection) and found.loop is service.server._loop for found in gc.get_objects())

    with serving() as service:
        for _ in range(2):
            with service.connect() as client:
                client.sendall(sent)
                assert expected == client.makefile("rb").read()[:12]
        wait_for(lambda: left(service) == 0, "nothing is left of them")


def test_requests_sent_at_once_are_answered_in_order() -> None:
    """A client need not wait for one answer before it sends the next request."""
    with serving() as service, service.connect() as client:
        client.sendall(
            b"".join(REQUEST.replace(b"/metrics", path) for path in (b"/-/healthy", b"/metrics", b"/-/ready"))
        )
        client.shutdown(socket.SHUT_WR)
        bodies = [part.rpartition(b"\r\n\r\n")[2] for part in client.makefile("rb").read().split(b"HTTP/1.1 200")[1:]]
    assert [b"healthy\n", METRICS, b"ready\n"] == bodies


def test_stopping_waits_for_no_answer_that_does_not_come() -> None:
    """A handler that hangs holds the end of the server up for no longer than its deadline."""
    app = Held()
    with serving(app=app) as service:
        connection = http.client.HTTPConnection("127.0.0.1", service.server.port, timeout=SECONDS)
        connection.request("GET", "/metrics")
        assert app.entered.acquire(timeout=SECONDS)
        began = time.monotonic()
        service.server.stop(1.0)
        assert time.monotonic() - began < 1.5
        with pytest.raises((OSError, http.client.HTTPException)):
            connection.getresponse()
        connection.close()
        app.let_go.set()


def test_stopping_lets_an_answer_that_is_under_way_arrive() -> None:
    """Whoever is being answered gets the whole answer."""
    app = Held()
    with serving(app=app) as service, service.connect() as client:
        client.sendall(REQUEST)
        assert app.entered.acquire(timeout=SECONDS)
        stopping = threading.Thread(target=service.server.stop, args=(10.0,))
        stopping.start()
        wait_for(service.server._stopping.is_set, "it is told to stop")
        app.let_go.set()
        assert client.makefile("rb").read().endswith(b"\r\n\r\nok")
        stopping.join(SECONDS)
