"""Masked profiles: the same bins and counts, and nothing that tells a value."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.detect.baseline import Baseline
from driftd.errors import ProfileError
from driftd.references import masking
from driftd.references.blocks import BlockRule
from driftd.references.build import build_profile
from driftd.references.codec import profile_from_json, profile_to_json
from driftd.references.masking import mask, unknown_names
from driftd.references.profile import ColumnProfile, Profile
from driftd.references.rows import Row
from driftd.values.hashing import text_hash
from driftd.values.keys import ColumnKey, Role
from driftd.values.privacy import Shown, token_of

COMMITTED = Path(__file__).parents[2] / "data" / "state-format-1" / "references"
NAMES = ("town", "amount", "place", "prediction", "label", "error", "rare")


def built() -> Profile:
    """A profile with columns of every role and kind, vectors, and more texts than have bins."""
    rows = [
        Row(
            {"town": "abc"[at % 3], "amount": at / 7, "place": [at % 9, at % 5], "rare": f"r{at % 80}"},
            "yes" if at % 4 else "no",
            "yes" if at % 3 else "no",
            at,
        )
        for at in range(400)
    ]
    return build_profile(lambda: rows, model="m", version="1", blocks=BlockRule(rows=20), source="here")


PLAIN = built()
SETTINGS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(list(Shown)))


def column(profile: Profile, name: str, role: Role = Role.FEATURE) -> ColumnProfile:
    """Return a column by its name."""
    return profile.columns[profile.index[ColumnKey(role, name)]]


def test_categories_become_tokens_in_their_order() -> None:
    """Everything else of the column stays, the hashes of rarer texts too."""
    masked, plain = column(mask(PLAIN, {"rare": Shown.HASH}), "rare"), column(PLAIN, "rare")
    assert masked.categories == tuple(token_of(text_hash(text)) for text in plain.categories)
    assert masked.category_names == masked.categories
    assert (masked.counts, masked.known, masked.shown) == (plain.counts, plain.known, Shown.HASH)
    assert len(masked.known) == 80 - 64


def test_hidden_categories_are_told_by_rank() -> None:
    """Tokens find the bin of a text; outputs number the categories by their frequency in training."""
    hidden = column(mask(PLAIN, {"town": Shown.HIDE}), "town")
    assert hidden.categories == column(mask(PLAIN, {"town": Shown.HASH}), "town").categories
    assert hidden.category_names == ("category 1", "category 2", "category 3")


@pytest.mark.parametrize("shown", [Shown.HASH, Shown.HIDE])
def test_numbers_are_hidden_either_way(shown: Shown) -> None:
    """Edges stay, since values must find their bins; moments and quantiles go."""
    masked, plain = column(mask(PLAIN, {"amount": shown}), "amount"), column(PLAIN, "amount")
    assert (masked.shown, masked.moments, masked.quantiles) == (Shown.HIDE, {}, {})
    assert (masked.edges, masked.test_of, masked.counts) == (plain.edges, plain.test_of, plain.counts)


def test_name_holds_in_every_role_and_for_every_element() -> None:
    """A vector's name masks its elements, ``prediction`` whatever a prediction is."""
    masked = mask(PLAIN, {"place": Shown.HIDE, "label": Shown.HASH})
    hidden = {str(c.key): c.shown for c in masked.columns if c.shown is not Shown.SHOW}
    assert hidden == {"feature:place[0]": Shown.HIDE, "feature:place[1]": Shown.HIDE, "label:label": Shown.HASH}
    chances = build_profile(lambda: [Row({}, {"yes": at / 9, "no": 1 - at / 9}) for at in range(9)], model="m")
    assert {c.shown for c in mask(chances, {"prediction": Shown.HIDE}).columns} == {Shown.HIDE}


