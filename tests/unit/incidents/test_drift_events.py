import json
import math
import re
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from incident_verdicts import (
    AMOUNT,
    COUNTRY,
    FRAUD,
    MINUTE,
    START,
    alarm,
    column,
    effect,
    quiet,
    stage_of,
    verdict,
)

from driftd.incidents.events import rfc3339
from driftd.incidents.ids import event_id, incident_id
from driftd.incidents.settings import IncidentSettings
from driftd.incidents.stage import IncidentStage
from driftd.values.keys import Channel, MonitorKey
from driftd.values.verdict import JSON

SIZES = st.floats(allow_nan=False, allow_infinity=False)


def test_event_is_a_cloud_event() -> None:
    """The envelope has the attributes that CloudEvents 1.0 requires, and the incident's window end as time."""
    (event,) = alarm(stage_of(), 0, AMOUNT)
    assert {key: value for key, value in event.body.items() if key not in {"id", "data"}} == {
        "specversion": "1.0",
        "source": "/driftd",
        "type": "io.driftd.incident.firing.v1",
        "subject": "fraud/3/all",
        "time": "2026-09-21T14:15:00.000Z",
        "datacontenttype": "application/json",
    }
    assert event.body["id"] == event.id


def test_firing_data_says_what_happened_and_where() -> None:
    """The data name monitor, incident, window with offsets, onset, suspects and reference."""
    (event,) = stage_of().observe(verdict(7, [column(AMOUNT, alarm=True, of=effect(0.25, onset_ms=START))]))
    data = event.body["data"]
    assert data == {
        "monitor": {"model": "fraud", "version": "3", "segment": "all"},
        "incident": incident_id(FRAUD, START + 7 * MINUTE),
        "window": {
            "start": rfc3339(START + 7 * MINUTE),
            "end": rfc3339(START + 8 * MINUTE),
            "sources": [{"topic": "predictions", "partition": 0, "first_offset": 700, "last_offset": 799}],
            "last_offset": 799,
        },
        "onset": {"time": rfc3339(START), "sources": [{"topic": "predictions", "partition": 0, "offset": 700}]},
        "suspects": [
            {
                "column": "amount",
                "role": "feature",
                "channel": "location",
                "direction": "up",
                "effect": 0.25,
                "share": 1.0,
                "log10_evidence": None,
                "before": {"mean": 48.0},
                "after": {"mean": 97.0},
                "bins": [{"bin": 3, "before": 0.05, "after": 0.25}],
            }
        ],
        "evidence": None,
        "threshold": None,
        "reference_id": "r1",
        "previous": None,
        "links": {},
    }


def evidence_pages(stage: IncidentStage, minute: int, **columns: float) -> JSON:
    """Let evidence name these columns, each by its log10; return the data of the event that tells."""
    named = [column(AMOUNT._replace(name=name), evidence=log10) for name, log10 in columns.items()]
    (event,) = stage.observe(verdict(minute, named, evidence=5.25))
    data: JSON = event.body["data"]
    return data


def test_page_by_evidence_tells_how_much_and_what_it_takes() -> None:
    """Evidence and threshold are the monitor's; each suspect has its own evidence and its share of them all."""
    data = evidence_pages(stage_of(), 0, amount=5.0, country=6.0)
    assert (data["evidence"], data["threshold"]) == (5.25, 4.5)
    told = [(s["column"], s["log10_evidence"], round(s["share"], 9)) for s in data["suspects"]]
    assert told == [("country", 6.0, round(10 / 11, 9)), ("amount", 5.0, round(1 / 11, 9))]


def test_evidence_is_told_as_it_was_when_it_spoke() -> None:
    """That of the page stays with the incident, that of a suspect is from the window in which it joined."""
    stage = stage_of()
    evidence_pages(stage, 0, amount=5.0)
    amount = column(AMOUNT, evidence=29.0)
    (event,) = stage.observe(verdict(1, [amount, column(COUNTRY, evidence=7.0)], evidence=28.0))
    data = event.body["data"]
    assert data["evidence"] == 5.25
    assert {s["column"]: s["log10_evidence"] for s in data["suspects"]} == {"amount": 5.0, "country": 7.0}


def test_page_by_another_rule_tells_no_evidence() -> None:
    """What little evidence there was is not why somebody was woken; shares are those of the effects."""
    columns = [column(AMOUNT, alarm=True, of=effect(0.375)), column(COUNTRY, alarm=True, of=effect(0.125))]
    known = [replace(one, evidence=0.5) for one in columns]
    (event,) = stage_of().observe(verdict(0, known, evidence=0.25))
    data = event.body["data"]
    assert (data["evidence"], data["threshold"]) == (None, None)
    assert [(s["log10_evidence"], s["share"]) for s in data["suspects"]] == [(None, 0.75), (None, 0.25)]


