"""The HTTP server: an event loop in a thread of its own receives and sends, a few threads find the answers."""

import asyncio
import socket
import ssl
from contextlib import suppress
from http import HTTPStatus
from threading import Thread
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from driftd.errors import ConfigurationError
from driftd.web.connection import Connection, Doing, wire
from driftd.web.guard import Credentials, Guard
from driftd.web.head import Head, Unreadable
from driftd.web.protection import Protection
from driftd.web.response import Response, error_response
from driftd.web.router import Access
from driftd.web.settings import Address
from driftd.web.tls import names_of
from driftd.web.workers import Workers

THREADS = 4
CONNECTIONS = 64
BACKLOG = 512  # connections that the system holds until they are accepted: a burst is not told to try again
CHECKS = 16  # of passwords, at work or waiting
UNSENT_BYTES = 64 * 1024 * 1024
RETRY_SECONDS = 0.5

_BUSY = "too many log-ins at once; try again"


class App(Protocol):
    """What is served. Called from several threads."""

    def access(self, head: Head) -> Access:
        """Tell who may have a request answered."""

    def __call__(self, head: Head) -> Response:
        """Answer a request; never raises."""


class HttpServer:
    """Serves an application from ``start`` to ``stop``.

    One thread does all that depends on the other side: it accepts, shakes hands, reads whole requests and
    sends answers, so a client that is slow, silent or hostile keeps none of the four threads that answer.
    Routes for anybody are answered by that one thread, passwords are checked by one more. What is beyond a
    bound is shed: see ``CONNECTIONS``, ``CHECKS``, ``UNSENT_BYTES`` and those of the module ``connection``.
    """

    def __init__(
        self, listen: Address, app: App, log: FilteringBoundLogger, protection: Protection | None = None
    ) -> None:
        self._listen = listen
        self._app = app
        self._log = log
        self._guard = Guard(protection or Protection())
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._checks = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        return self._port

    def start(self) -> None:
        """Listen, and answer in threads; ConfigurationError where the address cannot be had."""
        try:
            self._socket = _listening(self._listen)
        except OSError as error:
            reason = f"cannot listen there: {error.strerror or error}"
            raise ConfigurationError("http.listen", str(self._listen), reason) from error
        self._port = int(self._socket.getsockname()[1])
        self._workers, self._checker = Workers(THREADS, "http-answer"), Workers(1, "http-password")
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._grace_seconds = 0.0
        self._thread = Thread(target=self._run, args=(self._loop,), name="http", daemon=True)
        self._thread.start()

    def protect(self, protection: Protection) -> None:
        """Put another protection in force: for new connections, and for the next request of the others.

        Connections made before end with their next answer, or at once where they are idle between two requests.
        """
        self._guard = Guard(protection)
        self._tell(self._close_kept)

    def stop(self, deadline_seconds: float = 2.0) -> None:
        """Stop listening, let running answers end, and return within the deadline."""
        if self._loop is None:
            return
        self._grace_seconds = deadline_seconds / 2
        self._tell(self._stopping.set)
        self._thread.join(deadline_seconds)

    def _tell(self, call: Any) -> None:
        """Have the server's thread do something, unless it has ended."""
        with suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        """Accept until told to stop; then idle connections end at once, the others have half the deadline."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._lost)
        self._listen_on(loop)
        await self._stopping.wait()
        loop.remove_reader(self._socket)
        self._socket.close()
        self._close_idle()
        if self._connections:
            await asyncio.wait(self._connections, timeout=self._grace_seconds)
        self._workers.shutdown()
        self._checker.shutdown()

    def _accept(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take one connection that waits to be accepted."""
        try:
            sock, _ = self._socket.accept()
        except BlockingIOError:  # it has gone again
            return
        except OSError as error:  # out of file descriptors, most likely
            self._log.warning("cannot accept connections", reason=error.strerror or str(error))
            self._make_room()
            loop.remove_reader(self._socket)
            loop.call_later(RETRY_SECONDS, self._listen_on, loop)
            return
        if len(self._connections) >= CONNECTIONS and not self._make_room():
            sock.close()
            return
        sock.setblocking(False)
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock, loop)
        task = loop.create_task(self._attend(connection))
        self._connections[task] = connection
        task.add_done_callback(self._ended)

    def _listen_on(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._stopping.is_set():
            loop.add_reader(self._socket, self._accept, loop)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task).abort()

    def _make_room(self) -> bool:
        """End the connection that has been waiting longest for a request; tell whether there is one."""
        return self._end_oldest(Doing.WAITING)

    def _end_oldest(self, doing: Doing) -> bool:
        ends = [(c.since, task) for task, c in self._connections.items() if c.doing is doing and not task.cancelling()]
        if ends:
            min(ends, key=lambda end: end[0])[1].cancel()
        return bool(ends)

    def _close_kept(self) -> None:
        for task, connection in self._connections.items():
            if connection.doing is Doing.WAITING and not connection.fresh:
                task.cancel()

    def _close_idle(self) -> None:
        for task, connection in self._connections.items():
            if connection.doing is Doing.WAITING:
                task.cancel()

    async def _attend(self, connection: Connection) -> None:
        """See a connection from its beginning to its end."""
        try:
            await self._converse(connection)
            await connection.close()
        except (OSError, asyncio.CancelledError):  # broken, too slow, or made to end
            pass
        except Exception as error:  # noqa: BLE001 -- one connection must not end the server
            self._log.error("http connection failed", exc_info=error)

    async def _converse(self, connection: Connection) -> None:
        protection = self._guard.protection
        try:
            await connection.open(protection.tls)
        except ssl.SSLError as error:
            self._log.warning("tls handshake failed", reason=error.reason or type(error).__name__)
            return
        if not _is_allowed(protection, connection):
            self._log.warning("tls client refused", reason="its certificate has no name of client_allowed_sans")
            return
        keep = True
        while keep:
            try:
                head = await connection.head()
            except Unreadable as unreadable:
                await self._send(connection, wire(error_response(unreadable.status, unreadable.message), keep=False))
                await connection.linger()
                return
            if head is None:
                return
            response, headers = await self._answer(head)
            keep = head.keep_alive and protection is self._guard.protection and not self._stopping.is_set()
            await self._send(connection, wire(response, head, keep=keep, more=headers))

    async def _answer(self, head: Head) -> tuple[Response, dict[str, str]]:
        """Return the answer, and the headers that the protection in force adds."""
        loop, guard = asyncio.get_running_loop(), self._guard
        access = self._app.access(head)
        verdict = guard.judge(head, access)
        if isinstance(verdict, Credentials):
            verdict = await self._check(guard, verdict, access)
        if verdict is None:
            quick = access is Access.ANYBODY
            verdict = self._app(head) if quick else await loop.run_in_executor(self._workers, self._app, head)
        return verdict, dict(guard.protection.headers)

    async def _check(self, guard: Guard, given: Credentials, access: Access) -> Response | None:
        """Have a password checked, one at a time, and only so many waiting: a flood of wrong ones delays no scrape."""
        if self._checks >= CHECKS:
            return error_response(HTTPStatus.SERVICE_UNAVAILABLE, _BUSY, {"Retry-After": "1"})
        self._checks += 1
        try:
            right = await asyncio.get_running_loop().run_in_executor(self._checker, guard.check, given)
        finally:
            self._checks -= 1
        return guard.admitted(access) if right else guard.unheard(access)

    async def _send(self, connection: Connection, data: bytes) -> None:
        """Send an answer; where too much is unsent, those who have been taking theirs longest are cut off."""
        while len(data) + self._unsent() > UNSENT_BYTES and self._end_oldest(Doing.SENDING):
            pass
        await connection.send(data)

    def _unsent(self) -> int:
        return sum(connection.unsent for task, connection in self._connections.items() if not task.cancelling())

    def _lost(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Lead what asyncio cannot raise to anybody into the log."""
        self._log.warning("http server", message=context["message"], exc_info=context.get("exception"))


def _listening(address: Address) -> socket.socket:
    """Return a socket that listens at the first address of the host that can be had; OSError where none can."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    both = address.host == "::" and socket.has_dualstack_ipv6()
    failure = OSError(f"{address.host} has no address")
    for family, _, _, _, where in found:
        try:
            listening = socket.create_server(where[:2], family=family, backlog=BACKLOG, dualstack_ipv6=both)
        except OSError as error:
            failure = error
        else:
            listening.setblocking(False)
            return listening
    raise failure


def _is_allowed(protection: Protection, connection: Connection) -> bool:
    if protection.allowed_names is None:
        return True
    return bool(protection.allowed_names & names_of(connection.writer.get_extra_info("peercert") or {}))
