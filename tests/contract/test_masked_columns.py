"""Columns whose values are hashed or hidden: every implementation counts as without, and keeps no text (events.md)."""

from collections import Counter
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

from driftd.summarise.settings import TopicSettings
from driftd.values.hashing import text_hash
from driftd.values.part import UNSEEN_KEPT, Part
from driftd.values.privacy import token_of
from driftd.values.settings import LimitSettings, WindowSettings
from kernels import BUILT, IMPLEMENTATIONS, Make

WINDOWS = WindowSettings(duration="60s", lateness="30s")
COUNTRY = [column.key.name for column in PROFILES["hashed"].columns].index("country")


@pytest.fixture(params=IMPLEMENTATIONS)
def make(request: pytest.FixtureRequest) -> Make:
    """Return what makes a summariser of the implementation under test."""
    made: Make = request.param
    return made


def part_of(make: Make, model: str, rows: list[dict[str, Any]]) -> Part:
    """Return what events with these features come to."""
    summariser = make(SOURCE, TopicSettings(), WINDOWS, LimitSettings(), find_profile)
    summariser.add(batch(event(model, NOON_MS, features=features) for features in rows), FRESH)
    (part,) = summariser.touched()
    return part


def test_tokens_of_unseen_texts_are_kept(make: Make) -> None:
    """Of a hashed column the same unseen texts are kept as without, each as its token and with its count (V13)."""
    texts = [f"town {number % 60}" for number in range(600)] + ["x" * 300] * 3
    rows = [{"country": text} for text in texts]

    part, unmasked = part_of(make, "hashed", rows), part_of(make, "plain", rows)
    least = sorted(Counter(texts).items(), key=lambda item: text_hash(item[0]))[:UNSEEN_KEPT]

    assert [(u.hash, u.events) for u in part.unseen] == [(u.hash, u.events) for u in unmasked.unseen]
    assert [(u.column, u.text, u.events) for u in part.unseen] == [
        (COUNTRY, token_of(text_hash(text)), n) for text, n in least
    ]


def test_nothing_is_kept_of_hidden_texts(make: Make) -> None:
    """Unseen texts of a hidden column are counted and otherwise forgotten (V13)."""
    part = part_of(make, "hidden", [{"country": "Atlantis"}, {"country": "DE"}])

    assert (part.unseen, runs(part)["country"]) == ((), [2, 0, 0, 1, 1, 0, 0, 0, 1])


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 5, 1e308, "DE", "FR", "IT", "de", "", "a", "true", token_of(text_hash("DE"))]),
    st.text(max_size=2),
)
FEATURES = st.fixed_dictionaries({}, optional=dict.fromkeys(["amount", "country", "flag", "free"], VALUES))


@settings(deadline=None, max_examples=60)
@given(drawn=st.lists(FEATURES, min_size=1, max_size=10), times=st.integers(1, 5))
def test_sums_are_those_of_shown_columns(drawn: list[dict[str, Any]], times: int) -> None:
    """Whatever comes, every column's run is the same, shown, hashed or hidden; and no text is in the parts."""
    for make in BUILT.values():
        shown = part_of(make, "plain", drawn * times)
        for model in ("hashed", "hidden"):
            masked = part_of(make, model, drawn * times)
            assert runs(masked) == {name: runs(shown)[name] for name in runs(masked)}
            assert {u.text for u in masked.unseen} <= {token_of(u.hash) for u in shown.unseen}
