"""What a request says before its body: read by h11, and refused where two programs could read it differently."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import h11

from driftd.web.response import Refused

HEADER_LINES = 100

_BODY = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "no request has a body here")
#: h11 also takes lines that end without CR, lines that are folded, and control characters.
_LINES = re.compile(rb"(?:[\t\x20-\x7e\x80-\xff]+\r\n(?![\t ]))+\r\n")
#: A header that decides something and stands twice, or gives two lengths; of equal ones h11 makes one.
_TWICE = re.compile(
    rb"(?im)^(host|authorization|content-length|transfer-encoding):(?:(?s:.*)^\1:|(?<=content-length:).*,)"
)


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body, which no request here has.

    ``target`` is as it was sent, still escaped; ``headers`` are by lower-case name. ``keep_alive`` tells
    whether the client wants to go on using the connection.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    keep_alive: bool = True

    def header(self, name: str) -> str:
        """Return a header's value, empty where there is none."""
        return self.headers.get(name, "")


class Unreadable(Refused):
    """What was sent is no request that can be answered, and nobody knows where the next one would begin."""


def parse_head(data: bytes) -> Head:
    """Read everything up to and with the empty line that ends the headers.

    Refused are, other than by many servers: headers folded over lines, a header that decides something and
    stands twice, and any body. Raises Unreadable.
    """
    request = _request(data.removeprefix(b"\r\n"))
    headers: dict[str, str] = {}
    for field, text in request.headers:
        name, value = field.decode("ascii"), text.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if request.http_version > b"1.1" and "host" not in headers:  # for 1.1 itself h11 has looked
        raise Unreadable(HTTPStatus.BAD_REQUEST, "a Host header is required")
    wishes = {wish.strip().lower() for wish in headers.get("connection", "").split(",")}
    keep_alive = "close" not in wishes and (request.http_version > b"1.0" or "keep-alive" in wishes)
    return Head(request.method.decode("ascii"), request.target.decode("ascii"), headers, keep_alive)


def _request(data: bytes) -> h11.Request:
    """Have h11 read the one request that ``data`` is; what h11 would take and we do not is refused."""
    if data.count(b"\n") > HEADER_LINES + 2:  # with the request line and the empty one
        raise Unreadable(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"there are more than {HEADER_LINES} header lines")
    if _LINES.fullmatch(data) is None:
        raise Unreadable(HTTPStatus.BAD_REQUEST, "a line cannot be read")
    if twice := _TWICE.search(data):
        raise Unreadable(HTTPStatus.BAD_REQUEST, f"the header {twice[1].decode('ascii').lower()} stands here twice")
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    try:
        request, end = connection.next_event(), connection.next_event()
    except h11.RemoteProtocolError as error:
        if error.error_status_hint == HTTPStatus.NOT_IMPLEMENTED:  # a Transfer-Encoding other than chunked
            raise Unreadable(*_BODY) from None
        reason = str(error).partition(":")[0]  # behind the colon stands what was sent
        raise Unreadable(HTTPStatus.BAD_REQUEST, f"the request cannot be read: {reason}") from None
    assert isinstance(request, h11.Request)
    if not request.http_version.startswith(b"1."):
        raise Unreadable(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here")
    if not isinstance(end, h11.EndOfMessage):
        raise Unreadable(*_BODY)
    return request
