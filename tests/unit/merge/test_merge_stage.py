"""The merge stage: expiry between windows, recounted partitions, marks of gaps."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import orjson

from driftd.merge.stage import MergeStage
from driftd.references.profile import ColumnProfile, Profile
from driftd.values.closed import ClosedWindow, Closing, Expired
from driftd.values.keys import ColumnKey, Kind, MonitorKey, Role, SourcePartition
from driftd.values.layout import sums_to_bytes
from driftd.values.part import Gap, Ledger, Part, PartKey
from driftd.values.settings import LimitSettings, WindowSettings
from driftd.values.windows import Window

MINUTE = 60_000
P0, P1 = SourcePartition("t", 0), SourcePartition("t", 1)
FRAUD, ADS = MonitorKey("fraud", "1"), MonitorKey("ads", "1")
COLUMN = ColumnProfile(ColumnKey(Role.FEATURE, "x"), Kind.NUMERIC, 4, 0, 0, (1,) * 4, (0.0, 1.0, 2.0), (0, 1, 2, 3))
PROFILES = {name: Profile(name, "1", 4, (COLUMN,), binning_id="b", reference_id=name) for name in ("fraud", "ads")}


def stage(**limits: object) -> MergeStage:
    """A stage that waits for nobody late, and for each partition five seconds."""
    windows = {"duration": "60s", "lateness": "0s", "idle_timeout": "5s", "min_observations": 1, "max_span": "5m"}
    return MergeStage(
        WindowSettings.model_validate(windows),
        LimitSettings.model_validate({"expire_after": "10m", **limits}),
        PROFILES.get,
    )


def part(minute: int, events: int, last_offset: int = 0, source: SourcePartition = P0, key: MonitorKey = FRAUD) -> Part:
    """So many events in the minute that starts then."""
    window = Window(minute * MINUTE, (minute + 1) * MINUTE)
    sums = sums_to_bytes(np.array([events, 0, 0, 0, events, 0, 0, 0]))
    return Part(PartKey(key, window, source, "s"), key.model, 0, last_offset, events, sums, window.start_ms)


def ledger(source: SourcePartition, minute: int, position: int = 1, **more: object) -> Ledger:
    """A ledger whose watermark is so many minutes after the epoch."""
    return replace(Ledger(source, position, 0, watermark_ms=minute * MINUTE), **more)  # type: ignore[arg-type]


def told(closings: Iterable[Closing]) -> list[tuple[str, int]]:
    """What was closed or expired, with the minute of its end."""
    return [
        (f"{c.monitor.model} expired", c.at_ms // MINUTE)
        if isinstance(c, Expired)
        else (c.monitor.model, c.window.end_ms // MINUTE)
        for c in closings
    ]


def restored(merge: MergeStage, **limits: object) -> MergeStage:
    """A fresh stage with the memory of another, through JSON."""
    other = stage(**limits)
    other.restore(orjson.loads(orjson.dumps(merge.to_state())), merge.ledgers.values(), 0)
    return other


def test_monitor_expires_between_the_windows_of_others() -> None:
    """By event time, in whatever leaps it comes; before the windows that end at the same moment."""
    merge = stage()
    merge.receive([part(0, 1), *(part(minute, 1, key=ADS) for minute in range(14))], ledger(P0, 14), 0)
    closings = told(merge.close_passed())
    assert closings[:3] == [("ads", 1), ("fraud", 1), ("ads", 2)]
    assert closings[11:] == [("ads", 11), ("fraud expired", 12), ("ads", 12), ("ads", 13), ("ads", 14)]
    assert merge.monitors == {ADS}


def test_monitor_expires_where_nothing_else_is_closed() -> None:
    """The last one of all goes too, once event time has come so far."""
    merge = stage()
    merge.receive([part(0, 1)], ledger(P0, 1), 0)
    merge.close_passed()
    merge.receive([], ledger(P0, 30, 2), 0)
    assert told(merge.close_passed()) == [("fraud expired", 12)]
    assert merge.to_state()["monitors"] == []


def test_monitor_that_comes_back_begins_anew() -> None:
    """What it had carried over is gone with it, and is not told as starved."""
    merge = stage()
    merge.windows = merge.windows.model_copy(update={"min_observations": 2})
    merge.receive([part(0, 1)], ledger(P0, 1), 0)
    merge.receive([part(20, 1, 5)], ledger(P0, 21, 6), 0)
    closings = merge.close_passed()
    assert told(closings) == [("fraud", 1), ("fraud expired", 12), ("fraud", 21)]
    assert [c.starved for c in closings if isinstance(c, ClosedWindow)] == [(), ()]


def test_expiry_is_remembered_over_a_restart() -> None:
    """How long a monitor has been silent does not start anew."""
    merge = stage()
    merge.receive([part(0, 1)], ledger(P0, 8), 0)
    merge.close_passed()
    merge = restored(merge)
    merge.receive([], ledger(P0, 12, 2), 0)
    assert told(merge.close_passed()) == [("fraud expired", 12)]


def test_event_time_at_the_end_of_the_input_is_the_same_for_each_shard() -> None:
    """It is that of the newest event read, whatever models a stage has parts of."""
    one, other = stage(), stage()
    one.receive([part(3, 1)], ledger(P0, 3), 0)
    other.receive([], ledger(P0, 3), 0)
    one.finish()
    other.finish()
    assert one.frontier_ms == other.frontier_ms == 4 * MINUTE


def test_recounted_parts_take_the_place_of_what_was_handed_on_before() -> None:
    """Also where they hold less, and reach no higher offset."""
    merge = stage()
    merge.receive([part(0, 9, last_offset=20), part(1, 4, last_offset=21)], ledger(P0, 0), 0)
    merge.recount(P0, [part(0, 2, last_offset=20)])
    merge.receive([part(0, 2, last_offset=20)], ledger(P0, 2), 0)
    closed = [c for c in merge.close_passed() if isinstance(c, ClosedWindow)]
    assert [(c.window.start_ms, c.events) for c in closed] == [(0, 2)]
    assert merge.accounts.kept == {}


def closed_early(events: int = 9) -> MergeStage:
    """A stage that closed the first minute without P0, which had given so many events of it."""
    merge = stage()
    merge.expect([P0, P1], 0)
    merge.receive([part(0, events)], ledger(P0, 0, drained=True), 0)
    merge.receive([], ledger(P1, 5), 0)
    for now_ms in range(0, 20_000, 1_000):
        merge.close_timed_out(now_ms, frozenset())
    assert merge.accounts.observed == {"t": events}
    return merge


def test_what_a_closed_window_had_is_not_lost() -> None:
    """The ledger counts it as lost, since it cannot be summed again; it was observed before."""
    merge = closed_early()
    merge.recount(P0, [part(0, 2)])
    merge.receive([part(0, 2)], ledger(P0, 0, lost=7), 0)
    assert (merge.accounts.kept, merge.accounts.late) == ({"t": 7}, {})


def test_what_comes_for_a_closed_window_after_a_loss_is_late() -> None:
    """Each event of it: the lost ones leave no room that new ones could fall into."""
    merge = closed_early()
    merge.recount(P0, [part(0, 2)])
    merge.receive([part(0, 5, last_offset=30)], ledger(P0, 1, lost=7), 0)
    assert merge.accounts.late == {"t": 3}


def test_a_ledger_that_does_not_know_what_was_open_counts_nothing_as_lost() -> None:
    """Nor is anything kept then: it is the first release's."""
    merge = closed_early()
    merge.ledgers[P0] = replace(merge.ledgers[P0], open_events=None)
    merge.recount(P0, [part(0, 2)])
    assert merge.accounts.kept == {}