def test_suspect_of_another_rule_gets_the_evidence_that_comes_later() -> None:
    """A column that one rule put into the incident, and evidence calls for after that, is no news but has evidence."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    assert stage.observe(verdict(1, [column(AMOUNT, evidence=5.5)], evidence=5.25)) == []
    (incident,) = stage.incidents(FRAUD, START)
    assert (incident.evidence, incident.suspects[0].log10_evidence) == (None, 5.5)


def test_last_offset_stands_alone_only_where_there_is_one_source() -> None:
    """With several source partitions there is no single last offset."""
    (event,) = stage_of().observe(verdict(0, [column(AMOUNT, alarm=True)], partitions=2))
    assert "last_offset" not in event.body["data"]["window"]
    assert len(event.body["data"]["window"]["sources"]) == 2


def test_onset_is_the_earliest_of_the_columns_that_paged() -> None:
    """The onset is that of the column that changed first, with the offset of its window."""
    stage = stage_of()
    quiet(stage, range(5), AMOUNT)
    late, early = effect(onset_ms=START + 4 * MINUTE), effect(onset_ms=START + 2 * MINUTE + 1)
    (event,) = stage.observe(verdict(5, [column(AMOUNT, alarm=True, of=late), column(COUNTRY, alarm=True, of=early)]))
    assert event.body["data"]["onset"] == {
        "time": rfc3339(START + 2 * MINUTE + 1),
        "sources": [{"topic": "predictions", "partition": 0, "offset": 200}],
    }


def test_onset_stays_with_the_incident() -> None:
    """Later events of an incident repeat its onset, whatever has passed since."""
    stage = stage_of()
    (fired,) = alarm(stage, 0, AMOUNT)
    resolved = quiet(stage, range(1, 400), AMOUNT)[0]
    assert resolved.body["data"]["onset"] == fired.body["data"]["onset"]


def test_links_lead_to_the_incident() -> None:
    """Where people can reach the daemon, an event links to its incident."""
    stage = IncidentStage(lambda *_: IncidentSettings(), MINUTE, "https://driftd.example.org")
    (event,) = alarm(stage, 0, AMOUNT)
    incident = event.body["data"]["incident"]
    assert event.body["data"]["links"] == {"incident": f"https://driftd.example.org/api/v1/incidents/{incident}"}


def test_incident_id_has_twelve_hexadecimal_digits() -> None:
    """The short id fits a label and a chat message."""
    assert re.fullmatch("[0-9a-f]{12}", incident_id(FRAUD, START))


def test_ids_are_the_same_in_every_release() -> None:
    """Ids are part of the contract: consumers recognise repeats by them over upgrades."""
    assert incident_id(MonitorKey("fraud", "3", "all"), 0) == "aa00c3a592f2"
    assert event_id("aa00c3a592f2", "firing", 60_000) == "ece3a209b02a9852cea6138b920745cb"


@given(first=SIZES, second=SIZES)
def test_ids_do_not_depend_on_floats(first: float, second: float) -> None:
    """Two runs that differ in every float name the same incident and event."""
    ids = set()
    for size in (first, second):
        (event,) = stage_of().observe(verdict(0, [column(AMOUNT, of=effect(size), evidence=size)], evidence=size))
        ids.add((event.id, event.body["data"]["incident"]))
    assert len(ids) == 1


def test_events_of_one_incident_have_different_ids() -> None:
    """Each thing that happens to an incident has a name of its own."""
    stage = stage_of()
    events = [*alarm(stage, 0, AMOUNT), *alarm(stage, 1, COUNTRY), *quiet(stage, range(2, 90), AMOUNT, COUNTRY)]
    assert len({event.id for event in events}) == len(events) == 4


@given(sizes=st.lists(SIZES, min_size=1, max_size=6), channels=st.lists(st.sampled_from(Channel), min_size=6))
def test_shares_sum_to_one_and_events_are_json(sizes: list[float], channels: list[Channel]) -> None:
    """Whatever the sizes of the effects, shares are parts of one and the event is JSON without NaN."""
    keys = [AMOUNT._replace(name=f"c{position}") for position in range(len(sizes))]
    columns = [
        column(key, alarm=True, of=effect(size, channel))
        for key, size, channel in zip(keys, sizes, channels, strict=False)
    ]
    (event,) = stage_of().observe(verdict(0, columns))
    text = json.dumps(event.body, allow_nan=False)
    assert json.loads(text) == event.body
    assert math.isclose(math.fsum(s["share"] for s in event.body["data"]["suspects"]), 1, abs_tol=1e-12)


def test_suspects_stand_by_falling_share() -> None:
    """The suspect that contributes most comes first, whatever the order of the columns."""
    columns = [column(AMOUNT, alarm=True, of=effect(0.125)), column(COUNTRY, alarm=True, of=effect(-0.375))]
    (event,) = stage_of().observe(verdict(0, columns))
    assert [(s["column"], s["share"]) for s in event.body["data"]["suspects"]] == [("country", 0.75), ("amount", 0.25)]


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001 -- drawn naive, read as UTC
def test_times_are_rfc3339_to_the_millisecond(moment: datetime) -> None:
    """A time can be read back to the millisecond."""
    event_ms = round((moment - datetime(1970, 1, 1)).total_seconds() * 1000)  # noqa: DTZ001 -- as above
    assert round(datetime.fromisoformat(rfc3339(event_ms)).timestamp() * 1000) == event_ms


@pytest.mark.parametrize(
    ("event_ms", "expected"),
    [(253_402_300_800_000, "9999-12-31T23:59:59.999Z"), (-62_135_596_860_000, "0001-01-01T00:00:00.000Z")],
)
def test_window_that_reaches_beyond_the_calendar_can_be_told(event_ms: int, expected: str) -> None:
    """The edge of a window at the very end of event time has no date: the nearest is written."""
    assert rfc3339(event_ms) == expected
