"""Asking the application without a socket, and what it is asked about."""

import json
from typing import Any, NamedTuple

import structlog
from web_pictures import PROFILE, picture

from driftd.values.view import DaemonView
from driftd.web.app import Reload, Served, build_app
from driftd.web.connection import wire
from driftd.web.head import parse_head
from driftd.web.router import Router

LOG = structlog.wrap_logger(structlog.ReturnLogger())


class Answer(NamedTuple):
    """What came back."""

    status: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


def request(target: str, method: str = "GET", **headers: str) -> bytes:
    """Write a request; a header's name has underscores for its dashes."""
    named = {"Host": "driftd.example.org", **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def read_answer(data: bytes) -> Answer:
    """Take the bytes of one response apart; whatever stands behind its headers is the body."""
    top, _, body = data.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    assert version == "HTTP/1.1"
    return Answer(status, dict(line.split(": ", 1) for line in lines), body)


def ask(app: Router, target: str, method: str = "GET", accept: str = "") -> Answer:
    """Have one request answered, from bytes to bytes."""
    head = parse_head(request(target, method, accept=accept))
    return read_answer(wire(app(head), head, keep=True))


def app_over(view: DaemonView | None = None, *, healthy: bool = True, reload: Reload | None = None) -> Router:
    """Return the application over a picture."""
    shown = picture() if view is None else view
    return build_app(
        Served(
            view=lambda: shown,
            profile_of=lambda reference_id: PROFILE if reference_id == "ref1" else None,
            metrics=lambda accept: (b"driftd_up 1\n", f"text/plain; asked={accept}"),
            healthy=lambda: healthy,
            reload=reload,
        ),
        LOG,
    )
