"""New references take effect where nothing has been read of; old ones go when nothing can need them."""

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

from driftd.references.book import ReferenceBook
from driftd.runtime.accounts import accounts_of
from driftd.runtime.pipeline import Outcome, Pipeline
from driftd.runtime.records import restore, to_records
from driftd.values.keys import LateReason, Reason
from driftd.values.part import Ledger
from driftd.values.view import TopicAccounts

OLD, NEW = profile(), profile(values=10)


def reading(*sources: Ledger, **windows: str) -> Pipeline:
    """A pipeline that has begun to read."""
    pipeline = pipeline_of(config_of(windows=windows), book_of(OLD))
    pipeline.start(sources, 0)
    return pipeline


@given(st.lists(st.integers(0, 3_600), min_size=1, max_size=10), st.sampled_from(["0s", "1s", "45s", "10m"]))
def test_new_profile_is_in_force_from_the_next_window_later_than_everything_read(
    seconds: list[int], lateness: str
) -> None:
    """No window that has an event already is split between two references, whatever may come late."""
    pipeline = reading(Ledger(P0, 0, 0), lateness=lateness)
    pipeline.read(batch(event(second) for second in seconds), 0)
    newest = START + max(seconds) * 1000
    from_ms = pipeline.adopt([NEW])
    assert (newest // MINUTE + 1) * MINUTE == from_ms
    assert OLD == pipeline.book.find("fraud", "1", from_ms - MINUTE)
    assert NEW == pipeline.book.find("fraud", "1", from_ms)


def test_the_newest_event_of_any_partition_counts() -> None:
    """A partition that is far ahead has opened windows that the others have not come to."""
    pipeline = reading(Ledger(P0, 0, 0), Ledger(P1, 0, 0))
    pipeline.read(batch([event(0)]), 0)
    pipeline.read(batch([event(3_600)], source=P1), 0)
    assert pipeline.adopt([NEW]) == START + 3_660_000


def test_before_the_first_event_a_new_profile_holds_for_all() -> None:
    """Nothing has been read, so nothing can be split."""
    pipeline = reading(Ledger(P0, 0, 0))
    pipeline.adopt([NEW])
    assert NEW == pipeline.book.find("fraud", "1", -(10**15))


def closed(outcome: Outcome) -> list[tuple[int, str]]:
    """The windows of an outcome: start in minutes after START, and reference."""
    return [((v.window.start_ms - START) // MINUTE, v.reference_id) for v in outcome.verdicts]


def test_each_window_is_held_against_one_reference() -> None:
    """Windows before the change keep the old one, also when they close after it."""
    pipeline = reading(Ledger(P0, 0, 0))
    outcome = pipeline.read(batch(minutes(0, 2)), 0)
    pipeline.adopt([NEW])
    outcome.extend(pipeline.read(batch(minutes(1, 4), first=40), 0))
    outcome.extend(pipeline.finish(0))
    assert closed(outcome) == [
        (0, OLD.reference_id),
        (1, OLD.reference_id),
        (2, NEW.reference_id),
        (3, NEW.reference_id),
    ]
    assert [v.events for v in outcome.verdicts] == [20, 40, 20, 20]


def test_references_go_when_their_windows_have_closed() -> None:
    """Not before: the windows that are open are held against them."""
    pipeline = reading(Ledger(P0, 0, 0))
    pipeline.read(batch(minutes(0, 2)), 0)
    pipeline.adopt([NEW])
    pipeline.forget_references()
    assert len(pipeline.book.sets) == 2
    pipeline.read(batch([event(60 * 2)], first=40), 0)
    pipeline.forget_references()
    assert [s.profiles for s in pipeline.book.sets] == [(NEW,)]


def test_nothing_is_forgotten_before_a_window_has_closed() -> None:
    """While a partition has given nothing yet, all that the others gave waits, and needs its reference."""
    pipeline = reading(Ledger(P0, 0, 0), Ledger(P1, 0, 0))
    pipeline.read(batch(minutes(0, 2)), 0)
    pipeline.adopt([NEW])
    pipeline.read(batch(minutes(3, 4), first=40), 0)
    pipeline.forget_references()
    assert len(pipeline.book.sets) == 2


def counted(pipeline: Pipeline) -> TopicAccounts:
    """The topic's accounts."""
    return accounts_of(pipeline.ledgers.values(), (shard.merge.accounts for shard in pipeline.shards))[TOPIC]


def test_reference_of_a_window_that_is_read_again_is_kept() -> None:
    """A window that closed without a slow partition is read again in it after a restart, held against its own profile.

    Otherwise what that partition had given already would count again, as late.
    """
    pipeline = reading(Ledger(P0, 0, 0), Ledger(P1, 0, 0), idle_timeout="5s")
    pipeline.read(batch([event(30)], source=P1, drained=True), 0)
    pipeline.read(batch(minutes(0, 1)), 0)
    pipeline.adopt([NEW])
    pipeline.read(batch(minutes(1, 4), first=20), 0)
    outcome = Outcome()
    for now_ms in range(0, 10_000, 1_000):
        outcome.extend(pipeline.tick(now_ms))
    assert [(v.events, v.incomplete) for v in outcome.verdicts] == [(21, True), (20, True), (20, True)]
    pipeline.forget_references()
    pipeline.read(batch([event(40)], first=1, source=P1), 10_000)

    book = ReferenceBook(pipeline.book.sets)
    restarted = pipeline_of(config_of(), book)
    ledgers = restore(restarted, to_records(pipeline), {TOPIC}, 0)
    restarted.start(ledgers, 0)
    assert restarted.rewinds()[P1] == 0
    restarted.read(batch([event(30), event(40)], source=P1, drained=True), 0)
    restarted.read(batch(minutes(3, 4), first=60), 0)
    now = counted(restarted)
    assert (now.read, now.observed, sum(now.late.values()), now.pending) == (82, 61, 1, 20)


def restarted(former: Pipeline, **sections: dict[str, object]) -> Pipeline:
    """A pipeline with the memory of another, under these settings."""
    pipeline = pipeline_of(config_of(**sections), book_of(OLD))
    pipeline.start(restore(pipeline, to_records(former), {TOPIC}, 0), 0)
    return pipeline


def test_events_of_lost_records_are_late_once_their_window_is_known_to_lack_them() -> None:
    """What was handed on of them is taken back: each event is counted once, and nothing stays pending."""
    former = reading(Ledger(P0, 0, 0))
    former.read(batch(minutes(0, 1), drained=True), 0)
    pipeline = restarted(former)
    pipeline.gap(P0, 0, 15, 0)
    assert counted(pipeline).pending == 20
    outcome = pipeline.read(batch([*minutes(0, 1)[15:], event(61)], first=15), 0)
    assert [(v.events, v.incomplete) for v in outcome.verdicts] == [(5, True)]
    expected = {LateReason.WATERMARK: 0, LateReason.GAP: 15}
    assert counted(pipeline) == TopicAccounts(read=21, observed=5, late=expected, pending=1)
    assert not any(v.incomplete for v in pipeline.finish(0).verdicts[1:])


def test_gap_that_takes_everything_is_accounted_for_at_once() -> None:
    """Reading goes on behind it."""
    former = reading(Ledger(P0, 0, 0))
    former.read(batch(minutes(0, 1), drained=True), 0)
    pipeline = restarted(former)
    pipeline.gap(P0, 0, 30, 0)
    assert counted(pipeline).late == {LateReason.WATERMARK: 0, LateReason.GAP: 20}
    assert (counted(pipeline).pending, pipeline.rewinds(), pipeline.ledgers[P0].position) == (0, {P0: 30}, 30)


def test_events_that_other_limits_let_through_after_a_restart_are_counted() -> None:
    """They were rejected when they were read first: they count as read twice, and never as more than was read."""
    values = [event(0), event(1, model="f" * 20), event(2)]
    former = pipeline_of(config_of(limits={"name_length": 10}), book_of(OLD, profile("f" * 20)))
    former.start([Ledger(P0, 0, 0)], 0)
    former.read(batch(values, drained=True), 0)
    pipeline = pipeline_of(config_of(), book_of(OLD, profile("f" * 20)))
    pipeline.start(restore(pipeline, to_records(former), {TOPIC}, 0), 0)
    pipeline.read(batch(values, drained=True), 0)
    assert pipeline.shards[0].merge.pending_events()[TOPIC] == 3
    assert counted(pipeline).pending == 3
    pipeline.finish(0)
    now = counted(pipeline)
    assert (now.read, now.observed, now.rejected[Reason.LIMIT], now.pending) == (4, 3, 1, 0)


def test_expired_monitor_is_forgotten_by_every_stage() -> None:
    """Its incident ends; only what is still watched has a record."""
    pipeline = pipeline_of(config_of(limits={"expire_after": "2h"}), book_of(OLD, profile("ads")))
    pipeline.start([Ledger(P0, 0, 0)], 0)
    outcome = pipeline.read(batch([*minutes(0, 1, amount=DRIFTED), event(61, model="ads")]), 0)
    outcome.extend(pipeline.read(batch([event(9_000, model="ads"), event(9_060, model="ads")], first=21), 0))
    kinds = [event.type.split(".")[-2] for event in outcome.events if event.monitor.model == "fraud"]
    assert kinds == ["firing", "superseded"]
    assert [name for name in to_records(pipeline) if name.startswith("monitor/")] == ["monitor/ads/1/all"]
    assert {key.model for key in pipeline.shards[0].merge.monitors} == {"ads"}
