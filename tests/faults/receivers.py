"""Receivers of drift events over HTTP that do not always behave."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread


class Receiver:
    """Listens on the loopback interface and keeps what is posted to it, in the order of its answers.

    ``pause_seconds`` lets it take its time over each answer; ``refusing`` makes it answer 503.
    """

    def __init__(self, port: int, pause_seconds: float = 0.0, *, refusing: bool = False) -> None:
        self.ids: list[str] = []
        self.refused = 0
        self.refusing = refusing
        self._lock = Lock()
        self._pause_seconds = pause_seconds
        self._closing = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="receiver", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}/drift"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, body: bytes) -> int:
        self._closing.wait(self._pause_seconds)
        with self._lock:
            if self.refusing:
                self.refused += 1
                return 503
            self.ids.append(json.loads(body)["id"])
            return 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(take(body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep the tests' output clean."""

        return Handler


@contextmanager
def receiver(port: int = 0, pause_seconds: float = 0.0, *, refusing: bool = False) -> Iterator[Receiver]:
    """Run a receiver; port 0 picks a free one."""
    running = Receiver(port, pause_seconds, refusing=refusing)
    running.start()
    try:
        yield running
    finally:
        running.close()
