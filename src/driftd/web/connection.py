"""One connection: every wait in it has an end, and every buffer a bound."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from http import HTTPStatus

from driftd.web.head import Head, Unreadable, parse_head
from driftd.web.response import Response

HEADER_BYTES = 16_384
HEAD_SECONDS = 10.0  # from connecting, TLS included, or from a later request's first byte, to its last
IDLE_SECONDS = 90.0  # between two requests: longer than Prometheus usually waits between scrapes
SEND_SECONDS = 30.0
PART_BYTES = 256 * 1024  # of an answer, handed on together: what the system does not take at once is copied
LINGER_SECONDS = 1.0

_END = b"\r\n\r\n"
_TOO_LONG = (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the headers exceed {HEADER_BYTES} bytes")
_TOO_SLOW = (HTTPStatus.REQUEST_TIMEOUT, f"the request was not whole within {HEAD_SECONDS:g} s")


class Doing(Enum):
    """What a connection is at; SENDING until the client has taken nearly all of an answer."""

    WAITING = "waiting"
    ANSWERING = "answering"
    SENDING = "sending"


@dataclass(slots=True, eq=False)
class Connection:
    """An accepted socket. ``since`` is the loop's time at which it began what it is doing now."""

    sock: socket.socket
    loop: asyncio.AbstractEventLoop
    doing: Doing = field(init=False)
    since: float = field(init=False)
    until: float = field(init=False)  # when its first request must be whole
    unsent: int = 0
    fresh: bool = True
    opened: bool = False
    reader: asyncio.StreamReader = field(init=False)
    writer: asyncio.StreamWriter = field(init=False)

    def __post_init__(self) -> None:
        self.now(Doing.WAITING)
        self.until = self.since + HEAD_SECONDS

    def now(self, doing: Doing) -> None:
        """Note what begins."""
        self.doing, self.since = doing, self.loop.time()

    async def open(self, tls: ssl.SSLContext | None) -> None:
        """Shake hands. Raises OSError, of which ssl.SSLError is one, and TimeoutError."""
        self.reader = asyncio.StreamReader(limit=HEADER_BYTES, loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(self.reader, loop=self.loop)
        bounds = {} if tls is None else {"ssl_handshake_timeout": HEAD_SECONDS, "ssl_shutdown_timeout": LINGER_SECONDS}
        transport, _ = await self.loop.connect_accepted_socket(lambda: protocol, self.sock, ssl=tls, **bounds)
        self.writer = asyncio.StreamWriter(transport, protocol, self.reader, self.loop)
        self.opened = True

    async def head(self) -> Head | None:
        """Return the next request, None where the client has gone or wants nothing more.

        Raises Unreadable, and OSError where the connection is broken.
        """
        self.now(Doing.WAITING)
        started = b""
        try:
            async with asyncio.timeout_at(self.until if self.fresh else self.since + IDLE_SECONDS) as limit:
                started = await self.reader.readexactly(1)
                if not self.fresh:
                    limit.reschedule(self.loop.time() + HEAD_SECONDS)
                data = started + await self.reader.readuntil(_END)
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError:
            raise Unreadable(*_TOO_LONG) from None
        except TimeoutError:
            if started:
                raise Unreadable(*_TOO_SLOW) from None
            return None
        self.fresh = False
        self.now(Doing.ANSWERING)
        return parse_head(data)

    async def send(self, data: bytes) -> None:
        """Send an answer; TimeoutError where the client does not take it in time."""
        self.now(Doing.SENDING)
        self.unsent = len(data)
        whole = memoryview(data)
        async with asyncio.timeout(SEND_SECONDS):
            for start in range(0, len(data), PART_BYTES):
                self.writer.write(whole[start : start + PART_BYTES])
                await self.writer.drain()
        self.unsent = 0

    async def linger(self) -> None:
        """Give the client a moment to read why the connection ends: what it still sends is thrown away."""
        self.now(Doing.WAITING)
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while await self.reader.read(HEADER_BYTES):
                    pass

    async def close(self) -> None:
        """Let what was written go out, within the bound for sending. Raises OSError."""
        if self.opened:
            self.writer.close()
            async with asyncio.timeout(SEND_SECONDS):
                await self.writer.wait_closed()

    def abort(self) -> None:
        """Let go of the socket, whatever is left to send."""
        if self.opened:
            self.writer.transport.abort()
        else:
            self.sock.close()


def wire(response: Response, head: Head | None = None, *, keep: bool, more: Mapping[str, str] | None = None) -> bytes:
    """Write a response as bytes; to HEAD without its body. ``more`` are headers over the response's own."""
    fields = {"Date": formatdate(usegmt=True), "Server": "driftd", **response.fields(more or {})}
    if not keep:
        fields["Connection"] = "close"
    elif head is not None and head.header("connection"):
        fields["Connection"] = "keep-alive"
    lines = [f"HTTP/1.1 {response.status.value} {response.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    top = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return top if head is not None and head.method == "HEAD" else top + response.body
