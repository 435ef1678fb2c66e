"""What the API says."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_client import app_over, ask
from web_pictures import COUNTRY, FRAUD, PROFILE, START, monitor, picture

import driftd
from driftd.references.profile import ColumnProfile
from driftd.values.keys import MonitorKey
from driftd.values.privacy import Shown
from driftd.values.verdict import MonitorState
from driftd.values.view import CheckpointView, DaemonView, DeadLettersView, DeliveryView, ReloadView
from driftd.web.api import Api
from driftd.web.bins import bin_documents
from driftd.web.documents import detectable_documents, monitor_path, time_text
from driftd.web.router import Request


def test_monitors_are_listed_in_the_picture_s_order() -> None:
    """Each monitor has its name, state, totals and address."""
    listed = ask(app_over(), "/api/v1/monitors").json["monitors"]
    assert [entry["href"] for entry in listed] == [
        "/api/v1/monitors/a%2Fb%20%3Ci%3E/1%20%26%202/50%2525",
        "/api/v1/monitors/fraud/3/all",
    ]
    assert listed[1] == {
        "monitor": {"model": "fraud", "version": "3", "segment": "all"},
        "state": "firing",
        "evidence": 4.625,
        "threshold": 4.5,
        "calibrating": 0,
        "events": 12345,
        "last_event": "2026-11-25T10:00:59.123Z",
        "windows_closed": 7,
        "windows_incomplete": 1,
        "newest_window": {"start": "2026-11-25T10:00:00.000Z", "end": "2026-11-25T10:01:00.000Z"},
        "columns": 2,
        "columns_drifting": 1,
        "incidents_opened": 2,
        "incidents_open": ["f00d"],
        "reference_id": "ref1",
        "href": "/api/v1/monitors/fraud/3/all",
    }


def test_a_monitor_shows_its_columns_sources_and_incidents() -> None:
    """The detail adds to the summary what the monitor is made of."""
    shown = ask(app_over(), "/api/v1/monitors/fraud/3/all").json
    assert shown["reference_source"] == "fraud-3.json"
    assert shown["sources"] == [{"topic": "predictions", "partition": 0, "first_offset": 100, "last_offset": 299}]
    assert [incident["id"] for incident in shown["incidents"]] == ["f00d", "beef"]
    assert shown["columns"][0] == {
        "column": {"role": "feature", "name": "amount"},
        "state": "drift",
        "evidence": 5.5,
        "weight": 0.25,
        "distances": {"psi": 0.31, "js": 0.2, "ks": 0.25, "wasserstein": 0.21, "chi2": 44.0, "chi2_p": 1e-9},
        "shift": 0.21,
        "detections": [
            {"channel": "location", "detector": "adwin", "count": 2},
            {"channel": "location", "detector": "page_hinkley", "count": 1},
        ],
        "href": "/api/v1/monitors/fraud/3/all/columns/feature/amount",
    }


def test_a_monitor_that_is_calibrating_says_how_long() -> None:
    """There is no evidence yet, what it would take to page, and how many windows are still to be seen."""
    shown = ask(app_over(), "/api/v1/monitors").json["monitors"][0]
    told = (shown["state"], shown["evidence"], shown["threshold"], shown["calibrating"])
    assert told == ("calibrating", None, 4.5, 12)


def test_a_column_without_a_window_has_no_evidence() -> None:
    """What is not known is null."""
    column = ask(app_over(), "/api/v1/monitors/fraud/3/all").json["columns"][1]
    assert (column["evidence"], column["weight"]) == (None, None)


def test_a_numeric_column_shows_reference_and_live_bins() -> None:
    """Test bins have the edges at which the fine bins' test bin changes, and the shares of both sides."""
    shown = ask(app_over(), "/api/v1/monitors/fraud/3/all/columns/feature/amount").json
    assert shown["kind"] == "numeric"
    assert shown["newest"]["n"] == 101
    assert shown["bins"] == [
        {"from": None, "to": 20.0, "reference": {"count": 48, "share": 0.5}, "live": {"count": 20, "share": 0.2}},
        {"from": 20.0, "to": 40.0, "reference": {"count": 30, "share": 0.3125}, "live": {"count": 20, "share": 0.2}},
        {"from": 40.0, "to": None, "reference": {"count": 18, "share": 0.1875}, "live": {"count": 60, "share": 0.6}},
    ]


