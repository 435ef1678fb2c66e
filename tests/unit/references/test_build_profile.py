"""Building a profile from training rows."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.errors import ProfileError
from driftd.references import build
from driftd.references.blocks import BlockRule
from driftd.references.build import build_profile
from driftd.references.profile import ColumnProfile, Profile
from driftd.references.rows import Row
from driftd.summarise.columns import counter_of
from driftd.summarise.unseen import UnseenTexts
from driftd.values.hashing import text_hash
from driftd.values.keys import ColumnKey, Kind, Role
from driftd.values.layout import HEADER
from driftd.values.settings import LimitSettings


def built(rows: Iterable[Row], **settings: Any) -> Profile:
    """Build a profile of a model m."""
    held = list(rows)
    return build_profile(lambda: held, model="m", **settings)


def feature(profile: Profile, name: str) -> ColumnProfile:
    """Return the column of a feature."""
    return profile.columns[profile.index[ColumnKey(Role.FEATURE, name)]]


def column(values: Iterable[Any]) -> ColumnProfile:
    """Return the column that these values of one feature make."""
    return feature(built(Row({"x": value}) for value in values), "x")


def test_numbers_are_counted_exactly() -> None:
    """A numeric column's counts, moments and quantiles are those of its finite values and booleans."""
    values = [1.5, 2, True, None, math.nan, math.inf, 10**400, 4.0, "text", {"a": 1}]
    found = column(values)
    assert found.kind is Kind.NUMERIC
    assert (found.n, found.missing, found.invalid) == (10, 1, 5)
    assert sum(found.counts) == 4
    assert found.moments == pytest.approx({"mean": 2.125, "sd": np.std([1.5, 2, 1, 4]), "min": 1.0, "max": 4.0})
    assert found.quantiles["0.5"] == 1.5


def test_texts_and_booleans_are_categories() -> None:
    """A categorical column's categories come by falling frequency, then text; numbers are invalid there."""
    found = column(["b", "a", "b", True, True, False, "a", None, 3])
    assert found.kind is Kind.CATEGORICAL
    assert found.categories == ("a", "b", "true", "false")
    assert found.counts == (2, 2, 2, 1, 0)
    assert (found.n, found.missing, found.invalid) == (9, 1, 1)


def test_booleans_alone_are_categorical() -> None:
    """A column of booleans has the categories true and false."""
    assert column([True, False, True]).categories == ("true", "false")


@pytest.mark.parametrize(("values", "kind"), [([1, 2, "a"], Kind.NUMERIC), (["a", "b", 1], Kind.CATEGORICAL)])
def test_mixed_column_goes_by_the_majority(values: list[Any], kind: Kind) -> None:
    """Of numbers and texts mixed the more frequent make the kind, the others are invalid."""
    found = column(values)
    assert (found.kind, found.invalid) == (kind, 1)


def test_rare_categories_are_known_but_counted_in_other() -> None:
    """The 64 most frequent texts are categories; the hashes of the others are known."""
    values = [f"c{k:03d}" for k in range(100) for _ in range(200 - k)]
    found = column(values)
    assert found.categories == tuple(f"c{k:03d}" for k in range(64))
    assert found.counts[-1] == sum(200 - k for k in range(64, 100))
    assert found.known == {text_hash(f"c{k:03d}") for k in range(64, 100)}


def test_near_unique_text_is_left_out_and_named() -> None:
    """A column of identifiers is not watched, and the profile says why."""
    profile = built(Row({"id": f"u{k}", "x": k}) for k in range(500))
    assert [str(c.key) for c in profile.columns] == ["feature:x"]
    assert profile.left_out == {"feature:id": "near-unique text: 500 different values"}


