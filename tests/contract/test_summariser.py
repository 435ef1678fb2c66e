"""What every implementation of the summariser keeps to, beyond the single record (docs/events.md, seam.py)."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from summarisers import (
    FRESH,
    NOON_MS,
    PROFILES,
    SOURCE,
    batch,
    event,
    find_profile,
    runs,
)

from driftd.summarise.seam import Cursor, FindProfile, Rejected, Summariser
from driftd.summarise.settings import TopicSettings
from driftd.values.batch import RecordTime
from driftd.values.hashing import text_hash
from driftd.values.keys import MonitorKey, Reason
from driftd.values.layout import HEADER, MISSING, UNSEEN, N
from driftd.values.part import UNSEEN_KEPT, Refused, UnseenCategory
from driftd.values.settings import LimitSettings, WindowSettings
from driftd.values.windows import Window
from kernels import BUILT, IMPLEMENTATIONS, Make

MINUTE_MS = 60_000
START_MS = NOON_MS // MINUTE_MS * MINUTE_MS
WINDOWS = WindowSettings(duration="60s", lateness="30s")


@pytest.fixture(params=IMPLEMENTATIONS)
def make(request: pytest.FixtureRequest) -> Make:
    """Return what makes a summariser of the implementation under test."""
    made: Make = request.param
    return made


def new(
    make: Make,
    topic: TopicSettings | None = None,
    windows: WindowSettings = WINDOWS,
    monitors: int = 1000,
    find: FindProfile = find_profile,
) -> Summariser:
    """Return a summariser that has read nothing."""
    return make(SOURCE, topic or TopicSettings(), windows, LimitSettings(monitors=monitors), find)


def at(seconds: float, model: str = "plain", **more: Any) -> bytes:
    """Return an event so many seconds after the start of a window."""
    return event(model, int(START_MS + seconds * 1000), **more)


def test_window_is_half_open(make: Make) -> None:
    """An event exactly at a window's end belongs to the next window (W1)."""
    summariser = new(make)
    summariser.add(batch([at(0), at(59.999), at(60)]), FRESH)

    parts = summariser.touched()

    assert [(part.key.window, part.events) for part in parts] == [
        (Window(START_MS, START_MS + MINUTE_MS), 2),
        (Window(START_MS + MINUTE_MS, START_MS + 2 * MINUTE_MS), 1),
    ]


def test_event_of_a_passed_window_is_late(make: Make) -> None:
    """An event whose window ends at or before the cursor's watermark is counted late and not summed (W2)."""
    summariser = new(make)

    tally = summariser.add(batch([at(0), at(60)]), Cursor(0, START_MS + MINUTE_MS))

    assert (tally.read, tally.summed, tally.late, tally.rejected) == (2, 1, 1, [])
    assert [part.first_offset for part in summariser.touched()] == [1]


@pytest.mark.parametrize(("seconds", "late"), [(89.999, 0), (90, 1)])
def test_watermark_follows_the_records_of_a_batch(make: Make, seconds: float, late: int) -> None:
    """Once an event is a window's length and the lateness ahead, later events of that window are late (W3)."""
    tally = new(make).add(batch([at(0), at(seconds), at(59)]), FRESH)

    assert (tally.late, tally.newest_ms) == (late, START_MS + int(seconds * 1000))


def test_watermark_never_falls_within_a_batch(make: Make) -> None:
    """An event older than the cursor's watermark allows does not pull the watermark back."""
    tally = new(make).add(batch([at(120), at(59)]), Cursor(0, START_MS + 2 * MINUTE_MS))

    assert (tally.summed, tally.late, tally.newest_ms) == (1, 1, START_MS + 120_000)


@pytest.mark.parametrize(
    ("mover", "monitors"), [(at(1000, "unwatched"), 1), (at(1000, "plain"), 1), (at(1000, "other"), 1)]
)
def test_any_sound_event_moves_the_watermark(make: Make, mover: bytes, monitors: int) -> None:
    """Watched or not, summed or over a limit: the watermark follows every sound event (W4)."""
    values = [at(1000), mover, at(0)]
    tally = new(make, monitors=monitors).add(batch(values), FRESH)

    assert (tally.late, tally.newest_ms) == (1, START_MS + 1_000_000)


