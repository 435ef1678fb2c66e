"""A WSGI router: patterns of path segments to handlers, and the same answer for everything that goes wrong."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

import orjson
from structlog.typing import FilteringBoundLogger

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

#: Sent with every response. Nothing here is ever cached, framed, sniffed or allowed to load anything.
SECURITY_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
POLICY = "Content-Security-Policy"
CLOSED_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Request:
    """What handlers look at: the names in the path, percent-decoded, the query, and the Accept header."""

    names: Mapping[str, str]
    query: Mapping[str, str]
    accept: str


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its whole body."""

    body: bytes
    content_type: str = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]


class Refused(Exception):
    """A request that cannot be answered: ``status`` and a sentence for the caller."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


def json_response(document: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer with plain data as one line of JSON; what is not finite becomes null."""
    return Response(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY), JSON, status)


def error_response(status: HTTPStatus, message: str, **headers: str) -> Response:
    """Answer with what is wrong, and nothing about the inside."""
    body = orjson.dumps({"error": {"status": status.value, "message": message}}, option=orjson.OPT_APPEND_NEWLINE)
    return Response(body, JSON, status, headers)


class Router:
    """A WSGI application for GET and HEAD.

    ``routes`` maps patterns such as ``/monitors/{model}`` to handlers; a name matches one segment, which is
    percent-decoded after the path is split, so that names may hold slashes. What a handler raises is logged
    and answered with 500; no response ever holds a traceback.
    """

    def __init__(self, routes: Mapping[str, Handler], log: FilteringBoundLogger) -> None:
        self._routes = [(_segments(pattern), handler) for pattern, handler in routes.items()]
        self._log = log

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        method = environ["REQUEST_METHOD"]
        response = self._answer(method, environ)
        headers = {POLICY: CLOSED_POLICY, **dict(SECURITY_HEADERS), **response.headers}
        headers |= {"Content-Type": response.content_type, "Content-Length": str(len(response.body))}
        start_response(f"{response.status.value} {response.status.phrase}", list(headers.items()))
        return [] if method == "HEAD" else [response.body]

    def _answer(self, method: str, environ: WSGIEnvironment) -> Response:
        try:
            path, query = _target(environ)
            handler, names = self._find(_segments(path))
            if method not in {"GET", "HEAD"}:
                return error_response(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD", Allow="GET, HEAD")
            return handler(Request(names, query, environ.get("HTTP_ACCEPT", "")))
        except Refused as refused:
            return error_response(refused.status, refused.message)
        except Exception as error:  # noqa: BLE001 -- the boundary: nothing may reach the server's own error page
            self._log.error("http request failed", exc_info=error)
            return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "the request failed; the log says why")

    def _find(self, segments: Sequence[str]) -> tuple[Handler, dict[str, str]]:
        for pattern, handler in self._routes:
            names = _match(pattern, segments)
            if names is not None:
                return handler, names
        raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here; / lists what there is")


def _target(environ: WSGIEnvironment) -> tuple[str, dict[str, str]]:
    """Return the path, still escaped, and the query.

    The target is taken as it was sent where the server tells it: in PATH_INFO an escaped slash cannot be
    told from another.
    """
    target = environ.get("REQUEST_URI")
    if target is None:
        target = f"{quote(environ.get('PATH_INFO', ''), encoding='latin-1')}?{environ.get('QUERY_STRING', '')}"
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
