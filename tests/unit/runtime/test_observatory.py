"""What pages, the accounts, and whether the daemon is ready."""

from collections.abc import Callable, Collection

import pytest
from observed_process import Process
from runtime_doubles import (
    DRIFTED,
    MINUTE,
    P0,
    P1,
    START,
    TOPIC,
    FakeClock,
    batch,
    book_of,
    config_of,
    event,
    minutes,
    profile,
)

from driftd.config.model import Config
from driftd.errors import SnapshotError
from driftd.runtime.observatory import HEALTHY_MS, PICTURE_MS, Board
from driftd.values.closed import ClosedWindow
from driftd.values.keys import LateReason, Reason, SourcePartition
from driftd.values.part import Ledger
from driftd.values.verdict import MonitorState, WindowVerdict
from driftd.values.view import PartitionView, TopicAccounts


def page_max_age(age: str) -> Config:
    """Settings with another age."""
    return config_of(incidents={"page_max_age": age})


@pytest.mark.parametrize(
    ("found_after_ms", "pages"), [(0, True), (600_000, True), (600_001, False), (86_400_000, False)]
)
def test_old_incident_does_not_page(found_after_ms: int, *, pages: bool) -> None:
    """Whether it pages is decided when it is found, by the wall clock and page_max_age."""
    process = Process(wall_ms=START + MINUTE + found_after_ms, config=page_max_age("10m"))
    process.read(*minutes(0, 1, amount=DRIFTED), event(61))
    monitor = process.monitor()
    assert bool(monitor.paging) is pages
    assert len(monitor.incidents) == 1


@pytest.mark.parametrize("found_after_ms", [0, 10**9])
def test_what_pages_is_kept_over_a_restart(found_after_ms: int) -> None:
    """Neither does a page stop because it has grown old, nor does an old incident begin to page."""
    former = Process(wall_ms=START + MINUTE + found_after_ms)
    former.read(*minutes(0, 1, amount=DRIFTED), event(61))
    before = former.monitor().paging
    assert bool(before) is (found_after_ms == 0)
    process = Process(former.snapshot(), wall_ms=START + 2 * 10**9)
    assert before == process.monitor().paging
    assert process.observatory.records() == {"paging": {"incidents": sorted(before)}}


def test_incident_that_is_no_longer_shown_pages_no_longer() -> None:
    """What pages does not grow for ever: an hour after its end an incident is forgotten."""
    process = Process()
    process.read(*minutes(0, 1, amount=DRIFTED), *minutes(1, 80))
    opened = process.monitor().paging
    assert len(opened) == 1
    assert process.monitor().state is MonitorState.OK
    process.read(*minutes(80, 140))
    assert process.monitor().paging == frozenset()
    assert process.observatory.records() == {"paging": {"incidents": []}}


def test_accounts_of_this_process_are_published() -> None:
    """Each event is where it went; what waits in an open window is pending."""
    process = Process()
    process.read(*minutes(0, 1), event(61), event(2), b"{", event(1, model="stranger"))
    assert process.view().topics == {
        TOPIC: TopicAccounts(
            read=24,
            observed=20,
            late={LateReason.WATERMARK: 1},
            rejected={Reason.MALFORMED: 1, Reason.NO_REFERENCE: 1},
            pending=1,
        )
    }


def test_events_counted_before_the_restart_are_not_counted_again() -> None:
    """The process starts with what it has to read again, and nothing else."""
    former = Process()
    former.read(*minutes(0, 1), event(61), b"{")
    process = Process(former.snapshot())
    expected = TopicAccounts(read=1, late={LateReason.WATERMARK: 0}, rejected={Reason.MALFORMED: 0}, pending=1)
    assert {TOPIC: expected} == process.view().topics
    process.read(event(61), b"{", event(121))
    assert process.view().topics[TOPIC].observed == 1
    assert process.view().topics[TOPIC].pending == 1


def observed_twice(process: Process) -> None:
    """A window's events are counted once more."""
    process.pipeline.shards[0].merge.accounts.observed[TOPIC] += 2


def late_twice(process: Process) -> None:
    """An event that was observed is told as late, too."""
    process.pipeline.shards[0].merge.accounts.late[TOPIC] += 2


def never_read(process: Process) -> None:
    """The ledger forgets that it has read anything."""
    process.pipeline.ledgers[P0] = Ledger(P0, process.position, process.position)


@pytest.mark.parametrize("mistake", [observed_twice, late_twice, never_read])
def test_accounts_that_do_not_balance_are_not_published(mistake: Callable[[Process], None]) -> None:
    """A mistake of ours ends the daemon before anybody is told a wrong figure."""
    process = Process()
    process.read(*minutes(0, 1), event(61))
    mistake(process)
    with pytest.raises(AssertionError, match=f"^{TOPIC}: [0-9]+ events were counted twice$"):
        process.view()


def test_events_that_wait_in_parts_must_have_been_read() -> None:
    """More events in open windows than are pending is the same mistake, and is noticed before a window closes."""
    process = Process()
    process.pipeline.read(batch(minutes(0, 1), drained=True), 0)
    process.view()
    process.pipeline.shards[0].merge.accounts.late[TOPIC] += 1
    with pytest.raises(AssertionError, match=r"1 events were counted twice"):
        process.view()


def test_partitions_are_published_with_what_the_source_knows() -> None:
    """Position and watermark are the ledger's; lag, pauses and reachability the source's."""
    process = Process()
    process.pipeline.start([Ledger(P1, 7, 7)], 0)
    process.read(*minutes(0, 1))
    view = process.view(lag={P0: 5}, paused=frozenset({P0}), unreachable=frozenset({P1}))
    assert view.partitions == (
        PartitionView(P0, 20, 5, START + 57_000, paused=True, unreachable=False),
        PartitionView(P1, 7, None, None, paused=False, unreachable=True),
    )


