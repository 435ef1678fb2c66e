"""What injections do to values, against the formula written out."""

import math
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.references.build import build_profile
from driftd.references.masking import mask
from driftd.references.profile import ColumnProfile, Profile
from driftd.references.rows import Row
from driftd.runtime.backtest.changes import ChangeKind, Missing, Scale, Shift, Swap, Unit
from driftd.values.privacy import Shown

ROWS = [
    Row({"amount": float(at % 20), "still": 7.0, "colour": ("r", "r", "r", "g", "g", "b")[at % 6], "one": "x"})
    for at in range(600)
]
MEAN = sum(at % 20 for at in range(600)) / 600

NUMBERS = st.floats(-1e9, 1e9) | st.integers(-(2**63), 2**63) | st.booleans()
#: What no numeric column takes for a number.
NO_NUMBERS = st.none() | st.text() | st.just(math.inf) | st.just(math.nan) | st.lists(st.integers())


@cache
def profile(shown: Shown = Shown.SHOW) -> Profile:
    """The reference, its values shown so."""
    built = build_profile(lambda: ROWS, model="m")
    return mask(built, dict.fromkeys(("amount", "colour"), shown))


def column(name: str, shown: Shown = Shown.SHOW) -> ColumnProfile:
    """A column of the reference."""
    return next(column for column in profile(shown).columns if column.key.name == name)


def changed(kind: ChangeKind, value: Any, row: int = 10, first_row: int = 10, name: str = "amount") -> Any:
    """What becomes of a value."""
    return kind.on(column(name), first_row)(value, row)


@given(NUMBERS, st.floats(-1e6, 1e6))
def test_shift_adds(value: float, by: float) -> None:
    """The shift, in the column's own unit or in standard deviations of the reference."""
    sd = column("amount").moments["sd"]
    assert float(value) + by == changed(Shift(by), value)
    assert float(value) + by * sd == changed(Shift(by, in_sd=True), value)


@given(NUMBERS, st.floats(0, 1e3))
def test_scale_multiplies_the_distance_from_the_mean(value: float, factor: float) -> None:
    """The mean is that of the reference, and stays where it is."""
    assert column("amount").moments["mean"] == pytest.approx(MEAN)
    mean = column("amount").moments["mean"]
    assert mean + (float(value) - mean) * factor == changed(Scale(factor), value)
    assert mean == changed(Scale(factor), mean)


@given(NUMBERS, st.floats(-1e3, 1e3))
def test_unit_multiplies(value: float, factor: float) -> None:
    """Dollars become cents."""
    assert float(value) * factor == changed(Unit(factor), value)


@given(st.integers(1, 50), st.integers(0, 200))
def test_ramp_grows_linearly_and_stays(over: int, after: int) -> None:
    """Of N rows the k-th is shifted by k/N of it; from the N-th on all are shifted by all of it."""
    expected = 3.0 + 8.0 * (min(after + 1, over) / over)
    assert expected == changed(Shift(8.0, over=over), 3.0, 10 + after)


@pytest.mark.parametrize("kind", [Shift(2.0), Shift(2.0, in_sd=True), Shift(2.0, over=5), Scale(2.0), Unit(2.0)])
@given(NO_NUMBERS)
def test_what_is_no_number_is_left_alone(kind: ChangeKind, value: Any) -> None:
    """Missing stays missing, invalid stays invalid."""
    assert changed(kind, value) is value


@pytest.mark.parametrize("kind", [Swap(), Swap(("g", "r")), Swap(("r", "g"))])
@given(st.text().filter(lambda text: text not in {"r", "g"}) | st.none() | st.floats())
def test_swap_writes_each_of_two_categories_for_the_other(kind: ChangeKind, other: Any) -> None:
    """Everything else stays; without names the two most frequent categories of the reference are meant."""
    assert ["g", "r"] == [changed(kind, "r", name="colour"), changed(kind, "g", name="colour")]
    assert changed(kind, other, name="colour") is other


