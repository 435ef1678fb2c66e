"""Counters of columns whose values are hashed or hidden against those of the same column shown."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.references.profile import ColumnProfile
from driftd.summarise.columns import counter_of
from driftd.summarise.unseen import UnseenTexts
from driftd.values.hashing import text_hash
from driftd.values.keys import ColumnKey, Kind, Role
from driftd.values.layout import HEADER
from driftd.values.part import UnseenCategory
from driftd.values.privacy import Shown, token_of

TEXTS = ("a", "", "true", "1", token_of(text_hash("a")))


def column(shown: Shown, *, open_vocabulary: bool = False) -> ColumnProfile:
    """A column of five categories, and a rarer one; one of them looks like another's token."""
    return ColumnProfile(
        ColumnKey(Role.FEATURE, "x"),
        Kind.CATEGORICAL,
        0,
        0,
        0,
        (0,) * 6,
        categories=TEXTS if shown is Shown.SHOW else tuple(token_of(text_hash(text)) for text in TEXTS),
        known=frozenset({text_hash("rare")}),
        open_vocabulary=open_vocabulary,
        shown=shown,
    )


def counted(column: ColumnProfile, values: list[Any], *, at_once: bool) -> tuple[list[int], list[UnseenCategory]]:
    """Return the run and the unseen texts that values come to."""
    run, unseen = np.zeros(HEADER + column.fine_bins, dtype=np.int64), UnseenTexts()
    counter = counter_of(column)
    if at_once:
        counter.count(values, run, unseen)
    else:
        for value in values:
            counter.count_value(value, run, unseen)
    return run.tolist(), list(unseen.categories(0))


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 1),
    st.sampled_from([*TEXTS, "rare", "new", token_of(text_hash("new")), "é" * 200]),
    st.text(max_size=2),
)


@pytest.mark.parametrize("open_vocabulary", [False, True])
@given(values=st.lists(VALUES))
def test_masked_columns_count_like_shown_ones(values: list[Any], *, open_vocabulary: bool) -> None:
    """The same run, at once and one by one; of unseen texts the same hashes and counts, or nothing where hidden."""
    run, unseen = counted(column(Shown.SHOW, open_vocabulary=open_vocabulary), values, at_once=False)
    tokens = [category._replace(text=token_of(category.hash)) for category in unseen]
    for shown, kept in ((Shown.HASH, tokens), (Shown.HIDE, [])):
        for at_once in (True, False):
            masked = column(shown, open_vocabulary=open_vocabulary)
            assert counted(masked, values, at_once=at_once) == (run, kept)
