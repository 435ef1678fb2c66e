"""The API: JSON over the newest picture of the daemon, and a call that accepts incidents. See docs/api.md."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock

from driftd.references.profile import Profile
from driftd.values.acceptance import Accepted, NotAccepted, Obstacle
from driftd.values.keys import ColumnKey, MonitorKey, Role
from driftd.values.verdict import Incident
from driftd.values.view import ColumnView, DaemonView, MonitorView
from driftd.web.bins import bin_documents
from driftd.web.documents import (
    API,
    accepted_document,
    column_summary,
    detectable_documents,
    incident_detail,
    incident_summary,
    monitor_detail,
    monitor_document,
    monitor_summary,
    verdict_document,
)
from driftd.web.response import Refused, Response, json_response
from driftd.web.router import Access, Request, Route
from driftd.web.status import status_document

INCIDENT_STATES = ("firing", "resolved", "superseded")

#: reference_id -> the profile, None where it is no longer held
ProfileOf = Callable[[str], Profile | None]
#: Blocks until an incident was accepted, and that is saved, or was not.
Accept = Callable[[str], Accepted | NotAccepted]

_REFUSALS = {
    Obstacle.UNKNOWN: HTTPStatus.NOT_FOUND,
    Obstacle.CONFLICT: HTTPStatus.CONFLICT,
    Obstacle.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Api:
    """The handlers of the API. ``view`` returns the newest picture; each request looks at one picture only.

    Incidents are accepted one at a time: the threads that answer are few.
    """

    view: Callable[[], DaemonView]
    profile_of: ProfileOf
    accepting: Accept | None = None
    _busy: Lock = field(default_factory=Lock)

    def routes(self) -> Mapping[str, Route]:
        """Return the routes by pattern."""
        monitor = f"{API}/monitors/{{model}}/{{version}}/{{segment}}"
        accept = {f"{API}/incidents/{{id}}/accept": Route(self.accept, ("POST",), Access.ADMIN)}
        return {
            f"{API}/status": Route(self.status),
            f"{API}/monitors": Route(self.monitors),
            monitor: Route(self.monitor),
            f"{monitor}/columns/{{role}}/{{name}}": Route(self.column),
            f"{API}/incidents": Route(self.incidents),
            f"{API}/incidents/{{id}}": Route(self.incident),
            **({} if self.accepting is None else accept),
        }

    def status(self, request: Request) -> Response:
        """Show how the daemon itself is doing."""
        _accept_only(request)
        return json_response(status_document(self.view()))

    def monitors(self, request: Request) -> Response:
        """List all monitors."""
        _accept_only(request)
        return json_response({"monitors": [monitor_summary(monitor) for monitor in self.view().monitors]})

    def monitor(self, request: Request) -> Response:
        """Show one monitor with its columns."""
        _accept_only(request)
        return json_response(monitor_detail(_monitor(self.view(), request.names)))

    def column(self, request: Request) -> Response:
        """Show one column: the newest verdict, and the bins of reference and newest window."""
        _accept_only(request)
        monitor = _monitor(self.view(), request.names)
        column = _column(monitor, request.names)
        profile = self.profile_of(monitor.reference_id)
        position = None if profile is None else profile.index.get(column.key)
        known = None if profile is None or position is None else profile.columns[position]
        newest = column.newest
        return json_response(
            {
                "monitor": monitor_document(monitor.key),
                **column_summary(monitor.key, column),
                "kind": None if known is None else known.kind.value,
                "reference_id": monitor.reference_id,
                "detectable": detectable_documents(column, known),
                "newest": None if newest is None else verdict_document(newest),
                "bins": None if known is None else bin_documents(known, None if newest is None else newest.counts),
            }
        )

    def incidents(self, request: Request) -> Response:
        """List the incidents that are open or ended a short time ago, the newest first."""
        _accept_only(request, "state")
        state = request.query.get("state")
        if state is not None and state not in INCIDENT_STATES:
            raise Refused(HTTPStatus.BAD_REQUEST, f"state must be one of {', '.join(INCIDENT_STATES)}")
        found = sorted(_incidents(self.view()), key=lambda pair: (-pair[0].opened_ms, pair[0].id))
        return json_response(
            {
                "incidents": [
                    incident_summary(incident, monitor)
                    for incident, monitor in found
                    if state is None or incident.state == state
                ]
            }
        )

    def incident(self, request: Request) -> Response:
        """Show one incident with its suspects."""
        _accept_only(request)
        for incident, monitor in _incidents(self.view()):
            if incident.id == request.names["id"]:
                return json_response(incident_detail(incident, monitor))
        raise Refused(HTTPStatus.NOT_FOUND, "no such incident is open or ended a short time ago")

    def accept(self, request: Request) -> Response:
        """Make the live data since an incident's onset the new normal."""
        _accept_only(request)
        assert self.accepting is not None
        if not self._busy.acquire(blocking=False):
            raise Refused(HTTPStatus.CONFLICT, "another incident is being accepted")
        try:
            answer = self.accepting(request.names["id"])
        finally:
            self._busy.release()
        if isinstance(answer, NotAccepted):
            raise Refused(_REFUSALS[answer.obstacle], answer.reason)
        return json_response(accepted_document(answer), HTTPStatus.ACCEPTED)


def _accept_only(request: Request, *known: str) -> None:
    unknown = sorted(set(request.query) - set(known))
    if unknown:
        allowed = f"known here: {', '.join(known)}" if known else "none is known here"
        raise Refused(HTTPStatus.BAD_REQUEST, f"there is no query parameter {unknown[0]!r}; {allowed}")


def _monitor(view: DaemonView, names: Mapping[str, str]) -> MonitorView:
    key = MonitorKey(names["model"], names["version"], names["segment"])
    for monitor in view.monitors:
        if monitor.key == key:
            return monitor
    raise Refused(HTTPStatus.NOT_FOUND, f"there is no monitor {key}")


def _column(monitor: MonitorView, names: Mapping[str, str]) -> ColumnView:
    if names["role"] not in set(Role):
        raise Refused(HTTPStatus.NOT_FOUND, f"there is no role {names['role']!r}; known: {', '.join(Role)}")
    key = ColumnKey(Role(names["role"]), names["name"])
    for column in monitor.columns:
        if column.key == key:
            return column
    raise Refused(HTTPStatus.NOT_FOUND, f"monitor {monitor.key} has no column {key}")


def _incidents(view: DaemonView) -> Iterator[tuple[Incident, MonitorView]]:
    for monitor in view.monitors:
        for incident in monitor.incidents:
            yield incident, monitor