def test_hidden_mismatches_are_still_known_as_such() -> None:
    """Detectors of errors go by an error being 0 or 1; that is no secret, its mean is."""
    masked, plain = (column(profile, "error", Role.ERROR) for profile in (mask(PLAIN, {"error": Shown.HIDE}), PLAIN))
    assert masked.moments == {"min": 0.0, "max": 1.0}
    expected = Baseline(plain, None).bin_of_one
    assert expected is not None
    assert expected == Baseline(masked, None).bin_of_one


@given(SETTINGS, SETTINGS)
def test_masking_never_shows_more(first: dict[str, Shown], second: dict[str, Shown]) -> None:
    """Twice the same is once; of two settings the stricter holds, in whichever order they come."""
    once = mask(PLAIN, first)
    assert mask(once, first) is once
    assert mask(once, second) == mask(mask(PLAIN, second), first)
    assert mask(once, {}) is once


@given(SETTINGS)
def test_masked_profiles_are_profiles(settings: dict[str, Shown]) -> None:
    """They are written and read like any other, with ids of their own and bins that are the same."""
    masked = mask(PLAIN, settings)
    assert profile_from_json(profile_to_json(masked), "p") == masked
    assert (masked is PLAIN) == (masked.reference_id == PLAIN.reference_id)
    assert [(c.key, c.fine_bins, c.counts) for c in masked.columns] == [
        (c.key, c.fine_bins, c.counts) for c in PLAIN.columns
    ]
    assert (masked.calibration, masked.rows, masked.source) == (PLAIN.calibration, PLAIN.rows, PLAIN.source)


def test_profiles_of_before_keep_their_bytes() -> None:
    """Where everything is shown nothing is written about it: documents and ids are those of earlier releases."""
    (path,) = COMMITTED.glob("*.json")
    profile = profile_from_json(path.read_bytes(), path.name)
    assert profile_to_json(mask(profile, {"absent": Shown.HIDE})) == path.read_bytes()
    assert profile.reference_id == path.stem
    assert b'"values"' not in path.read_bytes()


def test_names_without_a_column_are_known() -> None:
    """A column that was left out has one; a vector's name and ``prediction`` do too."""
    rows = [Row({"id": f"u{at}", "x": at % 5, "v": [at % 3]}, {"yes": 0.5}) for at in range(300)]
    profile = build_profile(lambda: rows, model="m")
    settings = dict.fromkeys(("id", "x", "v", "v[0]", "prediction", "idd", "v[1]", "yes"), Shown.HIDE)
    assert unknown_names(profile, settings) == ("idd", "v[1]", "yes")


def test_categories_of_one_hash_cannot_be_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bins with one token would be one: the profile is refused by name."""
    monkeypatch.setattr(masking, "text_hash", lambda _text: 7)
    with pytest.raises(ProfileError, match="m/1: two categories of feature:town have the same hash"):
        mask(PLAIN, {"town": Shown.HASH})


@pytest.mark.parametrize(
    ("name", "field", "value", "message"),
    [
        ("town", "values", "secret", "values: Input should be 'show', 'hash' or 'hide'"),
        ("town", "categories", ["#1", "b", "c"], "categories whose values are not shown must be tokens: # and 16 hex"),
        ("amount", "values", "hash", "the values of a numeric column are shown or hidden"),
        ("amount", "quantiles", {"0.5": 1.0}, "a numeric column with hidden values has no quantiles and moments"),
        ("amount", "moments", {"min": 0.0, "max": 7.0}, "a numeric column with hidden values has no quantiles and mo"),
    ],
)
def test_contradictory_document_is_refused(name: str, field: str, value: Any, message: str) -> None:
    """A file that says hidden and holds values is an error that names the column's place."""
    document = orjson.loads(profile_to_json(mask(PLAIN, {"town": Shown.HASH, "amount": Shown.HIDE})))
    (at,) = (at for at, item in enumerate(document["columns"]) if item["name"] == name)
    document["columns"][at][field] = value
    with pytest.raises(ProfileError) as caught:
        profile_from_json(orjson.dumps(document), "p.json")
    assert str(caught.value).replace(".values: ", ": values: ").startswith(f"p.json: columns.{at}: {message}")
