import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftd.merge.carry import Carry
from driftd.values.keys import ColumnKey, Kind, Role
from driftd.values.layout import ColumnLayout, Layout
from driftd.values.part import UNSEEN_KEPT, UnseenCategory, merge_unseen
from driftd.values.windows import Window

LAYOUT = Layout(
    (
        ColumnLayout(ColumnKey(Role.FEATURE, "a"), Kind.NUMERIC, 0, 2),
        ColumnLayout(ColumnKey(Role.LABEL, "b"), Kind.NUMERIC, 6, 2),
    )
)
MINUTE = 60_000


def vector(first: int, second: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the sums of a window in which the columns had so many observations."""
    return np.array([first, 0, 0, 0, first, 0, second, 0, 0, 0, second, 0], dtype=np.int64)


def bottom(texts: dict[tuple[int, int], int]) -> tuple[UnseenCategory, ...]:
    """Return the bottom-k set of a multiset of (column, hash): the definition itself."""
    kept = []
    for column in sorted({column for column, _ in texts}):
        hashes = sorted(h for c, h in texts if c == column)[:UNSEEN_KEPT]
        kept += [UnseenCategory(column, h, f"t{h}", texts[column, h]) for h in hashes]
    return tuple(kept)


multisets = st.dictionaries(st.tuples(st.integers(0, 2), st.integers(0, 40)), st.integers(1, 9), max_size=60)


def added(*sets: dict[tuple[int, int], int]) -> dict[tuple[int, int], int]:
    """Add multisets."""
    total: dict[tuple[int, int], int] = {}
    for one in sets:
        for place, events in one.items():
            total[place] = total.get(place, 0) + events
    return total


@given(multisets, multisets, multisets)
def test_merging_unseen_texts_gives_the_bottom_set_of_the_union(
    a: dict[tuple[int, int], int], b: dict[tuple[int, int], int], c: dict[tuple[int, int], int]
) -> None:
    """Merged sets are exact, in whatever order and grouping they are merged."""
    expected = bottom(added(a, b, c))
    assert expected == merge_unseen(merge_unseen(bottom(a), bottom(b)), bottom(c))
    assert expected == merge_unseen(bottom(c), merge_unseen(bottom(b), bottom(a)))


def test_a_column_with_enough_observations_is_released_at_once() -> None:
    """A window with min_observations or more is not carried."""
    carry = Carry("r")
    release = carry.release(
        Window(0, MINUTE), LAYOUT, vector(200, 1), (), min_observations=200, max_span_ms=MINUTE * 60
    )
    assert [0] == [column.column for column in release.columns]
    assert () == release.starved


def test_a_column_with_few_observations_is_carried_until_it_has_enough() -> None:
    """The released sums and span cover all windows since the last release."""
    carry = Carry("r")
    releases = [
        carry.release(
            Window(i * MINUTE, (i + 1) * MINUTE),
            LAYOUT,
            vector(200, 80),
            (),
            min_observations=200,
            max_span_ms=60 * MINUTE,
        )
        for i in range(3)
    ]
    label = releases[2].columns[1]
    assert (1, Window(0, 3 * MINUTE), 3, 240) == (label.column, label.span, label.windows, label.sums[0])
    assert [1, 1, 2] == [len(release.columns) for release in releases]


def test_a_column_without_enough_observations_within_max_span_is_starved() -> None:
    """After max_span the few observations are given up, and carrying starts anew."""
    carry = Carry("r")
    starved = [
        carry.release(
            Window(i * MINUTE, (i + 1) * MINUTE),
            LAYOUT,
            vector(200, 1),
            (),
            min_observations=200,
            max_span_ms=3 * MINUTE,
        ).starved
        for i in range(6)
    ]
    assert [(), (), (1,), (), (), (1,)] == starved


def test_a_gap_in_the_traffic_ends_what_was_carried() -> None:
    """Counts further apart than max_span are never joined."""
    carry = Carry("r")
    carry.release(Window(0, MINUTE), LAYOUT, vector(150, 0), (), min_observations=200, max_span_ms=3 * MINUTE)
    release = carry.release(
        Window(9 * MINUTE, 10 * MINUTE), LAYOUT, vector(150, 0), (), min_observations=200, max_span_ms=3 * MINUTE
    )
    assert () == release.columns
    assert (0, 1) == release.starved


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=12), st.integers(0, 11))
def test_a_restored_carry_behaves_like_the_one_that_was_saved(windows: list[tuple[int, int]], cut: int) -> None:
    """State taken at any window and restored releases the same columns from there on."""
    one, other = Carry("r"), Carry("r")
    for i, (first, second) in enumerate(windows):
        if i == cut:
            other = Carry.from_state(other.to_state())
        span = Window(i * MINUTE, (i + 1) * MINUTE)
        a = one.release(span, LAYOUT, vector(first, second), (), min_observations=200, max_span_ms=4 * MINUTE)
        b = other.release(span, LAYOUT, vector(first, second), (), min_observations=200, max_span_ms=4 * MINUTE)
        assert [(c.column, c.span, c.windows, c.sums.tolist()) for c in a.columns] == [
            (c.column, c.span, c.windows, c.sums.tolist()) for c in b.columns
        ]
        assert a.starved == b.starved
