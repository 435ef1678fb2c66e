"""Patterns of path segments to handlers, and the same answer for everything that goes wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from structlog.typing import FilteringBoundLogger

from driftd.web.head import Head
from driftd.web.response import Refused, Response, error_response


class Access(Enum):
    """Who may use a route.

    ANYBODY: no credential is asked for. Such handlers return at once: the server's own thread calls them.
    READER: whom the web configuration lets in. ADMIN: who holds the admin token.
    """

    ANYBODY = "anybody"
    READER = "reader"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Request:
    """What handlers look at: the names in the path, percent-decoded, the query, and the Accept header."""

    names: Mapping[str, str]
    query: Mapping[str, str]
    accept: str


Handler = Callable[[Request], Response]

READ = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Route:
    """A handler, the methods it answers, and who may use it."""

    handler: Handler
    methods: tuple[str, ...] = READ
    access: Access = Access.READER


class Router:
    """Answers requests.

    ``routes`` maps patterns such as ``/monitors/{model}`` to routes; a name matches one segment, which is
    percent-decoded after the path is split, so that names may hold slashes. What a handler raises is logged
    and answered with 500; no response ever holds a traceback.
    """

    def __init__(self, routes: Mapping[str, Route], log: FilteringBoundLogger) -> None:
        self._routes = [(_segments(pattern), route) for pattern, route in routes.items()]
        self._log = log

    def access(self, head: Head) -> Access:
        """Tell who may have this answered; that there is nothing at an address is for readers to know."""
        try:
            route, _ = self._find(_target(head)[0])
        except Refused:
            return Access.READER
        return route.access

    def __call__(self, head: Head) -> Response:
        """Answer one request."""
        try:
            path, query = _target(head)
            route, names = self._find(path)
            if head.method not in route.methods:
                allowed = {"Allow": ", ".join(route.methods)}
                return error_response(HTTPStatus.METHOD_NOT_ALLOWED, f"only {' and '.join(route.methods)}", allowed)
            return route.handler(Request(names, query, head.header("accept")))
        except Refused as refused:
            return error_response(refused.status, refused.message)
        except Exception as error:  # noqa: BLE001 -- the boundary: nothing may stop the server
            self._log.error("http request failed", exc_info=error)
            return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "the request failed; the log says why")

    def _find(self, path: str) -> tuple[Route, dict[str, str]]:
        segments = _segments(path)
        for pattern, route in self._routes:
            names = _match(pattern, segments)
            if names is not None:
                return route, names
        raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here; / lists what there is")


def _target(head: Head) -> tuple[str, dict[str, str]]:
    """Return the path, still escaped, and the query."""
    target = head.target
    try:
        if not target.startswith("/"):  # the absolute form that proxies use
            target = urlsplit(target)._replace(scheme="", netloc="").geturl()
        path, _, query = target.partition("?")
        return path, dict(parse_qsl(query, keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST, "the address cannot be read") from None


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.removeprefix("/").split("/"))


def _match(pattern: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    """Return the decoded names, None where the pattern does not match."""
    if len(pattern) != len(segments):
        return None
    names: dict[str, str] = {}
    for expected, given in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            names[expected[1:-1]] = unquote(given)
        elif expected != given:
            return None
    return names