def test_first_event_in_time_is_told(make: Make) -> None:
    """Watched or not: the first that moves the watermark and is neither late, nor ahead, nor read before."""
    values = [at(95), at(10), b"?", at(90, "unwatched"), at(80)]
    tally = new(make).add(batch(values), Cursor(1, START_MS + MINUTE_MS))
    late = new(make).add(batch([at(10)]), Cursor(0, START_MS + MINUTE_MS))

    assert (tally.first_ms, late.first_ms) == (START_MS + 90_000, None)


def test_late_event_counts_as_news_of_the_time(make: Make) -> None:
    """A batch of nothing but a late event still reports that event's time (W4)."""
    tally = new(make).add(batch([at(0)]), Cursor(0, START_MS + MINUTE_MS))

    assert (tally.late, tally.newest_ms) == (1, START_MS)


def test_monitors_over_the_limit_are_rejected_in_order(make: Make) -> None:
    """The first ``limits.monitors`` monitors of a window are summed, further ones rejected; each window anew (W6)."""
    values = [at(0, "a"), at(1, "b"), at(2, "c"), at(3, "a"), at(60, "c"), at(61, "b"), at(62, "a")]
    summariser = new(make, monitors=2)

    tally = summariser.add(batch(values[:2]), FRESH)
    more = summariser.add(batch(values[2:], 2), Cursor(2, None))

    assert tally.rejected + more.rejected == [Rejected(2, Reason.LIMIT), Rejected(6, Reason.LIMIT)]
    assert [(p.key.monitor.model, p.events) for p in summariser.touched()] == [("a", 2), ("b", 1), ("b", 1), ("c", 1)]


def test_version_with_a_profile_of_its_own_is_taken_beyond_the_limit(make: Make) -> None:
    """However many others came before it in a window: they borrow the profile that is its own (W6)."""
    profiles = {"3": replace(PROFILES["plain"], version="3"), "4": replace(PROFILES["plain"], version="4")}
    summariser = new(make, monitors=2, find=lambda _, version, __: profiles.get(version, profiles["3"]))
    values = [at(0, version="x"), at(1, version="y"), at(2, version="z"), at(3, version="4"), at(4, version="3")]

    tally = summariser.add(batch(values), FRESH)

    assert tally.rejected == [Rejected(2, Reason.LIMIT)]
    assert [part.key.monitor.version for part in summariser.touched()] == ["3", "4", "x", "y"]


def test_unknown_model_is_rejected_whenever_it_comes(make: Make) -> None:
    """Without a profile in force an event is ``no_reference``, not late, also when its window has passed (W7)."""
    tally = new(make).add(batch([at(0, "unwatched")]), Cursor(0, START_MS + MINUTE_MS))

    assert tally.rejected == [Rejected(0, Reason.NO_REFERENCE)]


def test_profile_is_looked_up_for_the_window(make: Make) -> None:
    """A window is held against the profile in force at its start, whatever the event's own time."""
    asked: set[tuple[str, str, int]] = set()

    def find(model: str, version: str, start_ms: int) -> Any:
        asked.add((model, version, start_ms))
        return PROFILES["plain"]

    new(make, find=find).add(batch([at(59, version=7), at(60, version=7)]), FRESH)

    assert asked == {("plain", "7", START_MS), ("plain", "7", START_MS + MINUTE_MS)}


def test_parts_name_what_they_hold(make: Make) -> None:
    """A part carries its monitor, source, reference, events and the span of offsets that it sums."""
    summariser = new(make)
    summariser.add(batch([at(0, version=2, features={"amount": 5}), b"?", at(1, version=2)], 100), FRESH)

    (part,) = summariser.touched()

    assert (part.key.monitor, part.key.source) == (MonitorKey("plain", "2", "all"), SOURCE)
    assert (part.reference_id, part.first_offset, part.last_offset, part.events) == ("reference of plain", 100, 102, 2)
    assert runs(part)["amount"] == [2, 1, 0, 0, 0, 1, 0, 0]


def test_touched_returns_only_what_grew(make: Make) -> None:
    """Parts are cumulative, and a window that has not grown since is not returned again."""
    summariser = new(make)
    summariser.add(batch([at(0), at(60)]), FRESH)
    first = summariser.touched()
    nothing = summariser.touched()
    summariser.add(batch([at(61)], 2), Cursor(2, None))
    (grown,) = summariser.touched()

    assert [part.events for part in first] == [1, 1]
    assert list(nothing) == []
    assert (grown.key, grown.events, grown.first_offset, grown.last_offset) == (first[1].key, 2, 1, 2)