def test_a_column_shows_the_shifts_that_would_be_paged() -> None:
    """Of mean u, and of the values; null where these are not shown, or are not known any more."""
    shown = ask(app_over(), "/api/v1/monitors/fraud/3/all/columns/feature/amount").json["detectable"]
    assert [(one["within"], one["u"]) for one in shown] == [("1h", 0.125), ("24h", 0.025)]
    assert 40 > shown[0]["value"] > shown[1]["value"] > 0
    amount = picture().monitors[1].columns[0]
    for unknown in (dataclasses.replace(PROFILE.columns[0], shown=Shown.HIDE), None):
        hidden = [document | {"value": None} for document in shown]
        assert detectable_documents(amount, unknown) == hidden


def test_a_column_without_a_window_shows_the_reference_alone() -> None:
    """Before the first verdict the categories stand there with the reference's shares; names may hold slashes."""
    shown = ask(app_over(), "/api/v1/monitors/fraud/3/all/columns/feature/country%2F%E2%82%AC").json
    assert shown["newest"] is None
    assert shown["bins"] == [
        {"category": "DE", "reference": {"count": 75, "share": 0.75}, "live": None},
        {"category": "FR", "reference": {"count": 25, "share": 0.25}, "live": None},
        {"category": None, "other": True, "reference": {"count": 0, "share": 0.0}, "live": None},
    ]


def test_a_reference_that_is_no_longer_held_gives_no_bins() -> None:
    """Without the profile there is nothing to compare with; the verdict is still shown."""
    replaced = dataclasses.replace(monitor(FRAUD, MonitorState.OK), reference_id="gone")
    shown = ask(app_over(DaemonView(monitors=(replaced,))), "/api/v1/monitors/fraud/3/all/columns/feature/amount").json
    assert (shown["kind"], shown["bins"], shown["newest"]["n"]) == (None, None, 101)


def test_counts_of_another_profile_are_not_set_beside_the_bins() -> None:
    """Live counts whose number is not that of the profile's bins were counted against another profile."""
    country: ColumnProfile = PROFILE.columns[PROFILE.index[COUNTRY]]
    assert [entry["live"] for entry in bin_documents(country, (1, 2))] == [None, None, None]


def test_an_empty_window_has_shares_of_zero() -> None:
    """Where no value fell into a bin there is nothing to divide by."""
    country: ColumnProfile = PROFILE.columns[PROFILE.index[COUNTRY]]
    assert [entry["live"] for entry in bin_documents(country, (0, 0, 0))] == [{"count": 0, "share": 0.0}] * 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", ["f00d", "beef"]), ("?state=firing", ["f00d"]), ("?state=resolved", ["beef"]), ("?state=superseded", [])],
)
def test_incidents_are_listed_newest_first_by_state(query: str, expected: list[str]) -> None:
    """The list holds the incidents in the state asked for."""
    listed = ask(app_over(), f"/api/v1/incidents{query}").json["incidents"]
    assert [incident["id"] for incident in listed] == expected


def test_an_incident_shows_what_changed_in_its_suspects() -> None:
    """The detail holds each suspect's effect in the feature's own units."""
    shown = ask(app_over(), "/api/v1/incidents/f00d").json
    assert (shown["state"], shown["paging"], shown["ended"]) == ("firing", True, None)
    assert (shown["evidence"], shown["threshold"]) == (4.75, 4.5)
    assert (shown["onset"], shown["opened"]) == ("2026-11-25T09:58:00.000Z", "2026-11-25T10:01:00.000Z")
    assert shown["suspects"][0] == {
        "role": "feature",
        "name": "amount",
        "share": 0.9,
        "log10_evidence": 5.25,
        "since": "2026-11-25T10:01:00.000Z",
        "effect": {
            "channel": "location",
            "direction": "up",
            "size": 0.21,
            "onset": "2026-11-25T09:58:00.000Z",
            "before": {"median": 18.5},
            "after": {"median": 42.0},
            "bins": [{"from": 40.0, "to": None, "before": 0.19, "after": 0.6}],
        },
        "href": "/api/v1/monitors/fraud/3/all/columns/feature/amount",
    }


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/api/v1/monitors/fraud/4/all", 404, "there is no monitor fraud/4/all"),
        (
            "/api/v1/monitors/fraud/3/all/columns/feature/age",
            404,
            "monitor fraud/3/all has no column feature:age",
        ),
        (
            "/api/v1/monitors/fraud/3/all/columns/input/amount",
            404,
            "there is no role 'input'; known: feature, prediction, label, error",
        ),
        ("/api/v1/incidents/0000", 404, "no such incident is open or ended a short time ago"),
        ("/api/v1/incidents?state=open", 400, "state must be one of firing, resolved, superseded"),
        ("/api/v1/incidents?sate=firing", 400, "there is no query parameter 'sate'; known here: state"),
        ("/api/v1/monitors?state=ok", 400, "there is no query parameter 'state'; none is known here"),
        ("/api/v1/monitors?" + "&".join(f"x{i}=1" for i in range(21)), 400, "the address cannot be read"),
    ],
)
def test_what_cannot_be_answered_says_why(path: str, status: int, message: str) -> None:
    """Errors are JSON with the status and a sentence."""
    answer = ask(app_over(), path)
    assert answer.json == {"error": {"status": status, "message": message}}
    assert answer.status.startswith(f"{status} ")


