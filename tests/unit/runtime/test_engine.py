"""The order of effects, and what a restart takes up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runtime_doubles import DRIFTED, MINUTE, P0, P1, START, TOPIC, Bench, Receiver, batch, config_of, event, minutes

from driftd.errors import ConfigurationError
from driftd.runtime import outbox as outbox_module
from driftd.runtime.effects import Discovery, Lost
from driftd.runtime.engine import AttentiveClock
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger


@given(st.lists(st.integers(-(10**6), 10**6), max_size=20))
def test_attentive_time_never_falls_nor_leaps(steps: list[int]) -> None:
    """Whatever the monotonic clock says, a turn counts for as long as it took, within 0 and one second."""
    clock = AttentiveClock(0)
    reading = expected = 0
    for step in steps:
        reading += step
        expected += min(max(step, 0), 1_000)
        assert expected == clock.turn(reading)


def test_a_stall_counts_for_a_second_and_a_clock_set_back_for_nothing() -> None:
    """Our own pauses are nobody's silence."""
    clock = AttentiveClock(5_000)
    assert clock.turn(5_400) == 400
    assert clock.turn(3_600_000) == 1_400
    assert clock.turn(1_000) == 1_400
    assert clock.turn(1_250) == 1_650


def test_time_that_stands_still_does_not_count_later() -> None:
    """What passes while nothing may be read is never counted."""
    clock = AttentiveClock(0)
    assert clock.stand_still(700) == 0
    assert clock.turn(900) == 200


def test_snapshot_comes_before_delivery_and_delivery_before_commit() -> None:
    """What is told is in a snapshot already; the positions committed are those saved."""
    bench = Bench()
    bench.turn(batch(minutes(0, 3)))
    bench.engine.checkpoint(bench.now_ms)
    assert bench.notes.effects == ["witness", "save", "deliver", "commit"]
    saved = bench.notes.saved[0]
    assert saved["outbox"] == {"events": [], "windows": bench.lines, "waiting": {}}
    assert len(bench.lines) == 4  # two columns of two windows
    assert bench.notes.committed == [{P0: saved["sources"]["ledgers"][0]["position"]}]
    assert saved["owner"] == {"witnessed": 1}


def test_drift_event_does_not_wait_for_the_regular_checkpoint() -> None:
    """The turn that finds drift also saves and tells it."""
    bench = Bench()
    bench.turn(batch(minutes(0, 1, amount=DRIFTED)))
    assert bench.notes.effects == []
    bench.turn(batch([event(61)], first=20))
    assert bench.notes.effects == ["witness", "save", "deliver", "commit"]
    assert [event["type"] for event in bench.events] == ["io.driftd.incident.firing.v1"]


def test_window_lines_wait_for_the_regular_checkpoint() -> None:
    """Without a drift event nothing is urgent; at the interval everything is told."""
    bench = Bench(checkpoint_ms=1_000)
    bench.turn(batch(minutes(0, 3)), after_ms=500)
    assert bench.notes.effects == ["witness"]
    bench.turn(after_ms=499)
    assert bench.notes.effects == ["witness"]
    bench.turn(after_ms=1)
    assert bench.notes.effects == ["witness", "save", "deliver", "commit"]