def test_open_parts_are_those_of_all_open_windows(make: Make) -> None:
    """Whether they grew or were returned before; then nothing has grown, and none is closed."""
    summariser = new(make)
    summariser.add(batch([at(60, "b"), at(0, "b"), at(0, "a")]), FRESH)
    summariser.touched()
    summariser.add(batch([at(61, "b")], 3), Cursor(3, None))

    opened = summariser.open_parts()

    assert [part.key for part in opened] == sorted(part.key for part in opened)
    assert [(p.key.monitor.model, p.key.window.start_ms - START_MS, p.events) for p in opened] == [
        ("a", 0, 1),
        ("b", 0, 1),
        ("b", 60_000, 2),
    ]
    assert list(summariser.touched()) == []
    assert list(summariser.open_parts()) == list(opened)


def test_passed_windows_are_returned_whole_and_removed(make: Make) -> None:
    """A passed window's part is returned even if nothing is new, once, in the order of the keys."""
    summariser = new(make)
    summariser.add(batch([at(60, "b"), at(0, "b"), at(0, "a"), at(120, "a")]), Cursor(0, START_MS))
    summariser.touched()

    passed = summariser.passed(START_MS + 2 * MINUTE_MS)

    assert [part.key for part in passed] == sorted(part.key for part in passed)
    assert [(p.key.monitor.model, p.key.window.start_ms - START_MS) for p in passed] == [
        ("a", 0),
        ("b", 0),
        ("b", 60_000),
    ]
    assert list(summariser.passed(START_MS + 2 * MINUTE_MS)) == []
    assert summariser.least_first_offset() == 3


def test_least_first_offset_is_not_that_of_the_oldest_window(make: Make) -> None:
    """A newer window that was opened earlier holds the offset to rewind to."""
    summariser = new(make)
    before = summariser.least_first_offset()
    summariser.add(batch([at(60, "a"), at(0, "b"), at(0, "a")], 7), FRESH)

    assert (before, summariser.least_first_offset()) == (None, 7)
    summariser.passed(START_MS + MINUTE_MS)
    assert summariser.least_first_offset() == 7


def test_reread_records_are_summed_but_not_counted(make: Make) -> None:
    """Below ``counted_from`` open windows are rebuilt, and nothing is counted, late, rejected or moved again."""
    values = [at(0), at(60), b"?", at(1, "unwatched"), at(61), at(1000)]
    summariser = new(make)

    tally = summariser.add(batch(values), Cursor(counted_from=5, watermark_ms=START_MS + MINUTE_MS))

    assert (tally.read, tally.summed, tally.late, tally.rejected) == (1, 1, 0, [])
    assert tally.newest_ms == START_MS + 1_000_000
    assert [(p.first_offset, p.last_offset, p.events) for p in summariser.touched()] == [(1, 4, 2), (5, 5, 1)]


def test_reread_records_are_not_held_against_the_clock(make: Make) -> None:
    """At re-reading our clock has no say: what it refused then is skipped by offset, the rest is summed."""
    cursor = Cursor(counted_from=4, watermark_ms=None, refused=(Refused(1, 2),))
    summariser = new(make)

    tally = summariser.add(
        batch([at(0)] * 5, record_time=RecordTime.CREATE, timestamps_ms=(START_MS,) * 5, clock_ms=0), cursor
    )

    assert (tally.read, tally.rejected, tally.newly_refused) == (1, [Rejected(4, Reason.FUTURE)], [4])
    assert [(part.events, part.first_offset, part.last_offset) for part in summariser.touched()] == [(2, 0, 3)]


def test_reread_records_are_held_against_their_own_timestamp(make: Make) -> None:
    """A record ahead of its own timestamp was rejected at first reading, and is left out of the rebuilt window."""
    stamps = (START_MS, START_MS - 10**9)
    summariser = new(make)

    summariser.add(batch([at(0), at(0)], record_time=RecordTime.CREATE, timestamps_ms=stamps), Cursor(2, None))

    assert [part.events for part in summariser.touched()] == [1]


