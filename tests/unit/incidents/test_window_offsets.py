from hypothesis import given
from hypothesis import strategies as st

from driftd.incidents.offsets import SPANS_KEPT, WINDOWS_KEPT, SourceOffset, WindowOffsets
from driftd.values.closed import SourceSpan


def filled(windows: int, partitions: int) -> WindowOffsets:
    """Windows of 10 ms; window w starts at offset w * 100 in each partition."""
    offsets = WindowOffsets()
    for window in range(windows):
        offsets.add(window * 10, [SourceSpan("t", p, window * 100, window * 100 + 99) for p in range(partitions)])
    return offsets


def test_offsets_are_those_of_the_window_that_holds_the_time() -> None:
    """Each source's offset is its first in the window the time lies in."""
    assert filled(9, 2).since(35) == (SourceOffset("t", 0, 300), SourceOffset("t", 1, 300))


def test_source_without_events_in_that_window_is_read_from_its_next() -> None:
    """A source that had no event then is read from its first one after it."""
    offsets = WindowOffsets()
    offsets.add(0, [SourceSpan("t", 1, 5, 9)])
    offsets.add(10, [SourceSpan("t", 0, 70, 79)])
    offsets.add(20, [SourceSpan("t", 0, 80, 89), SourceSpan("t", 1, 10, 19)])
    assert offsets.since(12) == (SourceOffset("t", 0, 70), SourceOffset("t", 1, 10))


def test_time_before_the_oldest_window_gives_the_oldest_offsets() -> None:
    """What lies before memory is answered with the oldest offsets known."""
    assert filled(WINDOWS_KEPT + 5, 1).since(0) == (SourceOffset("t", 0, 500),)


def test_memory_is_bounded_in_spans() -> None:
    """With many partitions fewer windows are kept."""
    kept = filled(100, 64).to_state()["windows"]
    assert sum(len(places) for _, places in kept) == SPANS_KEPT
    assert len(kept) == SPANS_KEPT // 64


def test_newest_window_is_kept_however_many_sources_it_has() -> None:
    """There is always a window to name offsets from."""
    assert len(filled(3, SPANS_KEPT + 1).since(0)) == SPANS_KEPT + 1


@given(
    windows=st.lists(
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 999)), unique_by=lambda s: s[:2]),
        max_size=20,
    ),
    at=st.integers(-5, 250),
)
def test_restored_memory_answers_alike(windows: list[list[tuple[str, int, int]]], at: int) -> None:
    """State and memory stand for each other."""
    offsets = WindowOffsets()
    for number, places in enumerate(windows):
        offsets.add(number * 10, [SourceSpan(topic, partition, first, first) for topic, partition, first in places])
    restored = WindowOffsets.from_state(offsets.to_state())
    assert restored.since(at) == offsets.since(at)
    assert restored.to_state() == offsets.to_state()
