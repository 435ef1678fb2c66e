"""A profile made of live sums: what raw rows would have given with the same bins."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.references.accept import accepted_profile
from driftd.references.bins import numeric_bins, regroup
from driftd.references.blocks import BlockRule
from driftd.references.build import build_profile
from driftd.references.codec import profile_from_json, profile_to_json
from driftd.references.estimates import estimate
from driftd.references.masking import mask
from driftd.references.profile import ColumnProfile, Profile
from driftd.references.rows import Row
from driftd.summarise.columns import counter_of
from driftd.summarise.unseen import UnseenTexts
from driftd.values.keys import ColumnKey, Role
from driftd.values.layout import Sums
from driftd.values.part import Unseen, UnseenCategory
from driftd.values.privacy import Shown
from driftd.values.windows import Window

AMOUNT, COUNTRY = ColumnKey(Role.FEATURE, "amount"), ColumnKey(Role.FEATURE, "country")
SPAN = Window(0, 3_600_000)  # of the live data
Values = dict[str, Sequence[object]]


def trained(rows: int = 2_000, *, timed: bool = False) -> Profile:
    """The profile of a normal amount and three countries."""
    rng = np.random.default_rng(7)
    amounts, countries = rng.normal(50, 10, rows).tolist(), rng.choice(["DE", "FR", "IT"], rows, p=[0.6, 0.3, 0.1])
    made = [
        Row({"amount": amount, "country": str(country)}, time_ms=at * 1_000)
        for at, (amount, country) in enumerate(zip(amounts, countries, strict=True))
    ]
    return build_profile(lambda: made, model="fraud", version="3", blocks=BlockRule() if timed else None)


def summed(profile: Profile, values: Values) -> tuple[Sums, Unseen]:
    """Sum values as summarising does."""
    sums = np.zeros(profile.layout.size, dtype=np.int64)
    unseen: list[UnseenCategory] = []
    for position, (column, place) in enumerate(zip(profile.columns, profile.layout.columns, strict=True)):
        texts = UnseenTexts()
        counter_of(column).count(list(values[column.key.name]), sums[place.start : place.stop], texts)
        unseen += texts.categories(position)
    return sums, tuple(unseen)


def accepted(profile: Profile, values: Values, *, version: str = "3", least: int = 1) -> Profile:
    """The profile of live values."""
    sums, unseen = summed(profile, values)
    rows = len(values["amount"])
    return accepted_profile(profile, version, sums, unseen, rows=rows, span=SPAN, least=least, source="accepted")


def live(rows: int = 2_000, shift: float = 0.0, countries: Sequence[str] = ("DE", "FR")) -> Values:
    """Live values."""
    rng = np.random.default_rng(11)
    return {"amount": rng.normal(50 + shift, 10, rows).tolist(), "country": rng.choice(countries, rows).tolist()}


def column(profile: Profile, key: ColumnKey) -> ColumnProfile:
    """One column of a profile."""
    return profile.columns[profile.index[key]]


numbers = st.one_of(st.floats(-1e3, 1e3), st.integers(-5, 5), st.none(), st.just("text"), st.just(float("nan")))
texts = st.one_of(st.sampled_from(["DE", "FR", "IT", "XX", "YY", "z" * 200]), st.none(), st.just(7), st.booleans())


@given(st.lists(st.tuples(numbers, texts), min_size=1, max_size=300))
def test_counts_are_those_of_the_rows_themselves(rows: list[tuple[object, object]]) -> None:
    """Every row is counted where a count over the raw values puts it, whatever was in them."""
    profile = trained()
    amounts, countries = [row[0] for row in rows], [row[1] for row in rows]
    made = accepted(profile, {"amount": amounts, "country": countries})
    amount, country = column(made, AMOUNT), column(made, COUNTRY)
    finite = [float(value) for value in amounts if isinstance(value, int | float) and np.isfinite(value)]
    places = np.searchsorted(np.asarray(column(profile, AMOUNT).edges), finite, side="right")
    assert np.bincount(places.astype(int), minlength=amount.fine_bins).tolist() == list(amount.counts)
    assert (len(rows), amounts.count(None), len(rows) - amounts.count(None) - len(finite)) == (
        amount.n,
        amount.missing,
        amount.invalid,
    )
    said = Counter("true" if v is True else "false" if v is False else v for v in countries if type(v) in {str, bool})
    expected = {text: said[text] for text in country.categories} | {None: said.total()}
    named = dict(zip(country.categories, country.counts[:-1], strict=True))
    assert expected == named | {None: sum(country.counts)}
    assert profile_from_json(profile_to_json(made), "accepted") == replace(made, source="accepted")


@given(st.lists(st.tuples(numbers, texts), min_size=1, max_size=300))
def test_what_was_accepted_is_never_unseen_again(rows: list[tuple[object, object]]) -> None:
    """The same values against the new reference: no text is unseen, and each count is the reference's."""
    values: Values = {"amount": [row[0] for row in rows], "country": [row[1] for row in rows]}
    made = accepted(trained(), values)
    sums, unseen = summed(made, values)
    assert unseen == ()
    for known, place in zip(made.columns, made.layout.columns, strict=True):
        run = sums[place.start : place.stop].tolist()
        assert [known.n, known.missing, known.invalid, 0, *known.counts] == run