def test_many_window_lines_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox is bounded."""
    monkeypatch.setattr(outbox_module, "MOST_LINES_WAITING", 3)
    bench = Bench()
    bench.turn(batch(minutes(0, 2)))
    assert bench.lines == []
    bench.turn(batch(minutes(2, 3), first=40))
    assert len(bench.lines) == 4


def test_lines_nobody_wants_are_not_made() -> None:
    """Without --windows-out the outbox holds drift events only."""
    bench = Bench(wants_windows=False)
    bench.turn(batch(minutes(0, 3)))
    bench.engine.checkpoint(bench.now_ms)
    assert bench.notes.saved[0]["outbox"] == {"events": [], "windows": [], "waiting": {}}
    assert bench.notes.delivered == []


def test_window_closed_by_time_out_is_saved_at_once() -> None:
    """It depends on the clock, so it is in a snapshot before anybody may see it."""
    bench = Bench(ledgers=[Ledger(P0, 0, 0), Ledger(P1, 0, 0)])
    bench.turn(batch(minutes(0, 2)), batch([], source=P1, drained=True))
    for _ in range(4):
        bench.turn(after_ms=1_000)
    assert bench.notes.effects == []
    for _ in range(3):
        bench.turn(after_ms=1_000)
    assert bench.notes.effects == ["witness", "save", "deliver", "commit"]
    assert {line["incomplete"] for line in bench.lines} == {True}


def test_commit_is_repeated_when_nothing_is_new() -> None:
    """It also tells other instances that this one is alive; the snapshot is not written for it."""
    bench = Bench(checkpoint_ms=1_000)
    bench.turn(batch(minutes(0, 1)), after_ms=1_000)
    assert bench.notes.effects == ["save", "commit"]
    bench.turn(after_ms=1_000)
    assert bench.notes.effects == ["save", "commit", "commit"]
    assert bench.notes.committed[0] == bench.notes.committed[1] == {P0: 20}


def test_nothing_is_told_while_nothing_can_be_saved() -> None:
    """A store that fails stops delivery, commits and reading, not the engine; then all is told once."""
    bench = Bench(checkpoint_ms=1_000)
    bench.store.broken = True
    bench.turn(batch(minutes(0, 2, amount=DRIFTED)))
    bench.turn()
    assert (bench.notes.effects, len(bench.notes.complaints)) == (["witness"], 1)
    assert bench.notes.paused == [frozenset({P0})]
    bench.turn(after_ms=1_000)
    assert len(bench.notes.complaints) == 2
    bench.store.broken = False
    bench.turn(after_ms=1_000)
    assert bench.notes.effects == ["witness", "save", "deliver", "commit"]
    assert len(bench.events) == 1
    bench.turn()
    assert bench.notes.paused[-1] == frozenset()


def test_store_that_fails_is_not_pressed() -> None:
    """Whatever comes to light, it is tried again at the regular interval only."""
    bench = Bench(checkpoint_ms=1_000)
    bench.store.broken = True
    bench.turn(batch(minutes(0, 1, amount=DRIFTED)), after_ms=1_000)
    bench.turn(batch([event(61)], first=20))
    assert [bool(outcome.events) for outcome in bench.notes.witnessed] == [True]
    assert len(bench.notes.complaints) == 1


def test_while_nothing_can_be_saved_no_partition_grows_silent() -> None:
    """What is not read for our sake is not taken for silence: no window is closed without a partition."""
    bench = Bench(ledgers=[Ledger(P0, 0, 0), Ledger(P1, 0, 0)])
    bench.store.broken = True
    last_of_p1 = batch([event(65)], source=P1, drained=True)
    bench.turn(batch([*minutes(0, 1, amount=DRIFTED), event(125)]), last_of_p1)
    assert len(bench.notes.witnessed) == 1
    for _ in range(20):
        bench.turn(after_ms=1_000)
    assert len(bench.notes.witnessed) == 1


def test_stop_leaves_nothing_to_deliver() -> None:
    """The last snapshot holds everything, and an empty outbox."""
    bench = Bench()
    bench.turn(batch(minutes(0, 3)))
    bench.engine.stop(bench.now_ms)
    assert bench.notes.effects == ["witness", "save", "deliver", "commit", "save", "commit"]
    assert [bool(saved["outbox"]["windows"]) for saved in bench.notes.saved] == [True, False]


def test_stop_that_cannot_save_gives_up() -> None:
    """It tells nothing, and ends."""
    bench = Bench()
    bench.store.broken = True
    bench.turn(batch(minutes(0, 3)))
    bench.engine.stop(bench.now_ms)
    assert (bench.notes.effects, len(bench.notes.complaints)) == (["witness"], 1)


def test_finish_closes_every_window() -> None:
    """The end of the input leaves nothing open; what it closed is told at the next checkpoint."""
    bench = Bench()
    bench.turn(batch(minutes(0, 3)))
    bench.engine.finish(bench.now_ms)
    bench.engine.stop(bench.now_ms)
    assert {line["window"]["start_ms"] for line in bench.lines} == {START + at * MINUTE for at in range(3)}


def test_restart_first_delivers_what_the_snapshot_still_holds() -> None:
    """A kill between saving and delivering repeats the documents, the same to the byte."""
    former = Bench()
    former.turn(batch(minutes(0, 2, amount=DRIFTED)))
    bench = Bench(snapshot=former.notes.saved[0])
    assert bench.notes.effects == ["deliver"]
    assert (bench.events, bench.lines) == (former.events, former.lines)
    bench.engine.checkpoint(0)
    assert bench.notes.saved[0]["outbox"] == {"events": [], "windows": [], "waiting": {}}


def test_restart_goes_on_as_if_nothing_had_been() -> None:
    """The same records then give the same documents; nothing is counted twice."""
    log = [*minutes(0, 4), *minutes(4, 6, amount=DRIFTED), *minutes(6, 8)]
    undisturbed = Bench()
    undisturbed.turn(batch(log))
    undisturbed.engine.stop(undisturbed.now_ms)
    former = Bench()
    former.turn(batch(log[:70]))
    former.engine.stop(former.now_ms)
    bench = Bench(snapshot=former.notes.saved[-1])
    rewind = bench.engine.pipeline.ledgers[P0].rewind
    assert rewind == 60
    bench.turn(batch(log[rewind:], first=rewind))
    bench.engine.stop(bench.now_ms)
    assert undisturbed.events == former.events + bench.events
    assert undisturbed.lines == former.lines + bench.lines
    assert undisturbed.notes.saved[-1] == {**bench.notes.saved[-1], "owner": undisturbed.notes.saved[-1]["owner"]}


def test_new_partition_is_read_from_where_it_was_found() -> None:
    """It is taken on at its start, in the turn that finds it, and that is saved."""
    bench = Bench()
    bench.source.found.append(Discovery({P1: 7}, frozenset()))
    bench.turn(batch(minutes(0, 1)))
    assert bench.engine.pipeline.ledgers[P1] == Ledger(P1, 7, 7)
    bench.engine.checkpoint(bench.now_ms)
    assert bench.notes.committed == [{P0: 20, P1: 7}]


@pytest.mark.parametrize("first", [0, 41])
def test_partition_without_a_leader_at_the_restart_is_judged_by_its_ledger(first: int) -> None:
    """When it is found again its first records are read again, and not counted again, neither as read nor late."""
    log = [*minutes(0, 2), event(1), *minutes(2, 3)]  # one comes late
    former = Bench(ledgers=[Ledger(P0, 0, 0), Ledger(P1, 0, 0)])
    former.turn(batch(log), batch(log, source=P1))
    former.engine.stop(former.now_ms)
    ledger = former.engine.pipeline.ledgers[P1]
    assert (ledger.read, ledger.late, ledger.rewind) == (61, 1, 41)
    bench = Bench(snapshot=former.notes.saved[-1], ledgers=[former.engine.pipeline.ledgers[P0]])
    bench.source.found.append(Discovery({P1: first}, frozenset()))
    bench.turn()
    bench.turn(batch([*log, event(181)][first:], first=first, source=P1), batch([*log[41:], event(182)], first=41))
    now = bench.engine.pipeline.ledgers[P1]
    assert (now.read, now.late, now.position) == (62, 1, 62)
    bench.engine.stop(bench.now_ms)
    assert [line["events"] for line in bench.lines] == [40, 40]  # the third window, of both partitions
    assert bench.engine.pipeline.shards[0].merge.accounts.late.total() == 0


def test_partition_that_is_not_back_yet_is_waited_for() -> None:
    """Its windows do not close without it as long as nothing says that it cannot be reached."""
    former = Bench(ledgers=[Ledger(P0, 0, 0), Ledger(P1, 0, 0)])
    former.turn(batch(minutes(0, 2)), batch(minutes(0, 2), source=P1))
    former.engine.stop(former.now_ms)
    bench = Bench(snapshot=former.notes.saved[-1], ledgers=[former.engine.pipeline.ledgers[P0]])
    bench.turn(batch(minutes(1, 4), first=20))
    for _ in range(30):
        bench.turn(after_ms=1_000)
    assert bench.notes.witnessed == []


def test_topic_that_is_no_longer_read_holds_nothing_back() -> None:
    """Its partitions are not waited for or committed; their ledgers are kept for when it is read again."""
    former = Bench(ledgers=[Ledger(P0, 0, 0)])
    former.turn(batch(minutes(0, 2)))
    former.engine.stop(former.now_ms)
    renamed = SourcePartition("other", 0)
    bench = Bench(
        snapshot=former.notes.saved[-1],
        topics=frozenset({"other"}),
        ledgers=[Ledger(renamed, 0, 0)],
        topic="other",
    )
    bench.turn(batch(minutes(1, 4), source=renamed))
    bench.engine.checkpoint(bench.now_ms)
    assert {line["window"]["start_ms"] for line in bench.lines} == {START + MINUTE, START + 2 * MINUTE}
    assert bench.notes.committed == [{renamed: 60}]
    again = Bench(snapshot=bench.notes.saved[-1], topics=frozenset({TOPIC}))
    assert again.engine.pipeline.ledgers == former.engine.pipeline.ledgers


def test_state_of_windows_of_another_length_is_refused() -> None:
    """Open windows could not be read again: the message names both lengths and the way out."""
    former = Bench()
    former.turn(batch(minutes(0, 2)))
    former.engine.stop(former.now_ms)
    with pytest.raises(ConfigurationError) as caught:
        Bench(config_of(windows={"duration": "5m"}), snapshot=former.notes.saved[-1])
    assert str(caught.value) == (
        "windows.duration: '5m' is not valid: the state was made with 1m: keep that, or start afresh with "
        "`driftd state reset`"
    )


def test_partition_far_ahead_is_paused_once() -> None:
    """The source is told when the set of paused partitions changes, and only then."""
    bench = Bench(config_of(windows={"max_ahead": "3m"}), ledgers=[Ledger(P0, 0, 0), Ledger(P1, 0, 0)])
    bench.turn(batch([event(1)]), batch(minutes(0, 6), source=P1))
    bench.turn(batch([event(2)], first=1))
    assert bench.notes.paused == [frozenset({P1})]
    bench.turn(batch(minutes(0, 6), first=2))
    assert bench.notes.paused == [frozenset({P1}), frozenset()]


def test_a_gap_is_told_with_what_had_never_been_read() -> None:
    """What was read before the restart and cannot be read again is late; only the rest was never read."""
    former = Bench()
    former.turn(batch(minutes(0, 2)))
    former.engine.stop(former.now_ms)
    bench = Bench(snapshot=former.notes.saved[-1])  # rewind 20, position 40
    bench.source.lost = [Lost(P0, 20, 50)]
    bench.turn()
    assert bench.notes.missed == [(Lost(P0, 20, 50), 10)]
    assert bench.engine.pipeline.ledgers[P0].lost == 20


def test_sink_that_refuses_does_not_stop_the_reading() -> None:
    """It is offered everything again at the next checkpoint; receivers over the network do not wait for it."""
    receiver = Receiver(room=100)
    bench = Bench(checkpoint_ms=1_000, receivers=[receiver])
    bench.sink.broken = True
    bench.turn(batch(minutes(0, 2, amount=DRIFTED)))
    bench.turn(batch(minutes(2, 4), first=40))
    assert (len(bench.notes.complaints), len(receiver.got)) == (1, 1)
    assert bench.notes.paused == []
    bench.sink.broken = False
    bench.turn(after_ms=1_000)
    assert bench.events == receiver.got


def test_receiver_that_acknowledges_leaves_the_next_snapshot() -> None:
    """Until then every snapshot holds what it has not got."""
    receiver = Receiver()
    bench = Bench(checkpoint_ms=1_000, receivers=[receiver])
    bench.turn(batch(minutes(0, 2, amount=DRIFTED)))
    bench.turn(after_ms=1_000)
    assert bench.notes.saved[-1]["outbox"]["waiting"] == {"topic": 1}
    receiver.acknowledge()
    bench.turn(after_ms=100)
    bench.turn(after_ms=1_000)
    assert bench.notes.saved[-1]["outbox"] == {"events": [], "windows": [], "waiting": {}}