def marked(merge: MergeStage, until: int) -> list[int]:
    """Close the first so many minutes; return those that are incomplete."""
    merge.receive([part(minute, 1) for minute in range(until)], ledger(P0, until, 9), 0)
    closed = [c for c in merge.close_passed() if isinstance(c, ClosedWindow)]
    assert [c.window.start_ms // MINUTE for c in closed] == [*range(until)]
    return [c.window.start_ms // MINUTE for c in closed if c.incomplete]


def test_windows_that_may_lack_records_are_incomplete() -> None:
    """From the first that had not passed to the one of the latest event time that can be lost."""
    merge = stage()
    merge.receive([], ledger(P0, 0, gap=Gap(2 * MINUTE, 4 * MINUTE)), 0)
    assert marked(merge, 8) == [2, 3, 4]


def test_gap_covers_everything_to_come_until_an_event_was_read_behind_it() -> None:
    """Its end is told later; its beginning stays."""
    merge = stage()
    merge.receive([], ledger(P0, 0, gap=Gap(2 * MINUTE, None)), 0)
    assert marked(restored(merge), 8) == [2, 3, 4, 5, 6, 7]
    merge.receive([], ledger(P0, 0, gap=Gap(2 * MINUTE, 3 * MINUTE)), 0)
    assert marked(restored(merge), 8) == [2, 3]


def test_gaps_are_forgotten_when_their_windows_are_closed() -> None:
    """One that is not bounded yet stays."""
    merge = stage()
    merge.receive([], ledger(P0, 0, gap=Gap(None, 3 * MINUTE)), 0)
    marked(merge, 4)
    assert merge.to_state()["gaps"] == []
    merge.receive([], ledger(P0, 5, 10, gap=Gap(5 * MINUTE, None)), 0)
    merge.close_passed()
    assert merge.to_state()["gaps"] == [[["t", 0], [[5 * MINUTE, None]]]]