def test_test_bins_are_of_equal_probability_again() -> None:
    """After a shift that empties half of them, none of those within the data is empty, and none is heavy."""
    made = column(accepted(trained(), live(shift=12.0)), AMOUNT)
    before = column(trained(), AMOUNT).to_test(np.asarray(made.counts))
    assert before.max() / before.sum() > 0.3
    shares = made.test_counts / made.test_counts.sum()
    assert shares[:-1].min() > 0
    assert made.test_bins >= 12
    assert made.edges == column(trained(), AMOUNT).edges


def test_regrouping_training_counts_changes_nothing() -> None:
    """The test bins of a continuous column are those that its own fine bins give."""
    for seed in range(5):
        values = np.random.default_rng(seed).normal(size=5_000)
        bins = numeric_bins(values)
        counts = np.bincount(np.searchsorted(bins.edges, values, side="right"), minlength=len(bins.test_of))
        assert bins.test_of == regroup(counts)


@given(st.lists(st.one_of(st.just(0), st.integers(0, 1_000)), min_size=1, max_size=130).filter(any))
def test_regrouped_bins_are_in_order_and_none_is_heavy_but_a_fine_one(counts: list[int]) -> None:
    """They start at 0 and rise by one; a heavy fine bin is alone, but for empty ones next to it."""
    fine = np.array(counts)
    test_of = np.array(regroup(fine))
    assert test_of[0] == 0
    assert set(np.diff(test_of).tolist()) <= {0, 1}
    for heavy in np.flatnonzero(fine * 20 > fine.sum()):
        assert fine[test_of == test_of[heavy]].sum() == fine[heavy]


def test_values_in_one_fine_bin_still_have_neighbours() -> None:
    """A column that jumped beyond its training range can be seen to move further, and back."""
    fine = np.array([0, 0, 0, 0, 500, 0, 0])
    assert regroup(fine) == (0, 0, 0, 0, 1, 2, 2)


@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=200))
def test_estimates_are_within_a_bin_of_the_truth(values: list[float]) -> None:
    """Quantiles lie in the fine bin of the true ones; the extremes hold mean and quantiles; nothing overflows."""
    data = np.array(values)
    bins = numeric_bins(data)
    counts = np.bincount(np.searchsorted(bins.edges, data, side="right"), minlength=len(bins.test_of))
    moments, quantiles = estimate(bins.edges, counts)
    found = list(quantiles.values())
    assert np.isfinite([*moments.values(), *found]).all()
    assert found == sorted(found)
    assert moments["min"] <= moments["mean"] <= moments["max"]
    assert (moments["min"], moments["max"]) == (data.min(), data.max())
    edges = np.array([-np.inf, *bins.edges, np.inf])
    ranked = np.sort(data)
    for level, value in quantiles.items():
        at = np.searchsorted(bins.edges, ranked[max(int(np.ceil(float(level) * len(data))) - 1, 0)], side="right")
        assert edges[at] <= value <= edges[at + 1]