def test_booleans_are_swapped_as_the_categories_they_count_as() -> None:
    """True is the category true."""
    rows = [Row({"new": at % 3 == 0}) for at in range(300)]
    (new,) = build_profile(lambda: rows, model="m").columns
    change = Swap().on(new, 0)
    assert ["true", "false"] == [change(False, 0), change(True, 0)]


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_missing_takes_its_share(share: float) -> None:
    """About that share of the rows, the same ones every time, others in another column."""
    taken = [changed(Missing(share), 1.0, row) is None for row in range(20_000)]
    assert taken == [changed(Missing(share), "x", row) is None for row in range(20_000)]
    assert abs(sum(taken) / 20_000 - share) < 4 * math.sqrt(share * (1 - share) / 20_000)
    others = [changed(Missing(share), "r", row, name="colour") is None for row in range(20_000)]
    both = sum(a and b for a, b in zip(taken, others, strict=True)) / 20_000
    assert abs(both - share**2) < 0.02


def test_missing_can_take_all() -> None:
    """A share of 1 leaves nothing, and a larger share takes what a smaller one took."""
    assert {None} == {changed(Missing(1.0), 1.0, row) for row in range(1_000)}
    for row in range(1_000):
        assert changed(Missing(0.2), 1.0, row) is not None or changed(Missing(0.3), 1.0, row) is None


@pytest.mark.parametrize(
    ("kind", "name", "shown", "message"),
    [
        (Shift(1.0), "colour", Shown.SHOW, "column 'colour' is categorical: it can be swapped or go missing"),
        (Scale(2.0), "colour", Shown.SHOW, "column 'colour' is categorical: it can be swapped or go missing"),
        (Unit(2.0), "colour", Shown.SHOW, "column 'colour' is categorical: it can be swapped or go missing"),
        (Swap(), "amount", Shown.SHOW, "column 'amount' is numeric: swap needs a categorical one"),
        (
            Swap(("r", "pink")),
            "colour",
            Shown.SHOW,
            "column 'colour' has no category 'pink' in the reference: 'r', 'g', 'b'",
        ),
        (Swap(("r", "pink")), "colour", Shown.HASH, "column 'colour' has no category 'pink' in the reference"),
        (
            Swap(),
            "colour",
            Shown.HASH,
            "the reference tells no categories of column 'colour', whose values are not shown: use swap A B",
        ),
        (Swap(), "one", Shown.SHOW, "column 'one' has no two categories in the reference that could be swapped"),
        (
            Shift(1.0, in_sd=True),
            "still",
            Shown.SHOW,
            "column 'still' is constant in the reference: give the shift in its own unit",
        ),
        (
            Shift(1.0, in_sd=True),
            "amount",
            Shown.HIDE,
            (
                "the reference tells no sd of column 'amount', whose values are not shown: "
                "use shift X, ramp X, unit or missing"
            ),
        ),
        (
            Scale(2.0),
            "amount",
            Shown.HIDE,
            (
                "the reference tells no mean of column 'amount', whose values are not shown: "
                "use shift X, ramp X, unit or missing"
            ),
        ),
    ],
)
def test_column_that_cannot_be_changed_so_is_refused(kind: ChangeKind, name: str, shown: Shown, message: str) -> None:
    """The message names the column and what would be right."""
    with pytest.raises(ValueError, match=r".") as caught:
        kind.on(column(name, shown), 0)
    assert message == str(caught.value)


@pytest.mark.parametrize("shown", [Shown.HASH, Shown.HIDE])
def test_masked_columns_can_be_changed_by_what_is_given(shown: Shown) -> None:
    """A shift in the column's own unit and categories by name need nothing that a masked reference lacks."""
    assert 5.0 == Shift(2.0).on(column("amount", shown), 0)(3.0, 0)
    assert 6.0 == Unit(2.0).on(column("amount", shown), 0)(3.0, 0)
    assert "g" == Swap(("r", "g")).on(column("colour", shown), 0)("r", 0)
