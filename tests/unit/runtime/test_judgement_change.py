"""Changed settings take effect where nothing has been read of, over restarts too; old ones go when none needs them."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from runtime_doubles import (
    DRIFTED,
    MINUTE,
    P0,
    P1,
    START,
    TOPIC,
    batch,
    book_of,
    config_of,
    event,
    minutes,
    pipeline_of,
    profile,
)

from driftd.config.judgement import Judgement, judgement_of
from driftd.runtime.pipeline import Outcome, Pipeline
from driftd.runtime.records import restore, to_records
from driftd.values.part import Ledger
from driftd.values.state import State

SILENT: dict[str, Any] = {"incidents": {"page_on": []}}
TOLD: dict[str, Any] = {"incidents": {"page_on": ["psi>1"]}}


def judgement(sections: Mapping[str, Any]) -> Judgement:
    """Return what of a configuration decides verdicts."""
    return judgement_of(config_of(**sections))


def reading(*sources: Ledger, sections: Mapping[str, Any] = SILENT) -> Pipeline:
    """A pipeline that has begun to read."""
    pipeline = pipeline_of(config_of(**sections), book_of())
    pipeline.start(sources or [Ledger(P0, 0, 0)], 0)
    return pipeline


def through_json(records: Mapping[str, State]) -> dict[str, State]:
    """Return records as a snapshot gives them back."""
    read: dict[str, State] = orjson.loads(orjson.dumps(records, option=orjson.OPT_SORT_KEYS))
    return read


def restarted(pipeline: Pipeline, sections: Mapping[str, Any], records: Mapping[str, State] | None = None) -> Pipeline:
    """A pipeline of another configuration that takes up the memory of one before."""
    other = pipeline_of(config_of(**sections), book_of())
    ledgers = restore(other, through_json(records or to_records(pipeline)), {TOPIC}, 0)
    other.adopt_judgement(judgement(sections))
    other.start(ledgers, 0)
    return other


def spoken(outcome: Outcome) -> list[tuple[int, bool]]:
    """The windows of an outcome: start in minutes after START, and whether anything that pages spoke."""
    return [
        ((v.window.start_ms - START) // MINUTE, any(column.speaking for column in v.columns)) for v in outcome.verdicts
    ]


@given(st.lists(st.integers(0, 3_600), min_size=1, max_size=10), st.sampled_from(["0s", "1s", "45s", "10m"]))
def test_new_settings_are_in_force_from_the_next_window_later_than_everything_read(
    seconds: Sequence[int], lateness: str
) -> None:
    """No window that has an event already is judged by them, whatever may come late."""
    pipeline = reading(sections={"windows": {"lateness": lateness}, **SILENT})
    pipeline.read(batch(event(second) for second in seconds), 0)
    from_ms = (START + max(seconds) * 1000) // MINUTE * MINUTE + MINUTE
    assert from_ms == pipeline.adopt_judgement(judgement(TOLD))
    assert [(None, judgement(SILENT)), (from_ms, judgement(TOLD))] == list(pipeline.judgements.sets)


def test_settings_that_judge_alike_change_nothing() -> None:
    """Nothing is put in force anew, and nobody is told that it was."""
    pipeline = reading()
    pipeline.read(batch([event(0)]), 0)
    assert pipeline.adopt_judgement(judgement({**SILENT, "windows": {"lateness": "1h"}})) is None
    assert 1 == len(pipeline.judgements.sets)


def test_before_the_first_event_new_settings_hold_for_all() -> None:
    """Nothing has been read, so nothing can be split."""
    pipeline = reading()
    pipeline.adopt_judgement(judgement(TOLD))
    outcome = pipeline.read(batch(minutes(0, 2, amount=DRIFTED)), 0)
    outcome.extend(pipeline.finish(0))
    assert [(0, True), (1, True)] == spoken(outcome)


def test_each_window_is_judged_by_one_configuration() -> None:
    """Windows begun before the change keep the old one, with what comes for them after it."""
    pipeline = reading()
    outcome = pipeline.read(batch(minutes(0, 2, amount=DRIFTED)), 0)
    pipeline.adopt_judgement(judgement(TOLD))
    outcome.extend(pipeline.read(batch(minutes(1, 4, amount=DRIFTED), first=40), 0))
    outcome.extend(pipeline.finish(0))
    assert [(0, False), (1, False), (2, True), (3, True)] == spoken(outcome)
    assert [20, 40, 20, 20] == [v.events for v in outcome.verdicts]


def test_a_restart_with_other_settings_judges_what_was_read_by_the_old_ones() -> None:
    """The snapshot tells by what; also where the process ends once more before a window has closed."""
    first = reading()
    outcome = first.read(batch(minutes(0, 2, amount=DRIFTED)), 0)
    second = restarted(first, TOLD)
    third = restarted(second, TOLD)
    assert first.rewinds() == third.rewinds() == {P0: 20}
    outcome.extend(third.read(batch(minutes(1, 4, amount=DRIFTED), first=20), 0))
    outcome.extend(third.finish(0))
    assert [(0, False), (1, False), (2, True), (3, True)] == spoken(outcome)


def test_a_shorter_lateness_does_not_hide_what_was_read() -> None:
    """A watermark of before lags further behind the newest event than one of today."""
    first = reading(sections={"windows": {"lateness": "10m"}, **SILENT})
    first.read(batch(minutes(0, 10)), 0)
    second = restarted(restarted(first, SILENT), TOLD)
    assert START + 10 * MINUTE == second.judgements.sets[-1].from_ms
    assert START + 10 * MINUTE == second.adopt([profile(values=10)])


def test_settings_taken_back_before_their_window_were_never_in_force() -> None:
    """A restart with a mistake, and one without it, leave no trace where nothing was read in between."""
    first = reading()
    first.read(batch(minutes(0, 2)), 0)
    mistaken = restarted(first, TOLD)
    assert 2 == len(mistaken.judgements.sets)
    assert to_records(first)["judgement"] == to_records(restarted(mistaken, SILENT))["judgement"]


def test_after_a_snapshot_that_does_not_tell_todays_settings_hold_from_the_beginning() -> None:
    """The first release judged all windows by the configuration of the process."""
    first = reading()
    outcome = first.read(batch(minutes(0, 2, amount=DRIFTED)), 0)
    records = {name: record for name, record in to_records(first).items() if name != "judgement"}
    second = restarted(first, TOLD, records)
    outcome.extend(second.read(batch(minutes(1, 3, amount=DRIFTED), first=20), 0))
    outcome.extend(second.finish(0))
    assert [(0, False), (1, True), (2, True)] == spoken(outcome)
    assert [(None, judgement(TOLD))] == list(second.judgements.sets)


def test_a_judgement_goes_when_its_windows_have_closed() -> None:
    """Not before; the snapshot then holds the newest alone."""
    pipeline = reading()
    pipeline.read(batch(minutes(0, 2)), 0)
    pipeline.adopt_judgement(judgement(TOLD))
    pipeline.forget_judgements()
    assert 2 == len(pipeline.judgements.sets)
    pipeline.read(batch([event(60 * 2)], first=40), 0)
    pipeline.forget_judgements()
    assert [(START + 2 * MINUTE, judgement(TOLD))] == list(pipeline.judgements.sets)


def test_nothing_is_forgotten_before_a_window_has_closed() -> None:
    """While a partition has given nothing yet, all that the others gave waits to be judged."""
    pipeline = reading(Ledger(P0, 0, 0), Ledger(P1, 0, 0))
    pipeline.read(batch(minutes(0, 2)), 0)
    pipeline.adopt_judgement(judgement(TOLD))
    pipeline.read(batch(minutes(3, 4), first=40), 0)
    pipeline.forget_judgements()
    assert 2 == len(pipeline.judgements.sets)


def test_settings_that_change_while_all_is_quiet_hold_from_the_next_window() -> None:
    """Every window is closed, the settings before are forgotten, and a second change takes the first one's place."""
    pipeline = reading()
    pipeline.read(batch(minutes(0, 2, amount=DRIFTED)), 0)
    pipeline.adopt_judgement(judgement({"incidents": {"page_on": ["ks>0.9"]}}))
    pipeline.finish(0)
    pipeline.forget_judgements()
    pipeline.adopt_judgement(judgement(TOLD))
    outcome = pipeline.read(batch(minutes(2, 4, amount=DRIFTED), first=40), 0)
    outcome.extend(pipeline.finish(0))
    assert [(2, True), (3, True)] == spoken(outcome)
    assert [(START + 2 * MINUTE, judgement(TOLD))] == list(pipeline.judgements.sets)
