from hypothesis import given
from hypothesis import strategies as st

from driftd.merge.watermarks import Watermarks
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger
from driftd.values.settings import WindowSettings

A, B, C = (SourcePartition("t", p) for p in range(3))
WINDOWS = WindowSettings.model_validate(
    {"duration": "60s", "lateness": "0s", "idle_timeout": "30s", "max_hold": "10m", "max_ahead": "1h"}
)
MINUTE = 60_000
NONE: frozenset[SourcePartition] = frozenset()


def heard(source: SourcePartition, watermark_ms: int | None, *, read: int = 1, drained: bool = False) -> Ledger:
    """Return a ledger that has read so many events."""
    return Ledger(source, read, read, watermark_ms=watermark_ms, read=read, drained=drained)


def watermarks(*ledgers: Ledger, now_ms: int = 0) -> Watermarks:
    """Return watermarks that have heard these ledgers at this time."""
    marks = Watermarks(WINDOWS)
    marks.expect([ledger.source for ledger in ledgers], now_ms)
    for ledger in ledgers:
        marks.hear(ledger, now_ms)
    marks.note(now_ms, NONE)
    return marks


def test_the_least_watermark_is_what_all_have_passed() -> None:
    """A window closes when the slowest partition has passed it."""
    assert 3 * MINUTE == watermarks(heard(A, 5 * MINUTE), heard(B, 3 * MINUTE)).passed_ms


def test_a_partition_not_heard_of_holds_every_window() -> None:
    """An assigned partition that has not been read yet cannot be passed over."""
    marks = watermarks(heard(A, 5 * MINUTE))
    marks.expect([B], 0)
    assert marks.passed_ms is None


def test_a_watermark_below_zero_is_a_watermark() -> None:
    """Event times before 1970 are times like any other."""
    assert watermarks(heard(A, -5)).passed_ms == -5


def test_an_older_ledger_moves_nothing_back() -> None:
    """Watermarks never fall."""
    marks = watermarks(heard(A, 5 * MINUTE))
    marks.hear(heard(A, 2 * MINUTE), 0)
    assert 5 * MINUTE == marks.passed_ms


@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.none() | st.integers(-3, 9)), max_size=30))
def test_what_is_passed_follows_from_the_highest_watermarks(told: list[tuple[SourcePartition, int | None]]) -> None:
    """In whatever order they come: the least of them is passed, unless one has none; the greatest is the newest."""
    marks = Watermarks(WINDOWS)
    highest: dict[SourcePartition, list[int]] = {}
    for source, watermark_ms in told:
        marks.hear(heard(source, watermark_ms), 0)
        highest.setdefault(source, []).extend([] if watermark_ms is None else [watermark_ms])
        known = [max(of_source) for of_source in highest.values() if of_source]
        assert marks.passed_ms == (min(known) if len(known) == len(highest) else None)
        assert marks.newest_ms == max(known, default=None)


def test_what_is_passed_is_known_again_after_a_restart() -> None:
    """From the ledgers alone."""
    marks = Watermarks(WINDOWS)
    marks.restore({A: heard(A, 5 * MINUTE), B: heard(B, 3 * MINUTE)}, 0)
    assert (marks.passed_ms, marks.newest_ms) == (3 * MINUTE, 5 * MINUTE)


def test_a_drained_partition_holds_until_idle_timeout_after_the_others_passed() -> None:
    """Silence costs the others idle_timeout, not less and not more."""
    marks = watermarks(heard(A, 5 * MINUTE), heard(B, MINUTE, drained=True))
    marks.note(29_999, NONE)
    assert marks.timed_out_ms(29_999) is None
    marks.note(30_000, NONE)
    assert 5 * MINUTE == marks.timed_out_ms(30_000)


def test_a_partition_with_unread_records_holds_for_ever() -> None:
    """Being behind is not silence."""
    marks = watermarks(heard(A, 5 * MINUTE), heard(B, MINUTE, drained=False))
    marks.note(10**9, NONE)
    assert MINUTE == marks.timed_out_ms(10**9)


def test_a_drained_partition_that_still_delivers_holds() -> None:
    """A trickle of old events is life: the window waits for it."""
    marks = watermarks(heard(A, 5 * MINUTE), heard(B, MINUTE, drained=True))
    for second in range(0, 100_000, 10_000):
        marks.hear(heard(B, MINUTE, read=2 + second, drained=True), second)
        marks.note(second, NONE)
        assert marks.timed_out_ms(second) in {None, MINUTE}