def test_open_vocabulary_knows_no_unseen_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column with more texts than are kept has an open vocabulary, with exact counts of its categories."""
    monkeypatch.setattr("driftd.references.survey.DISTINCT_KEPT", 150)
    values = ["often"] * 9_000 + [f"rare{k}" for k in range(400)] + ["often"] * 9_000
    found = column(values)
    assert found.open_vocabulary
    assert found.known == frozenset()
    assert (found.categories[0], found.counts[0]) == ("often", 18_000)
    assert sum(found.counts) == len(values)


def test_vector_becomes_columns() -> None:
    """Each element of a vector feature is a column that knows its place; a null vector misses in all."""
    profile = built([Row({"v": [1.0, "a"]}), Row({"v": None}), Row({"v": [2.0, None]}), Row({})])
    assert [(str(c.key), c.vector, c.kind, c.missing) for c in profile.columns] == [
        ("feature:v[0]", ("v", 0), Kind.NUMERIC, 2),
        ("feature:v[1]", ("v", 1), Kind.CATEGORICAL, 3),
    ]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([[1.0], [1.0, 2.0]], "vectors of different lengths: 1 and 2"),
        ([[1.0], 2.0], "a vector in some rows and a single value in others"),
        ([[], []], "empty vectors"),
        ([None, math.nan, {}], "no usable values"),
    ],
)
def test_unusable_feature_is_left_out(values: list[Any], reason: str) -> None:
    """A feature that no column can be made of is named with the reason, in whatever chunk it turns out."""
    rows = [Row({"x": value, "y": 1}) for value in values]
    assert built(rows).left_out == {"feature:x": reason}
    assert built([*rows[:1], *[Row({"x": None, "y": 1})] * 5_000, *rows[1:]]).left_out == {"feature:x": reason}


def test_profile_never_has_more_columns_than_the_limit() -> None:
    """A label and its error count as columns too: where they fit the profile is built, where not it is refused."""
    rows = [Row({"a": 1, "b": 2}, 1, 0)]
    assert len(built(rows, limits=LimitSettings(columns=5)).columns) == 5
    with pytest.raises(ProfileError, match="5 columns are more than"):
        built(rows, limits=LimitSettings(columns=4))


def test_late_column_is_missing_before() -> None:
    """A feature that turns up after thousands of rows is missing in the rows before."""
    found = feature(built([Row({"y": 1})] * 5_000 + [Row({"x": 1.0})] * 3), "x")
    assert (found.n, found.missing) == (5_003, 5_000)


def test_class_probabilities_become_columns() -> None:
    """A prediction that is an object makes a column of each class, and no error."""
    rows = [Row({}, {"no": 0.75, "yes": 0.25}, "yes"), Row({}, {"no": 1.0}, "no"), Row({}, None, "no")]
    profile = built(rows)
    assert [(str(c.key), c.class_name, c.n, c.missing) for c in profile.columns] == [
        ("label:label", None, 3, 0),
        ("prediction:prediction[no]", "no", 3, 1),
        ("prediction:prediction[yes]", "yes", 3, 2),
    ]


def test_numeric_error_is_the_distance() -> None:
    """Where prediction and label are numbers the error is their distance; a row without a label has none."""
    profile = built([Row({}, 0.5, 1), Row({}, 0.5, True), Row({}, 2.0, None), Row({}, None, 1), Row({}, 1e308, -1e308)])
    error = profile.columns[profile.index[ColumnKey(Role.ERROR, "error")]]
    assert (error.n, error.missing, error.invalid, error.moments["mean"]) == (3, 0, 1, 0.5)
    label = profile.columns[profile.index[ColumnKey(Role.LABEL, "label")]]
    assert (label.n, label.missing) == (4, 0)


def test_class_error_is_the_mismatch() -> None:
    """Where they are classes the error is 1 for different ones; a boolean is the class of its name."""
    profile = built([Row({}, "a", "a"), Row({}, "b", "a"), Row({}, "true", True), Row({}, "a", 3)])
    error = profile.columns[profile.index[ColumnKey(Role.ERROR, "error")]]
    assert error.n == 3
    assert error.moments["mean"] == pytest.approx(1 / 3)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=100))
def test_moments_are_finite_and_right(values: list[float]) -> None:
    """Mean and deviation are those of numpy in long doubles, for any magnitude."""
    found = column(values).moments
    wide = np.array(values, dtype=np.longdouble)
    scale = max(map(abs, values))
    assert found["mean"] == pytest.approx(float(wide.mean()), rel=1e-9, abs=scale * 1e-12)
    assert found["sd"] == pytest.approx(float(wide.std()), rel=1e-6, abs=scale * 1e-7)
    assert (found["min"], found["max"]) == (min(values), max(values))


def test_bins_of_a_sample_cover_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more rows than the sample holds the counts are still exact and the range still that of all rows."""
    monkeypatch.setattr(build, "MOST_SAMPLE", 500)
    values = np.random.default_rng(3).normal(size=20_000).tolist()
    found = column(values)
    assert sum(found.counts) == 20_000
    assert (found.moments["min"], found.moments["max"]) == (min(values), max(values))
    assert found.test_bins == 20
    assert found.test_counts.min() > 500


