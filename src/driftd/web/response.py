"""Answers, and the headers that every one of them has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

POLICY = "Content-Security-Policy"
#: Sent with every response. Nothing here is ever cached, framed, sniffed or allowed to load anything.
SECURITY_HEADERS = {
    POLICY: "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its whole body."""

    body: bytes
    content_type: str = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)

    def fields(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return all headers; ``more`` stands over the response's own, which stand over the common ones."""
        return {
            **SECURITY_HEADERS,
            **self.headers,
            **more,
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body)),
        }


class Refused(Exception):
    """A request that cannot be answered: ``status`` and a sentence for the caller."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


def json_response(document: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer with plain data as one line of JSON; what is not finite becomes null."""
    return Response(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY), JSON, status)


def error_response(status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with what is wrong, and nothing about the inside."""
    body = orjson.dumps({"error": {"status": status.value, "message": message}}, option=orjson.OPT_APPEND_NEWLINE)
    return Response(body, JSON, status, headers or {})