def test_summary_id_names_what_shaped_the_sums(make: Make) -> None:
    """Bins, window length and topic settings each change the id; lateness and the order of exclusions do not."""

    def summary_id(topic: dict[str, Any], duration: str, lateness: str, binning_id: str) -> str:
        windows = WindowSettings(duration=duration, lateness=lateness)
        known = replace(PROFILES["plain"], binning_id=binning_id)
        summariser = new(make, TopicSettings.model_validate(topic), windows, find=lambda *_: known)
        summariser.add(batch([at(0)]), FRESH)
        (part,) = summariser.touched()
        return part.key.summary_id

    usual = summary_id({"exclude": ["a", "b"]}, "60s", "30s", "x")
    others = {
        summary_id({"exclude": ["a"]}, "60s", "30s", "x"),
        summary_id({"exclude": ["a", "b"]}, "30s", "30s", "x"),
        summary_id({"exclude": ["a", "b"]}, "60s", "30s", "y"),
    }

    assert len(usual) == 16
    assert summary_id({"exclude": ["b", "a"]}, "1m", "5s", "x") == usual
    assert len(others | {usual}) == 4


def test_unseen_texts_of_least_hash_are_kept_with_exact_counts(make: Make) -> None:
    """Of many unseen texts those with the least hashes stay, counted from their first occurrence on."""
    texts = [f"town {number % 60}" for number in range(600)] + ["x" * 300] * 3
    summariser = new(make)
    for offset, text in enumerate(texts):
        summariser.add(batch([at(0, features={"country": text})], offset), Cursor(offset, None))

    (part,) = summariser.touched()
    country = [column.key.name for column in PROFILES["plain"].columns].index("country")
    least = sorted(Counter(texts).items(), key=lambda item: text_hash(item[0]))[:UNSEEN_KEPT]

    assert part.unseen == tuple(UnseenCategory(country, text_hash(text), text[:128], n) for text, n in least)
    assert runs(part)["country"][UNSEEN] == len(texts)


def test_empty_batch_changes_nothing(make: Make) -> None:
    """A batch without records carries news of the position only."""
    summariser = new(make)

    tally = summariser.add(batch([]), FRESH)

    assert (tally.read, tally.newest_ms, list(summariser.touched())) == (0, None, [])


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([0, 10, 100, 2**53 + 1, "DE", "IT", "de", "true", "1", -0.0, 1e308]),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.one_of(st.none(), st.floats(), st.booleans(), st.just("x")), min_size=2, max_size=4),
    st.dictionaries(st.sampled_from(["yes", "no"]), st.floats(0, 1), max_size=2),
)
FEATURES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["amount", "country", "flag", "free", "place", "ignored"], VALUES)
)
EVENTS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["plain", "plain", "classes", "chances", "unwatched", ""]),
        "timestamp": st.integers(START_MS, START_MS + 200_000),
        "features": FEATURES,
    },
    optional={"prediction": VALUES, "label": VALUES},
)


@settings(deadline=None, max_examples=60)
@given(drawn=st.lists(EVENTS, min_size=1, max_size=8), times=st.integers(1, 12), size=st.integers(1, 40))
def test_sums_do_not_depend_on_the_cut_into_batches(drawn: list[dict[str, Any]], times: int, size: int) -> None:
    """Many values counted at once and the same values one by one come to the same sums, counts and offsets."""
    values = [json.dumps(one).encode() for one in drawn] * times
    for make in BUILT.values():
        whole, pieces = new(make), new(make)
        at_once = whole.add(batch(values), FRESH)
        watermark_ms = None
        counts: Counter[str] = Counter()
        for first in range(0, len(values), size):
            tally = pieces.add(batch(values[first : first + size], first), Cursor(first, watermark_ms))
            counts.update(read=tally.read, summed=tally.summed, late=tally.late, rejected=len(tally.rejected))
            if tally.newest_ms is not None:
                watermark_ms = max(watermark_ms or 0, tally.newest_ms - WINDOWS.lateness)

        assert pieces.touched() == whole.touched()
        assert counts == Counter(
            read=at_once.read, summed=at_once.summed, late=at_once.late, rejected=len(at_once.rejected)
        )


@settings(deadline=None, max_examples=60)
@given(drawn=st.lists(EVENTS, min_size=1, max_size=40))
def test_every_event_is_accounted_for_in_every_column(drawn: list[dict[str, Any]]) -> None:
    """All that was read is summed, late or rejected, and n = missing + invalid + bins in every column."""
    for make in BUILT.values():
        summariser = new(make)
        tally = summariser.add(batch(json.dumps(one).encode() for one in drawn), FRESH)
        parts = summariser.touched()

        assert tally.read == tally.summed + tally.late + len(tally.rejected) == len(drawn)
        assert sum(part.events for part in parts) == tally.summed
        for part in parts:
            for name, run in runs(part).items():
                assert run[N] == sum(run[MISSING:UNSEEN]) + sum(run[HEADER:])
                assert name in {"label", "error"} or run[N] == part.events
