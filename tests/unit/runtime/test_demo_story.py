"""What the demonstration tells, and when it is satisfied."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.runtime.demo import StorySink
from driftd.runtime.demo_story import Story
from driftd.runtime.demo_traffic import (
    DRIFTED,
    EVENTS_PER_WINDOW,
    WINDOW_MS,
    Timetable,
    training_rows,
    window_of_events,
)
from driftd.runtime.outbox import Delivery
from driftd.values.keys import LateReason, Reason
from driftd.values.view import DaemonView, TopicAccounts

START = 1_790_000_040_000
VIEW = DaemonView(
    topics={
        "t": TopicAccounts(
            read=1_200, observed=1_195, late={LateReason.CLOSED: 1}, rejected={Reason.FUTURE: 2}, pending=2
        )
    }
)


class Told(Story):
    """A story that remembers what it said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        super().__init__(self.said.append, Timetable(), START)


def at(window: int) -> str:
    """The time of a window's end, as drift events have it."""
    return datetime.fromtimestamp((START + (window + 1) * WINDOW_MS) / 1000, UTC).isoformat()


def suspect(column: str) -> dict[str, Any]:
    """A suspect as drift events describe it."""
    if column == "country":
        bins = [{"category": "US", "before": 0.05, "after": 0.4}, {"category": "DE", "before": 0.45, "after": 0.2}]
        return {"column": column, "direction": "changed", "share": 0.5, "before": {}, "after": {}, "bins": bins}
    quantiles = [{"quantiles": {"0.5": median}} for median in (30.0, 48.0)]
    return {
        "column": column,
        "direction": "up",
        "share": 0.5,
        "before": quantiles[0],
        "after": quantiles[1],
        "bins": [],
    }


def event(kind: str, *columns: str, incident: str = "i1", window: int = 52) -> dict[str, Any]:
    """A drift event."""
    return {
        "type": f"io.driftd.incident.{kind}.v1",
        "time": at(window),
        "data": {"incident": incident, "onset": {"time": at(50)}, "suspects": [suspect(name) for name in columns]},
    }


def line(window: int, column: str = "amount", detector: str | None = None) -> dict[str, Any]:
    """A window line."""
    return {
        "window": {"end_ms": START + (window + 1) * WINDOW_MS},
        "column": column,
        "events": 240,
        "detections": [{"channel": "location", "detector": detector}] if detector else [],
        "distances": {"psi": 0.31},
        "shift": 0.17,
    }


FIRING, RESOLVED = event("firing", *DRIFTED), event("resolved", window=150)


@pytest.mark.parametrize(
    "events",
    [
        [FIRING, RESOLVED],
        [event("firing", "amount"), event("updated", *DRIFTED), event("updated", "country"), RESOLVED],
    ],
)
def test_drift_that_was_paged_once_and_resolved_is_what_was_wanted(events: list[dict[str, Any]]) -> None:
    """Both columns in one incident, at once or joining, and its end."""
    story = Told()
    for one in events:
        story.event(one)
    assert story.over
    assert story.conclude(VIEW)
    assert story.said[-1].startswith("Verdict  the drift was paged once")


@pytest.mark.parametrize(
    "events",
    [
        [],
        [FIRING],
        [event("firing", "amount"), RESOLVED],
        [event("firing", *DRIFTED, "age"), RESOLVED],
        [event("firing", "age"), RESOLVED],
        [FIRING, event("updated", *DRIFTED, "device"), RESOLVED],
        [
            event("firing", "amount"),
            event("firing", "country", incident="i2"),
            RESOLVED,
            event("resolved", incident="i2"),
        ],
        [FIRING, RESOLVED, event("firing", *DRIFTED, incident="i2", window=160)],
    ],
    ids=[
        "nothing",
        "unresolved",
        "one column",
        "another too",
        "another",
        "another joins",
        "two pages",
        "a second page",
    ],
)
def test_anything_else_is_not_as_it_should_be(events: list[dict[str, Any]]) -> None:
    """Nothing paged, too little, too much, or never resolved: the verdict is no, and says what was expected."""
    story = Told()
    for one in events:
        story.event(one)
    assert not story.conclude(VIEW)
    assert story.said[-1] == (
        "Verdict  not as it should be: one page that names amount and country, and its resolution was expected"
    )


