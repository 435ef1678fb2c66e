"""Calling a WSGI application as a server would."""

import json
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import unquote
from wsgiref.types import WSGIEnvironment
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import structlog
from web_pictures import PROFILE, picture

from driftd.values.view import DaemonView
from driftd.web.app import Served, build_app
from driftd.web.router import Router

App = Callable[..., Iterable[bytes]]


class Answer(NamedTuple):
    """What came back."""

    status: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


def ask(app: App, target: str, method: str = "GET", accept: str = "") -> Answer:
    """Send one request through wsgiref's validator, which holds the application to PEP 3333."""
    path, _, query = target.partition("?")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, encoding="latin-1"),
        "QUERY_STRING": query,
        "HTTP_ACCEPT": accept,
        "wsgi.input": BytesIO(),
    }
    setup_testing_defaults(environ)
    sent: list[tuple[str, dict[str, str]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> Callable[[bytes], None]:
        sent.append((status, dict(headers)))
        return lambda _data: None

    body = validator(app)(environ, start_response)
    try:
        whole = b"".join(body)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    return Answer(*sent[0], whole)


def app_over(view: DaemonView | None = None, *, healthy: bool = True) -> Router:
    """Return the application over a picture."""
    shown = picture() if view is None else view
    return build_app(
        Served(
            view=lambda: shown,
            profile_of=lambda reference_id: PROFILE if reference_id == "ref1" else None,
            metrics=lambda accept: (b"driftd_up 1\n", f"text/plain; asked={accept}"),
            healthy=lambda: healthy,
        ),
        structlog.wrap_logger(structlog.ReturnLogger()),
    )