def test_estimates_of_a_normal_column_are_near() -> None:
    """Of the shifted values: mean and deviation within a fifth of a standard deviation."""
    moments = column(accepted(trained(), live(shift=12.0)), AMOUNT).moments
    assert moments["mean"] == pytest.approx(62, abs=1)
    assert moments["sd"] == pytest.approx(10, abs=2)


def test_mismatches_stay_bits() -> None:
    """The extremes of an error that is 0 or 1 are exact: what detects goes by them."""
    bins = numeric_bins(np.array([0.0] * 90 + [1.0] * 10))
    counts = np.bincount(
        np.searchsorted(bins.edges, [0.0] * 60 + [1.0] * 40, side="right"), minlength=len(bins.test_of)
    )
    moments, _ = estimate(bins.edges, counts)
    assert (moments["min"], moments["max"]) == (0.0, 1.0)


def test_new_categories_take_their_place() -> None:
    """By falling frequency; a category that is not seen any more is known, and counts in ``other``."""
    made = column(accepted(trained(), live(countries=("XX", "XX", "XX", "DE"))), COUNTRY)
    assert made.categories == ("XX", "DE")
    assert (len(made.known), made.open_vocabulary, made.counts[-1]) == (2, False, 0)


def test_texts_that_are_not_all_known_open_the_vocabulary() -> None:
    """Of many new texts only some are kept: the rest would be unseen for ever."""
    made = column(accepted(trained(), live(countries=[f"new-{number}" for number in range(200)])), COUNTRY)
    assert made.open_vocabulary
    assert (made.known, len(made.categories)) == (frozenset(), 16)
    assert sum(made.counts) == 2_000


@pytest.mark.parametrize("shown", [Shown.HASH, Shown.HIDE])
def test_masked_columns_stay_masked(shown: Shown) -> None:
    """No text and no number of theirs is in what is made of them, and it can be read back."""
    masked = mask(trained(), {"amount": shown, "country": shown})
    made = accepted(masked, live(shift=12.0, countries=("XX", "DE")))
    data = profile_to_json(made)
    assert b"XX" not in data
    assert b'"DE"' not in data
    assert column(made, AMOUNT).quantiles == {}
    assert profile_from_json(data, "accepted") == made
    assert column(made, COUNTRY).open_vocabulary == (shown is Shown.HIDE)


def test_columns_with_few_observations_keep_their_reference() -> None:
    """As labels do that come late; the others are of the live data."""
    profile = trained(timed=True)
    sums, unseen = summed(profile, live(shift=12.0))
    place = profile.layout.columns[profile.index[COUNTRY]]
    sums[place.start : place.stop] = 0
    made = accepted_profile(profile, "3", sums, unseen, rows=2_000, span=SPAN, least=1, source="")
    assert column(profile, COUNTRY) == column(made, COUNTRY)
    assert column(profile, AMOUNT) != column(made, AMOUNT)
    assert made.calibration is not None
    assert set(made.calibration.history) == {COUNTRY}


def test_design_effects_stay_and_the_history_goes() -> None:
    """It is of another level; a profile without it can be written and read."""
    profile = trained(timed=True)
    made = accepted(profile, live(shift=12.0))
    assert profile.calibration is not None
    assert made.calibration is not None
    assert profile.calibration.deff == made.calibration.deff
    assert made.calibration.history == {}
    assert profile_from_json(profile_to_json(made), "accepted") == made


def test_a_column_without_values_is_all_missing() -> None:
    """What is missing now is the new normal; bins and what was known of values stay for the day they come back."""
    made = accepted(trained(), {"amount": [None] * 1_500, "country": [None] * 1_500})
    amount, country = column(made, AMOUNT), column(made, COUNTRY)
    assert (amount.missing, sum(amount.counts), amount.test_of) == (1_500, 0, column(trained(), AMOUNT).test_of)
    assert country.categories == column(trained(), COUNTRY).categories
    assert profile_from_json(profile_to_json(made), "accepted") == made


def test_a_borrowed_reference_becomes_the_versions_own() -> None:
    """Version 4 was held against version 3's: what is made of its data is version 4's."""
    made = accepted(trained(), live(), version="4")
    assert (made.model, made.version, made.rows) == ("fraud", "4", 2_000)
    assert made.reference_id != trained().reference_id