def test_ordered_rows_are_calibrated() -> None:
    """Rows in time order give blocks of 200 with the counts of the columns; the last half block is dropped."""
    random = np.random.default_rng(0)
    rows = [Row({"x": float(x)}, time_ms=1_000 * at) for at, x in enumerate(random.normal(size=10_099))]
    profile = built(rows, blocks=BlockRule())
    calibration = profile.calibration
    assert calibration is not None
    assert (calibration.blocks, calibration.block_rows, calibration.block_ms) == (50, 200, 200_000)
    history = calibration.history[ColumnKey(Role.FEATURE, "x")].counts
    first = feature(profile, "x").edges
    expected = np.bincount(
        np.asarray(feature(profile, "x").test_of)[
            np.searchsorted(first, [row.features["x"] for row in rows[:200]], side="right")
        ],
        minlength=20,
    )
    assert history[0] == (200, 0, 0, 0, *expected.tolist())


def test_history_holds_the_newest_blocks() -> None:
    """Of more than 256 blocks the profile holds the newest 256, and says how many there were."""
    rows = [Row({"x": float(at % 7)}, time_ms=at) for at in range(3_000)]
    calibration = built(rows, blocks=BlockRule(rows=10)).calibration
    assert calibration is not None
    assert calibration.blocks == 300
    assert len(calibration.history[ColumnKey(Role.FEATURE, "x")].counts) == 256


def test_same_rows_give_the_same_profile() -> None:
    """Building twice gives equal profiles, ids included; the source is not part of them."""
    rows = [Row({"x": at % 13, "c": "ab"[at % 2]}, time_ms=at) for at in range(1_000)]
    first, second = (built(rows, blocks=BlockRule(), source=source) for source in ("one", "two"))
    assert first.reference_id == second.reference_id
    assert first.columns == second.columns


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([], {}, "m/none: there are no rows to build it from"),
        ([Row({})], {}, "m/none: no column is worth watching: the rows are empty"),
        ([Row({"x": None})], {}, "m/none: no column is worth watching: feature:x: no values"),
        (
            [Row({"a": 1, "b": 2, "c": 3})],
            {"limits": LimitSettings(columns=2)},
            "m/none: 3 columns are more than limits.columns = 2: ignore some of them or raise the limit",
        ),
        (
            [Row({"a": 1}, time_ms=2), Row({"a": 1}, time_ms=1)],
            {"blocks": BlockRule()},
            "m/none: row 1 is earlier than the row before: the rows are not in time order",
        ),
        ([Row({"a": 1})], {"blocks": BlockRule()}, "m/none: row 0 has no time, so the rows have no order"),
    ],
)
def test_unbuildable_profile_says_why(rows: list[Row], settings: dict[str, Any], message: str) -> None:
    """Rows that no profile can be built from are a ProfileError in one sentence."""
    with pytest.raises(ProfileError) as caught:
        built(rows, **settings)
    assert str(caught.value) == message


values_of_any_kind = st.lists(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(-(2**63), 2**64 - 1), st.sampled_from("abc")),
    min_size=1,
    max_size=60,
)


@given(values_of_any_kind)
def test_training_rows_are_counted_as_live_ones(values: list[Any]) -> None:
    """The summariser, held against the profile, counts the training values exactly as the profile did."""
    try:
        found = column(values)
    except ProfileError:
        return  # nothing to watch in such values
    run = np.zeros(HEADER + found.fine_bins, dtype=np.int64)
    for value in values:
        counter_of(found).count_value(value, run, UnseenTexts())
    assert run.tolist() == [found.n, found.missing, found.invalid, 0, *found.counts]


def test_progress_counts_both_passes() -> None:
    """Progress adds up to twice the number of rows."""
    told: list[int] = []
    built([Row({"x": 1})] * 5_000, progress=told.append)
    assert sum(told) == 10_000
