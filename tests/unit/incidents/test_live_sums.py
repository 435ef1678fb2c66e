"""The sums since a monitor's columns changed: which windows are in them."""

from collections.abc import Iterable

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st
from incident_verdicts import AGE, AMOUNT, FRAUD, MINUTE, START, alarm, column, effect, quiet, stage_of, verdict

from driftd.incidents.live import NEWEST_KEPT, LiveStage
from driftd.incidents.stage import IncidentStage
from driftd.values.closed import ClosedWindow
from driftd.values.hashing import text_hash
from driftd.values.layout import sums_to_bytes
from driftd.values.part import UnseenCategory
from driftd.values.windows import Window


def closed(minute: int, *, reference_id: str = "r1", summary_id: str = "s", texts: Iterable[str] = ()) -> ClosedWindow:
    """The window of a minute: its only sum is 2 to the power of the minute, so that a total names its windows."""
    start_ms = START + minute * MINUTE
    return ClosedWindow(
        FRAUD,
        Window(start_ms, start_ms + MINUTE),
        reference_id,
        summary_id,
        10,
        incomplete=False,
        sources=(),
        columns=(),
        sums=sums_to_bytes(np.array([2**minute], dtype=np.int64)),
        unseen=tuple(sorted(UnseenCategory(0, text_hash(text), text, 1) for text in texts)),
    )


def settled(minute: int) -> int:
    """The start of a minute's window."""
    return START + minute * MINUTE


def minutes_in(stage: LiveStage) -> list[int]:
    """The minutes whose windows were gathered."""
    gathered = stage.gathered(FRAUD)
    if gathered is None:
        return []
    total = int(gathered.vector[0])
    found = [minute for minute in range(total.bit_length()) if total >> minute & 1]
    assert (gathered.windows, gathered.events) == (len(found), 10 * len(found))
    assert (gathered.start_ms, gathered.end_ms) == (settled(found[0]), settled(found[-1] + 1))
    return found


def observed(stage: LiveStage, minutes: range, settled_ms: int | None) -> LiveStage:
    """Let windows pass."""
    for minute in minutes:
        stage.observe(closed(minute), settled_ms)
    return stage


def test_nothing_is_gathered_while_nothing_is_open() -> None:
    """A quiet monitor has nothing to accept."""
    assert minutes_in(observed(LiveStage(), range(5), None)) == []


def test_windows_between_onset_and_page_are_in() -> None:
    """The page came three windows after the onset: all since the onset are gathered, and those that follow."""
    stage = observed(LiveStage(), range(10), None)
    observed(stage, range(10, 14), settled(7))
    assert minutes_in(stage) == list(range(7, 14))


def test_an_older_onset_gets_what_is_kept() -> None:
    """Of an onset further back the newest twelve windows remain."""
    stage = observed(LiveStage(), range(29), None)
    observed(stage, range(29, 31), settled(2))
    assert minutes_in(stage) == list(range(30 - NEWEST_KEPT, 31))


def test_a_later_change_begins_anew() -> None:
    """What was gathered before it is of another level; an earlier one changes nothing."""
    stage = observed(LiveStage(), range(20), settled(5))
    observed(stage, range(20, 22), settled(18))
    assert minutes_in(stage) == [18, 19, 20, 21]
    observed(stage, range(22, 23), settled(3))
    assert minutes_in(stage) == [18, 19, 20, 21, 22]


def test_the_end_of_all_incidents_ends_it() -> None:
    """The next incident begins with what is kept, not with what was gathered."""
    stage = observed(LiveStage(), range(20), settled(1))
    observed(stage, range(20, 21), None)
    assert minutes_in(stage) == []


def test_another_reference_begins_anew() -> None:
    """Sums against two references never meet."""
    stage = observed(LiveStage(), range(5), settled(0))
    stage.observe(closed(5, reference_id="r2"), settled(0))
    assert minutes_in(stage) == [5]


def test_pieces_of_one_window_are_one_window() -> None:
    """Two topics that are read differently give a window in two pieces."""
    stage = LiveStage()
    for minute in range(3):
        for summary in ("s", "t"):
            stage.observe(closed(minute, summary_id=summary), settled(1))
    gathered = stage.gathered(FRAUD)
    assert gathered is not None
    assert (gathered.windows, gathered.events, int(gathered.vector[0])) == (2, 40, 2 * (2 + 4))


def test_unseen_texts_are_merged() -> None:
    """Each with its exact count."""
    stage = LiveStage()
    for minute, texts in enumerate((["XX"], ["XX", "YY"])):
        stage.observe(closed(minute, texts=texts), settled(0))
    gathered = stage.gathered(FRAUD)
    assert gathered is not None
    assert {category.text: category.events for category in gathered.unseen} == {"XX": 2, "YY": 1}


def test_an_expired_monitor_is_forgotten() -> None:
    """Nothing of it remains."""
    stage = observed(LiveStage(), range(5), settled(0))
    stage.forget(FRAUD)
    assert (stage.gathered(FRAUD), stage.to_state()) == (None, {})


@given(st.lists(st.one_of(st.none(), st.integers(0, 40)), min_size=1, max_size=40), st.data())
def test_a_restart_changes_nothing(changes: list[int | None], data: st.DataObject) -> None:
    """Whenever the memory is written and read back, it is the same to the byte ever after."""
    restart = data.draw(st.integers(0, len(changes)))
    one, other = LiveStage(), LiveStage()
    for minute, change in enumerate(changes):
        if minute == restart:
            state = {key: orjson.loads(orjson.dumps(memory)) for key, memory in other.to_state().items()}
            other = LiveStage()
            other.restore(state)
        for stage in (one, other):
            stage.observe(closed(minute, texts=["XX"]), None if change is None else settled(change))
        assert one.to_state() == other.to_state()
        assert minutes_in(one) == minutes_in(other)


def known(stage: IncidentStage) -> int | None:
    """Since when, in minutes."""
    since_ms = stage.settled_ms(FRAUD)
    return None if since_ms is None else (since_ms - START) // MINUTE


def test_settled_with_the_newest_onset() -> None:
    """Of the suspects of all open incidents, whichever incident they are in."""
    stage = stage_of()
    assert known(stage) is None
    quiet(stage, range(20), AMOUNT, AGE)
    stage.observe(verdict(20, [column(AMOUNT, alarm=True, of=effect(onset_ms=settled(17))), column(AGE)]))
    assert known(stage) == 17
    stage.observe(verdict(21, [column(AGE, alarm=True, of=effect(onset_ms=settled(19)))]))
    assert known(stage) == 19


def test_settled_when_a_column_that_left_was_last_spoken_about() -> None:
    """Its way there and back is not what the others look like now; when all have left nothing is open."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT, AGE)
    for minute in range(1, 90):
        stage.observe(verdict(minute, [column(AMOUNT, level=True), column(AGE, level=minute <= 5)]))
    assert known(stage) == 6
    restored = stage_of()
    restored.restore(stage.to_state())
    assert known(restored) == 6
    quiet(stage, range(90, 160), AMOUNT, AGE)
    assert known(stage) is None


def test_memory_of_an_earlier_release_is_read() -> None:
    """It did not keep who had left: the onsets remain."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    state = stage.to_state()
    del state[FRAUD]["released_ms"]
    restored = stage_of()
    restored.restore(state)
    assert known(restored) == known(stage) == 0
