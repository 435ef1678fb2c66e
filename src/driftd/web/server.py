"""The HTTP server: cheroot in a thread of its own, everything about it bounded."""

from collections.abc import Callable, Iterable
from socket import socket
from threading import Thread
from time import monotonic
from wsgiref.types import StartResponse, WSGIEnvironment

from cheroot.wsgi import Server
from structlog.typing import FilteringBoundLogger

from driftd.errors import ConfigurationError
from driftd.web.settings import Address

WSGIApp = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]

THREADS = 4
QUEUED_CONNECTIONS = 64
IDLE_SECONDS = 10
HEADER_BYTES = 16_384
BODY_BYTES = 65_536  # nothing here takes a body


class _BoundedServer(Server):
    """cheroot's server with our bounds and our log."""

    max_request_header_size = HEADER_BYTES
    max_request_body_size = BODY_BYTES

    def __init__(self, listen: Address, app: WSGIApp, log: FilteringBoundLogger) -> None:
        super().__init__(
            tuple(listen),
            app,
            numthreads=THREADS,
            max=THREADS,
            server_name="driftd",
            request_queue_size=QUEUED_CONNECTIONS,
            accepted_queue_size=QUEUED_CONNECTIONS,
            accepted_queue_timeout=1,
            timeout=IDLE_SECONDS,
        )
        self._log = log

    @staticmethod
    def bind_socket(socket_: socket, bind_addr: tuple[str, int]) -> socket:
        """Bind a socket; close it where that fails, which cheroot forgets."""
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 -- cheroot's signature
        """Lead cheroot's own messages into the log."""
        self._log.log(min(level, 40), "http server", message=msg, exc_info=traceback)


class HttpServer:
    """Serves an application from ``start`` to ``stop``.

    Four threads answer; up to 64 connections wait, more are turned away; a connection that sends nothing
    for 10 s is closed; headers beyond 16 KiB and bodies beyond 64 KiB are refused. A server that was started
    has to be stopped: its threads would keep the process alive.
    """

    def __init__(self, listen: Address, app: WSGIApp, log: FilteringBoundLogger) -> None:
        self._listen = listen
        self._server = _BoundedServer(listen, app, log)
        self._thread = Thread(target=self._server.serve, name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        return int(self._server.bind_addr[1])

    def start(self) -> None:
        """Listen, and answer in threads; ConfigurationError where the address cannot be had."""
        try:
            self._server.prepare()
        except OSError as error:
            reason = f"cannot listen there: {error.strerror or error}"
            raise ConfigurationError("http.listen", str(self._listen), reason) from error
        self._thread.start()

    def stop(self, deadline_seconds: float = 2.0) -> None:
        """Stop listening, let running answers end, and return within the deadline (and a poll of half a second)."""
        until = monotonic() + deadline_seconds
        self._server.shutdown_timeout = deadline_seconds / 2
        self._server.stop()
        self._thread.join(max(0.0, until - monotonic()))
