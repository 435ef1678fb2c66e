"""Receivers of webhooks as tests need them: one that answers by a script, and ones that misbehave on the wire."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, NamedTuple

import structlog
from structlog.typing import FilteringBoundLogger

SECONDS = 20.0


class Request(NamedTuple):
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Scripted:
    """An answer."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"ok"


class Receiver:
    """An HTTP server on the loopback interface: answers by its script, then 200; keeps what came in."""

    def __init__(self, *script: Scripted, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.script = list(script)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append(Request(self.path, dict(self.headers.items()), body))
                answer = receiver.script.pop(0) if receiver.script else Scripted()
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, with a path and a query that nobody may see in a log."""
        return f"http://127.0.0.1:{self.port}/hidden-path?token=hidden-query"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiver(*script: Scripted) -> Iterator[Receiver]:
    """Run a receiver."""
    running = Receiver(*script)
    try:
        yield running
    finally:
        running.close()


@contextmanager
def wire(behave: Callable[[socket.socket, Event], None]) -> Iterator[str]:
    """Listen, and let ``behave`` treat each connection until the event is set; yields a URL."""
    over = Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    threads: list[Thread] = []

    def treat(connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the other side has gone
            behave(connection, over)

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(Thread(target=treat, args=(connection,)))
            threads[-1].start()

    acceptor = Thread(target=accept)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hidden-path"
    finally:
        over.set()
        acceptor.join()
        for thread in threads:
            thread.join()
        listener.close()


def until(condition: Callable[[], bool]) -> None:
    """Return as soon as a condition holds; fail after a deadline."""
    deadline = time.monotonic() + SECONDS
    pause = Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.005)


def logger() -> tuple[FilteringBoundLogger, list[dict[str, Any]]]:
    """Return a logger, and the list that its lines go to."""
    lines: list[dict[str, Any]] = []

    def keep(_logger: object, method: str, event: Any) -> Any:
        lines.append({"level": method, **event})
        raise structlog.DropEvent

    return structlog.wrap_logger(None, processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(0)), lines


def document(number: int) -> dict[str, Any]:
    """Return a drift event, of which only the envelope matters here."""
    return {
        "specversion": "1.0",
        "id": f"{number:032x}",
        "source": "/driftd",
        "type": "io.driftd.incident.firing.v1",
        "subject": "fraud/7/all",
        "data": {"number": number},
    }