def test_rejected_records_are_no_sign_of_life() -> None:
    """A partition that brings nothing but garbage does not hold the others."""
    marks = watermarks(heard(A, 5 * MINUTE), Ledger(B, 0, 0, drained=True))
    for second in range(0, 40_000, 10_000):
        marks.hear(Ledger(B, 9, 9, read=second, rejected={"malformed": second}, drained=True), second)  # type: ignore[dict-item]
        marks.note(second, NONE)
    assert 5 * MINUTE == marks.timed_out_ms(30_000)


def test_an_unreachable_partition_holds_for_max_hold() -> None:
    """Without a leader a partition is waited for, but not for ever."""
    marks = watermarks(heard(A, 5 * MINUTE), heard(B, MINUTE))
    gone = frozenset({B})
    marks.note(0, gone)
    marks.note(599_999, gone)
    assert MINUTE == marks.timed_out_ms(599_999)
    marks.note(600_000, gone)
    assert 5 * MINUTE == marks.timed_out_ms(600_000)
    assert marks.incomplete(5 * MINUTE)


def test_nothing_is_given_up_while_no_partition_can_be_reached() -> None:
    """When the brokers are gone the windows wait, however long it takes."""
    marks = watermarks(heard(A, 5 * MINUTE, drained=True), heard(B, MINUTE))
    for now_ms in (0, 10**9):
        marks.note(now_ms, frozenset({A, B}))
    assert MINUTE == marks.timed_out_ms(10**9)
    assert not marks.quiet(10**9)


def test_all_drained_and_quiet_is_told_after_duration_lateness_and_idle_timeout() -> None:
    """A nightly batch must not wait for tomorrow."""
    marks = watermarks(heard(A, 5 * MINUTE, drained=True), heard(B, MINUTE, drained=True))
    assert not marks.quiet(89_999)
    assert marks.quiet(90_000)


def test_a_window_nobody_has_passed_is_complete_when_all_are_quiet() -> None:
    """What every partition has delivered to its end lacks nothing."""
    marks = watermarks(heard(A, 5 * MINUTE, drained=True), heard(B, MINUTE, drained=True))
    assert not marks.incomplete(6 * MINUTE)
    assert marks.incomplete(5 * MINUTE)
    assert not marks.incomplete(MINUTE)


def test_a_partition_far_ahead_is_paused_and_resumes_at_half() -> None:
    """max_ahead bounds the open windows; the hysteresis keeps what was fetched."""
    marks = watermarks(heard(A, 121 * MINUTE), heard(B, 60 * MINUTE))
    assert {A} == marks.ahead(None, NONE, 0)
    marks.hear(heard(B, 80 * MINUTE, read=2), 0)
    assert {A} == marks.ahead(None, frozenset({A}), 0)
    marks.hear(heard(B, 91 * MINUTE, read=3), 0)
    assert NONE == marks.ahead(None, frozenset({A}), 0)


def test_the_slowest_partition_is_never_paused() -> None:
    """However far apart the partitions are, one of them goes on."""
    marks = watermarks(heard(A, 0), heard(B, 10**12), heard(C, 10**13))
    assert A not in marks.ahead(0, NONE, 0)


def test_a_paused_partition_is_not_silent() -> None:
    """What we do not read for our own reasons is not a partition's silence."""
    marks = watermarks(heard(A, 200 * MINUTE, drained=True), heard(B, MINUTE, drained=True))
    assert {A} == marks.ahead(None, NONE, 0)
    assert not marks.quiet(10**9)


def test_a_resumed_partition_is_silent_only_after_the_whole_time_again() -> None:
    """What came while a partition was paused must have a chance to be read."""
    marks = watermarks(heard(A, 62 * MINUTE, drained=True), heard(B, MINUTE, drained=True))
    assert {A} == marks.ahead(None, NONE, 0)
    marks.hear(heard(B, 61 * MINUTE, read=2, drained=True), 100_000)
    assert NONE == marks.ahead(None, frozenset({A}), 100_000)
    assert not marks.quiet(189_999)
    assert marks.quiet(190_000)


def test_what_cannot_be_reached_is_not_silent() -> None:
    """Neither one partition nor all of them: however long after idle_timeout, nothing closes for that reason."""
    for unreachable in (frozenset({A}), frozenset({A, B})):
        marks = watermarks(heard(A, MINUTE, drained=True), heard(B, 9 * MINUTE, drained=True))
        marks.note(0, unreachable)
        for now_ms in range(0, 500_000, 1_000):
            marks.note(now_ms, unreachable)
            assert not marks.quiet(now_ms)
            assert marks.timed_out_ms(now_ms) in {None, MINUTE}
