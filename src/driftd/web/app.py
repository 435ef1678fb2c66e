"""Every address of the daemon in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock

from structlog.typing import FilteringBoundLogger

from driftd.values.view import DaemonView
from driftd.web.api import Accept, Api, ProfileOf
from driftd.web.page import render_page
from driftd.web.response import POLICY, TEXT, Response, error_response
from driftd.web.router import Access, Handler, Request, Route, Router
from driftd.web.style import PAGE_POLICY

#: (Accept header) -> (body, content type)
RenderMetrics = Callable[[str], tuple[bytes, str]]
#: Blocks until the configuration was loaded again (None) or refused (the reason, which may be shown).
Reload = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Served:
    """What the server shows. All are called from the server's threads, and all but the last two only read.

    ``healthy`` tells whether the loop has turned a short time ago, whatever the broker does. It and ``view``
    return at once. Without ``reload`` or ``accept`` there is no address for it.
    """

    view: Callable[[], DaemonView]
    profile_of: ProfileOf
    metrics: RenderMetrics
    healthy: Callable[[], bool]
    reload: Reload | None = None
    accept: Accept | None = None


def build_app(served: Served, log: FilteringBoundLogger) -> Router:
    """Return the application."""

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

    routes = {
        "/": Route(page),
        "/metrics": Route(metrics),
        "/-/healthy": Route(healthy, access=Access.ANYBODY),
        "/-/ready": Route(ready, access=Access.ANYBODY),
        **Api(served.view, served.profile_of, served.accept).routes(),
    }
    if served.reload is not None:
        routes["/-/reload"] = Route(_reloading(served.reload), ("POST",), Access.ADMIN)
    return Router(routes, log)


def _reloading(reload: Reload) -> Handler:
    """Return the handler that reloads, one at a time: the threads that answer are few."""
    busy = Lock()

    def handler(_request: Request) -> Response:
        if not busy.acquire(blocking=False):
            return error_response(HTTPStatus.CONFLICT, "another reload is under way")
        try:
            failure = reload()
        finally:
            busy.release()
        if failure is not None:
            return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, failure)
        return Response(b"reloaded\n", TEXT)

    return handler
