import json
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from incident_verdicts import (
    AGE,
    AMOUNT,
    COUNTRY,
    FRAUD,
    MINUTE,
    START,
    column,
    effect,
    stage_of,
    verdict,
)

from driftd.incidents.settings import IncidentSettings
from driftd.incidents.stage import IncidentStage
from driftd.values.keys import Channel, MonitorKey
from driftd.values.verdict import ColumnVerdict, WindowVerdict

# Short spans, so that a short history sees incidents fire, join, resolve and be superseded.
SHORT = IncidentSettings.model_validate({"join": "12m", "hold": "12m", "silence": "12m"})
MONITORS = (FRAUD, MonitorKey("fraud", "4"), MonitorKey("churn"))


WORDS = ["quiet"] * 36 + ["alarm", "evidence", "level", "detected"]


def said(draw: Random) -> list[ColumnVerdict]:
    """What a window says about some of three columns: mostly nothing."""
    columns = []
    for key in (AMOUNT, COUNTRY, AGE):
        word = draw.choice(WORDS)
        of = effect(draw.uniform(-0.5, 0.5), draw.choice(list(Channel)), onset_ms=START + draw.randrange(60) * MINUTE)
        if draw.random() < 0.9:
            evidence = draw.uniform(-2, 30) if word == "evidence" else None
            told = {"alarm": word == "alarm", "level": word == "level", "detected": word == "detected"}
            columns.append(column(key, **told, of=of, evidence=evidence, weight=draw.uniform(0.01, 1)))
    return columns


def history_of(seed: int) -> list[WindowVerdict]:
    """A hundred windows' worth of three monitors in order: with gaps, and versions whose traffic ends."""
    draw = Random(seed)
    told: list[WindowVerdict] = []
    minute = 0
    for number in range(100):
        minute += draw.choice([1] * 30 + [8, 20])
        live = MONITORS if number % 50 < 30 else MONITORS[1:]
        for monitor in sorted(live):
            reference_id = "r1" if number < 70 or monitor != MONITORS[2] else "r2"
            starved = (AGE,) if draw.random() < 0.05 else ()
            told.append(
                verdict(
                    minute,
                    said(draw),
                    monitor=monitor,
                    reference_id=reference_id,
                    starved=starved,
                    evidence=draw.uniform(-2, 30),
                    calibrating=max(0, 20 - number),
                )
            )
    return told


SEEDS = st.integers(0, 2**32)


def through_json(stage: IncidentStage) -> IncidentStage:
    """Write a stage as JSON, and make a new one of it."""
    written = {str(number): [list(key), state] for number, (key, state) in enumerate(stage.to_state().items())}
    read = json.loads(json.dumps(written, allow_nan=False))
    restored = stage_of(SHORT)
    restored.restore({MonitorKey(*key): state for key, state in read.values()})
    return restored


@settings(max_examples=25)
@given(seed=SEEDS, at=st.integers(0, 250))
def test_restoring_anywhere_changes_nothing(seed: int, at: int) -> None:
    """A stage restored in the middle says and remembers what one that never stopped does, to the bit."""
    history, stage = history_of(seed), stage_of(SHORT)
    for told in history[:at]:
        stage.observe(told)
    restored = through_json(stage)
    assert [restored.observe(told) for told in history[at:]] == [stage.observe(told) for told in history[at:]]
    assert json.dumps(list(restored.to_state().values())) == json.dumps(list(stage.to_state().values()))
    for monitor in MONITORS:
        assert restored.incidents(monitor, START + 900 * MINUTE) == stage.incidents(monitor, START + 900 * MINUTE)
        assert restored.states(monitor, START) == stage.states(monitor, START)
        assert restored.calibrating(monitor) == stage.calibrating(monitor)


def test_what_was_remembered_before_there_was_evidence_is_read() -> None:
    """A monitor that the release before this one wrote has incidents without evidence, and is not calibrating."""
    stage = stage_of(SHORT)
    stage.observe(verdict(0, [column(AGE, alarm=True)]))
    for minute in range(1, 30):
        stage.observe(verdict(minute, [column(AGE), column(AMOUNT, alarm=minute == 29)]))
    (state,) = json.loads(json.dumps(list(stage.to_state().values())))
    del state["calibrating"]
    for incident in (*state["open"], *state["ended"]):
        del incident["evidence"], incident["threshold"]
    for member in state["open"][0]["members"]:
        del member["evidence"]
    for suspect in state["ended"][0]["suspects"]:
        del suspect["log10_evidence"]
    restored = stage_of(SHORT)
    restored.restore({FRAUD: state})
    assert [incident.state for incident in restored.incidents(FRAUD, START)] == ["firing", "resolved"]
    assert restored.incidents(FRAUD, START) == stage.incidents(FRAUD, START)
    assert restored.to_state() == stage.to_state()


@settings(max_examples=25)
@given(seed=SEEDS)
def test_every_incident_fires_once_first_and_ends_once_last(seed: int) -> None:
    """The events of an incident are: firing, any number of updates, then at most one end; ids never repeat."""
    stage = stage_of(SHORT)
    events = [event for told in history_of(seed) for event in stage.observe(told)]
    assert len({event.id for event in events}) == len(events)
    lives: dict[str, list[str]] = {}
    for event in events:
        lives.setdefault(event.body["data"]["incident"], []).append(event.type.split(".")[3])
    for life in lives.values():
        assert life[0] == "firing"
        assert set(life[1:-1]) <= {"updated"}
        assert life[-1] in {"firing", "updated", "resolved", "superseded"}
    still_open = {i.id for m in MONITORS for i in stage.incidents(m, START) if i.state == "firing"}
    assert still_open == {name for name, life in lives.items() if life[-1] in {"firing", "updated"}}


@settings(max_examples=25)
@given(seed=SEEDS)
def test_column_is_in_one_open_incident_at_most(seed: int) -> None:
    """No two open incidents of a monitor share a column, and none is without columns."""
    stage = stage_of(SHORT)
    for told in history_of(seed):
        stage.observe(told)
        open_ones = [i for i in stage.incidents(told.monitor, told.window.end_ms) if i.state == "firing"]
        keys = [suspect.key for incident in open_ones for suspect in incident.suspects]
        assert len(set(keys)) == len(keys)
        assert all(incident.suspects for incident in open_ones)
