"""Telling the values of a column apart."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftd.references import rows
from driftd.references.rows import cells

numbers = st.one_of(st.none(), st.floats(), st.integers(), st.just(10**400))
texts = st.one_of(st.none(), st.text(max_size=3))
anything: st.SearchStrategy[Any] = st.one_of(
    numbers, texts, st.booleans(), st.lists(st.integers(), max_size=2), st.just({})
)


@given(st.one_of(st.lists(numbers), st.lists(texts), st.lists(anything)))
def test_quick_paths_agree_with_the_general_one(values: list[Any]) -> None:
    """Columns of one type come out as the path for mixed ones would have them."""
    quick, general = cells(values), rows._mixed(values)
    for name in ("missing", "is_number", "is_bool", "is_text"):
        assert getattr(quick, name).tolist() == getattr(general, name).tolist()
    assert np.array_equal(quick.numbers, general.numbers, equal_nan=True)
    assert list(quick.texts) == list(general.texts)


@given(st.lists(anything))
def test_each_value_is_at_most_one_thing(values: list[Any]) -> None:
    """A value is missing, a number, a boolean, a text, or none of these: invalid."""
    found = cells(values)
    kinds = found.missing.astype(int) + found.is_number + found.is_bool + found.is_text
    assert set(kinds.tolist()) <= {0, 1}
    invalid = [value for value, kind in zip(values, kinds.tolist(), strict=True) if kind == 0]
    assert all(isinstance(value, list | dict | float | int) and not isinstance(value, bool) for value in invalid)