def test_story_is_over_when_every_incident_has_ended() -> None:
    """Before the first page it has not begun."""
    story = Told()
    assert not story.over
    story.event(FIRING)
    assert not story.over
    story.event(RESOLVED)
    assert story.over


def test_conclusion_gives_the_accounts() -> None:
    """Every event read is observed, refused or waiting; the pages name their columns."""
    story = Told()
    story.event(FIRING)
    story.conclude(VIEW)
    assert "Events   1,200 read = 1,195 observed + 3 late or rejected + 2 in open windows" in story.said
    assert "Pages    1, naming amount, country" in story.said
    assert Told().conclude(VIEW) is False


def test_page_tells_before_and_after_in_the_features_own_units() -> None:
    """Medians of a number, shares of a category; each suspect once, however often it is named."""
    story = Told()
    story.event(FIRING)
    story.event(event("updated", *DRIFTED))
    told = "\n".join(story.said)
    assert "median 30 -> 48" in told
    assert "US 5% -> 40%; DE 45% -> 20%" in told
    assert told.count("median 30 -> 48") == 1


def test_first_detection_of_each_kind_is_told() -> None:
    """Later ones of the same detector on the same column are no news."""
    story = Told()
    for window, detector in ((51, "adwin"), (52, "adwin"), (53, "gross")):
        story.window(line(window, detector=detector))
    assert [said.split("detected")[1].strip() for said in story.said] == [
        "amount: adwin on its location (psi 0.31, shift +0.17)",
        "amount: gross on its location (psi 0.31, shift +0.17)",
    ]


def test_progress_is_told_every_25_windows_whatever_the_columns() -> None:
    """A window has a line for each column, and counts once."""
    story = Told()
    for window in range(60):
        for column in ("amount", "country"):
            story.window(line(window, column))
    assert [said.split("windows")[1].strip() for said in story.said] == [
        "25 closed, 240 events in the last one",
        "50 closed, 240 events in the last one",
    ]


def test_nothing_is_told_after_the_conclusion() -> None:
    """The windows that close on the way down belong to nobody."""
    story = Told()
    story.conclude(VIEW)
    said = len(story.said)
    story.window(line(51, detector="adwin"))
    assert said == len(story.said)


def test_changes_of_the_traffic_are_told_when_they_come() -> None:
    """At the windows of the timetable, and at no others."""
    story = Told()
    for window in range(180):
        story.producing(window)
    assert ["from here on amounts" in said or "is mended" in said for said in story.said] == [True, True]


def test_documents_are_told_in_the_order_of_event_time() -> None:
    """A delivery holds windows and events apart; a page comes before later windows, and behind its own."""
    story = Told()
    lines = [line(52, detector="adwin"), line(53, detector="gross")]
    StorySink(story).deliver(Delivery([event("firing", *DRIFTED, window=52)], lines))
    words = [said[7:].split()[0] for said in story.said if said[:2].isdecimal()]
    assert words == ["detected", "PAGE", "detected"]


@given(st.integers(0, 200))
def test_traffic_drifts_between_two_windows_of_the_timetable(window: int) -> None:
    """And is healthy before and after."""
    assert Timetable(50, 90, 180).drifting(window) is (50 <= window < 90)
    assert replace(Timetable(), drift_from=60).drifting(window) is (60 <= window < 90)


def test_training_rows_are_the_same_at_every_call() -> None:
    """A profile is built in two passes; rows are in time order, and fill whole windows."""
    rows = list(training_rows(START))
    assert rows == list(training_rows(START))
    times = [row.time_ms or 0 for row in rows]
    assert times == sorted(times)
    assert (len(rows) % EVENTS_PER_WINDOW, times[0], times[EVENTS_PER_WINDOW]) == (0, START, START + WINDOW_MS)


def test_only_the_two_features_change_when_drifting() -> None:
    """With the same random draws, every other feature and the prediction stay as they were."""
    healthy, drifting = (
        list(window_of_events(random.Random(3), START, drifting=drifting)) for drifting in (False, True)
    )
    changed = {
        name
        for one, other in zip(healthy, drifting, strict=True)
        for name in one["features"]
        if one["features"][name] != other["features"][name]
    }
    assert changed == set(DRIFTED)
    assert [one["prediction"] for one in healthy] == [one["prediction"] for one in drifting]
    assert {START <= one["timestamp"] < START + WINDOW_MS for one in healthy} == {True}