NO_REFERENCE = "no reference profile is loaded: see references.directory"


@pytest.mark.parametrize(
    ("unreachable", "references", "reasons"),
    [
        (frozenset(), 1, ()),
        (frozenset({P0}), 1, ("no broker can be reached",)),
        (frozenset(), 0, (NO_REFERENCE,)),
        (frozenset({P0, P1}), 0, ("no broker can be reached", NO_REFERENCE)),
    ],
)
def test_why_the_daemon_is_not_ready(
    unreachable: frozenset[SourcePartition], references: int, reasons: tuple[str, ...]
) -> None:
    """Every reason is told; without one it is ready."""
    process = Process()
    assert reasons == process.view(unreachable=unreachable, references=(references, 2)).not_ready
    assert (process.board.view.references_loaded, process.board.view.references_failed) == (references, 2)


def test_one_reachable_partition_is_enough() -> None:
    """A part of the brokers being away is no reason to be taken out of service."""
    process = Process()
    process.pipeline.start([Ledger(P1, 0, 0)], 0)
    assert process.view(unreachable=frozenset({P0})).not_ready == ()


def test_without_partitions_the_daemon_is_not_ready() -> None:
    """Nothing is read, whatever else is there."""
    process = Process()
    process.pipeline.ledgers.clear()
    assert process.view().not_ready == ("no partition is assigned",)


def test_daemon_is_healthy_while_its_loop_turns() -> None:
    """Starting is healthy; a loop that has not turned for 30 s is not; the broker does not matter."""
    process = Process()
    process.clock.monotonic = 10**9
    assert process.board.healthy()
    process.view(unreachable=frozenset({P0}))
    process.clock.monotonic += 29_999
    assert process.board.healthy()
    process.clock.monotonic += 1
    assert not process.board.healthy()
    process.view()
    assert process.board.healthy()


def test_board_tells_why_it_is_not_ready_until_the_first_picture() -> None:
    """The daemon says what it is at."""
    process = Process()
    reasons = [process.board.view.not_ready]
    process.board.not_ready("restoring state", "or so")
    reasons.append(process.board.view.not_ready)
    assert reasons == [("starting",), ("restoring state", "or so")]
    assert process.view().not_ready == ()


def test_board_knows_the_profiles_in_force() -> None:
    """By id; those that went are not found."""
    board = Board(FakeClock(), book_of(profile()))
    assert profile() == board.profile_of(profile().reference_id)
    assert board.profile_of("none") is None


def test_picture_is_due_when_the_last_one_is_old() -> None:
    """Not before: what only counts on may wait."""
    process = Process()
    process.view()
    process.read(event(0))
    due = []
    for monotonic_ms in (0, PICTURE_MS - 1, PICTURE_MS):
        process.clock.monotonic = monotonic_ms
        due.append(process.observatory.outdated(frozenset(), (1, 0)))
    assert due == [False, False, True]


def test_loop_is_alive_while_it_decides_on_many_windows() -> None:
    """Each takes its time, and all of them together more than a loop that hangs is given."""
    process = Process()
    process.view()
    detect = process.pipeline.shards[0].detect
    observe, healthy = detect.observe, []

    def take_long(window: ClosedWindow) -> WindowVerdict:
        process.clock.monotonic += HEALTHY_MS - 1
        healthy.append(process.board.healthy())
        return observe(window)

    detect.observe = take_long  # type: ignore[method-assign]
    process.read(*minutes(0, 3), event(241))
    assert healthy == [True, True, True]


def test_picture_is_due_at_once_when_something_comes_to_light() -> None:
    """Once: the picture shows it."""
    process = Process()
    process.view()
    process.read(*minutes(0, 1), event(61))
    assert process.observatory.outdated(frozenset(), (1, 0))
    assert process.monitor().windows_closed == 1
    assert not process.observatory.outdated(frozenset(), (1, 0))


@pytest.mark.parametrize(("unreachable", "references"), [({P0}, (1, 0)), ((), (2, 0)), ((), (1, 1))])
def test_picture_is_due_at_once_when_readiness_may_change(
    unreachable: Collection[SourcePartition], references: tuple[int, int]
) -> None:
    """It follows from the partitions that can be reached, and from the references."""
    process = Process()
    process.view()
    assert process.observatory.outdated(frozenset(unreachable), references)


def test_incidents_are_logged() -> None:
    """One line a drift event, without values."""
    process = Process()
    process.read(*minutes(0, 1, amount=DRIFTED), event(61))
    (incident,) = process.monitor().incidents
    (line,) = process.logged()
    assert (line["event"], line["change"], line["incident"]) == ("incident", "firing", incident.id)
    assert (line["monitor"], line["suspects"]) == ("fraud/1/all", ["amount"])


def test_reference_that_does_not_fit_is_told_once() -> None:
    """Half of the columns without one usable value: the profile is of other data, said once a reference."""
    process = Process()
    process.read(*(event(60 * at, amount="many") for at in range(3)))
    lines = [line for line in process.logged() if line["level"] == "error"]
    assert [(line["event"], line["monitor"]) for line in lines] == [
        ("reference does not fit the traffic", "fraud/1/all")
    ]
    assert lines[0]["reason"] == "feature:amount are of another kind than in the profile"


def test_snapshots_that_cannot_be_saved_are_counted_and_logged() -> None:
    """The operator sees it on the page and in the log."""
    process = Process()
    process.observatory.not_saved(SnapshotError("snapshot", "the disk is full", "make room"))
    assert process.view().checkpoint.failures == 1
    assert process.logged()[0]["reason"] == "snapshot: the disk is full; make room"
