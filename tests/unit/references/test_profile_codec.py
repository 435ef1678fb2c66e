"""Profiles as JSON documents."""

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.errors import ProfileError
from driftd.references.blocks import BlockRule
from driftd.references.build import build_profile
from driftd.references.codec import profile_from_json, profile_to_json, with_ids
from driftd.references.profile import Profile
from driftd.references.rows import Row

cells = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5))
rows_of_any_kind = st.lists(
    st.builds(
        Row,
        features=st.dictionaries(st.text(min_size=1, max_size=3), st.one_of(cells, st.lists(cells, max_size=2))),
        prediction=st.one_of(cells, st.dictionaries(st.text(max_size=2), cells, max_size=2)),
        label=cells,
        time_ms=st.just(0),
    ),
    min_size=1,
    max_size=30,
)


def small_profile() -> Profile:
    """Return a profile with a numeric and a categorical column and a calibration."""
    rows = [Row({"x": at % 7 / 8, "c": "ab"[at % 2]}, time_ms=at) for at in range(100)]
    return build_profile(lambda: rows, model="m", version="1", blocks=BlockRule(rows=10), source="here")


@given(rows_of_any_kind)
def test_round_trip_is_exact(rows: list[Row]) -> None:
    """Whatever is built is read back equal, floats to the bit, and written again as the same bytes."""
    try:
        profile = build_profile(lambda: rows, model="m", blocks=BlockRule(rows=3))
    except ProfileError:
        return  # nothing to watch in such rows
    written = profile_to_json(profile)
    assert profile_from_json(written, "p") == profile
    assert profile_to_json(profile_from_json(written, "p")) == written


def changed(path: str, value: Any) -> bytes:
    """Return the small profile's document with one field changed."""
    document = orjson.loads(profile_to_json(small_profile()))
    *way, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    place = document
    for step in way:
        place = place[step]
    place[last] = value
    return orjson.dumps(document)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("driftd_profile", 2, "driftd_profile is 2, but this release reads 1: build the profile with this release"),
        ("model", "", "model: String should have at least 1 character"),
        ("model", 3, "model: Input should be a valid string"),
        ("extra", 1, "extra: Extra inputs are not permitted"),
        ("columns", [], "columns: Tuple should have at least 1 item after validation, not 0"),
        ("columns.0.kind", "odd", "columns.0.kind: Input should be 'numeric' or 'categorical'"),
        ("columns.0.n", True, "columns.0.n: Input should be a valid integer"),
        ("columns.0.n", 7, "columns.0: n must be missing + invalid + the sum of counts"),
        ("columns.0.categories", ["a", "a"], "columns.0: categories must be different"),
        ("columns.0.categories", ["a"], "columns.0: counts must be one longer than categories"),
        ("columns.0.known", [2, 1], "columns.0: known must be strictly increasing"),
        ("columns.0.edges", [1.0], "columns.0: a categorical column has no edges, test_of, moments or quantiles"),
        ("columns.1.edges.3", 1e300, "columns.1: edges must be strictly increasing"),
        ("columns.1.edges.3", "1", "columns.1.edges.3: Input should be a valid number"),
        ("columns.1.test_of.0", 1, "columns.1: test_of must start at 0 and rise by 0 or 1"),
        ("columns.1.test_of", [0], "columns.1: counts and test_of must be one longer than edges"),
        (
            "columns.1.moments.sd",
            -1,
            "columns.1: moments: sd must not be negative, and mean must lie between min and max",
        ),
        ("columns.1.moments", {}, "columns.1: moments must be mean, sd, min and max"),
        ("columns.1.quantiles", {"a": 1}, "columns.1: quantiles must be named by their levels, such as 0.05"),
        ("columns.1.quantiles", {"0.1": 2, "0.9": 1}, "columns.1: quantiles must not fall"),
        ("columns.1.name", "b", "columns must be ordered by role and name, each once"),
        ("columns.1.vector", ["v", -1], "columns.1.vector.1: Input should be greater than or equal to 0"),
        ("calibration.columns.0.deff.scale", 0.5, "calibration.columns.0.deff.scale: Input should be greater than"),
        ("calibration.columns.0.deff", {}, "calibration.columns.0: deff lacks location, scale, shape, missing, unseen"),
        ("calibration.columns.0.history.0", [1], "history of feature:c: block 0 has 1 counts, expected 7"),
        ("calibration.columns.0.history.0.0", 99, "history of feature:c: block 0 does not add up to its n"),
        ("calibration.columns", [], "calibration.columns must be the same as columns"),
        ("rows", 99, "reference_id is "),
        ("columns.0.counts", [49, 51, 0], "reference_id is "),
        ("binning_id", "0", "binning_id is '0', but the content gives "),
    ],
)
def test_hostile_profile_is_refused_by_its_field(path: str, value: Any, message: str) -> None:
    """A changed field is a ProfileError that names the file, the field and what is wrong."""
    with pytest.raises(ProfileError) as caught:
        profile_from_json(changed(path, value), "p.json")
    assert str(caught.value).replace("the document: ", "").startswith(f"p.json: {message}")


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"{}", b"\xff", b'{"driftd_profile": NaN}', b"[" * 5_000, b'{"driftd_profile":1}'],
)
def test_no_profile_at_all_is_refused(data: bytes) -> None:
    """Bytes that are no profile are a ProfileError."""
    with pytest.raises(ProfileError):
        profile_from_json(data, "p.json")


@given(st.binary(max_size=40), st.integers(0, 3_000))
def test_damaged_profile_is_refused(noise: bytes, at: int) -> None:
    """Bytes overwritten anywhere give a ProfileError or the same profile, never anything else."""
    whole = profile_to_json(SMALL)
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    try:
        read = profile_from_json(damaged, "p.json")
    except ProfileError:
        return
    assert (read.reference_id, read.columns) == (SMALL.reference_id, SMALL.columns)


def test_source_is_not_part_of_the_ids() -> None:
    """The same content from another source has the same ids; another name of a column has not."""
    written = orjson.loads(profile_to_json(SMALL))
    moved = profile_from_json(orjson.dumps({**written, "source": "elsewhere"}), "p")
    assert (moved.reference_id, moved.binning_id, moved.source) == (SMALL.reference_id, SMALL.binning_id, "elsewhere")


def test_binning_id_follows_the_bins_alone() -> None:
    """Other counts in the same bins change the reference's id and not the binning's."""
    more = with_ids(Profile(model="other", version="9", rows=7, columns=SMALL.columns))
    assert more.binning_id == SMALL.binning_id
    assert more.reference_id != SMALL.reference_id


def test_edges_survive_to_the_bit() -> None:
    """The smallest and the largest doubles are read back as they were."""
    values = [5e-324, 0.1, 1.7976931348623157e308, math.pi]
    profile = build_profile(lambda: [Row({"x": value}) for value in values], model="m")
    read = profile_from_json(profile_to_json(profile), "p")
    assert [edge.hex() for edge in read.columns[0].edges] == [edge.hex() for edge in profile.columns[0].edges]


SMALL = small_profile()
