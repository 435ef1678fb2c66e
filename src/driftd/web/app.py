"""Every address of the daemon in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from structlog.typing import FilteringBoundLogger

from driftd.values.view import DaemonView
from driftd.web.api import Api, ProfileOf
from driftd.web.page import render_page
from driftd.web.router import POLICY, TEXT, Request, Response, Router
from driftd.web.style import PAGE_POLICY

#: (Accept header) -> (body, content type)
RenderMetrics = Callable[[str], tuple[bytes, str]]


@dataclass(frozen=True, slots=True)
class Served:
    """What the server shows. All are called from the server's threads, and only read.

    ``healthy`` tells whether the loop has turned a short time ago, whatever the broker does.
    """

    view: Callable[[], DaemonView]
    profile_of: ProfileOf
    metrics: RenderMetrics
    healthy: Callable[[], bool]


def build_app(served: Served, log: FilteringBoundLogger) -> Router:
    """Return the WSGI application."""

    def page(_request: Request) -> Response:
        return Response(render_page(served.view()), "text/html; charset=utf-8", headers={POLICY: PAGE_POLICY})

    def metrics(request: Request) -> Response:
        return Response(*served.metrics(request.accept))

    def healthy(_request: Request) -> Response:
        if served.healthy():
            return Response(b"healthy\n", TEXT)
        return Response(b"not healthy: the loop has not turned for too long\n", TEXT, HTTPStatus.SERVICE_UNAVAILABLE)

    def ready(_request: Request) -> Response:
        reasons = served.view().not_ready
        if not reasons:
            return Response(b"ready\n", TEXT)
        lines = "".join(f"not ready: {reason}\n" for reason in reasons)
        return Response(lines.encode(), TEXT, HTTPStatus.SERVICE_UNAVAILABLE)

    routes = {"/": page, "/metrics": metrics, "/-/healthy": healthy, "/-/ready": ready}
    return Router(routes | dict(Api(served.view, served.profile_of).routes()), log)