@given(st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)] * 3))
def test_any_name_survives_the_way_through_an_address(names: tuple[str, str, str]) -> None:
    """A monitor is found at the address that the API gives for it, whatever characters its names hold."""
    key = MonitorKey(*names)
    app = app_over(DaemonView(monitors=(monitor(key, MonitorState.OK),)))
    assert ask(app, monitor_path(key)).json["monitor"] == key._asdict()


@pytest.mark.parametrize(
    ("ms", "expected"),
    [(0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (10**16, None), (None, None)],
)
def test_times_are_rfc_3339(ms: int | None, expected: str | None) -> None:
    """Times before 1970 are written too; what RFC 3339 cannot write is null."""
    assert time_text(ms) == expected


def test_one_request_looks_at_one_picture() -> None:
    """A handler takes the newest picture once, so an answer never mixes two."""
    looks = []

    def view() -> DaemonView:
        looks.append(1)
        return picture()

    api = Api(view, lambda _: PROFILE)
    api.column(Request({**FRAUD._asdict(), "role": "feature", "name": "amount"}, {}, ""))
    assert looks == [1]


def test_the_status_tells_how_the_daemon_itself_is_doing() -> None:
    """Everything that is not about a monitor stands in one document."""
    view = dataclasses.replace(
        picture(not_ready=("no broker answers",)),
        checkpoint=CheckpointView(count=4, failures=1, last_success_ms=START, last_bytes=2048),
        reload=ReloadView(loaded_ms=START, failure="windows.duration: 1 is not valid"),
        delivery=(DeliveryView("webhook:ops", 3, 5, 1, 2, START),),
        dead_letters=DeadLettersView(written=28, lost=1, waiting=1),
        references_loaded=2,
        references_failed=1,
    )
    moment = "2026-11-25T10:00:00.000Z"
    assert ask(app_over(view), "/api/v1/status").json == {
        "version": driftd.__version__,
        "ready": False,
        "not_ready": ["no broker answers"],
        "configuration": {"loaded": moment, "failure": "windows.duration: 1 is not valid"},
        "topics": [
            {
                "topic": "predictions",
                "read": 20_000,
                "observed": 19_900,
                "late": {"watermark": 60},
                "rejected": {"malformed": 30},
                "pending": 10,
            }
        ],
        "partitions": [
            {
                "topic": "predictions",
                "partition": 0,
                "position": 20_000,
                "lag": 17,
                "watermark": moment,
                "paused": False,
                "unreachable": False,
                "gap_records": 0,
            }
        ],
        "checkpoint": {"last_success": moment, "bytes": 2048, "count": 4, "failures": 1},
        "delivery": [
            {
                "destination": "webhook:ops",
                "waiting": 3,
                "delivered": 5,
                "dropped": 1,
                "failures": 2,
                "last_success": moment,
            }
        ],
        "dead_letters": {"written": 28, "lost": 1, "waiting": 1},
        "references": {"loaded": 2, "failed": 1},
    }


def test_the_status_before_anything_has_happened_has_nulls() -> None:
    """What is not known yet is null, not a time in 1970."""
    shown = ask(app_over(DaemonView()), "/api/v1/status").json
    assert shown["configuration"] == {"loaded": None, "failure": None}
    assert shown["checkpoint"] == {"last_success": None, "bytes": 0, "count": 0, "failures": 0}
    assert (shown["ready"], shown["not_ready"], shown["dead_letters"]) == (False, ["starting"], None)
