"""Which columns a page names: against the rule written out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftd.detect.evidence.suspects import suspects

COLUMN = st.tuples(st.floats(0, 1e9), st.floats(0.01, 1), st.integers(0, 1_000))


def written_out(columns: list[tuple[float, float, int]]) -> set[int]:
    """Name the k columns with the greatest e, k the largest with e_(k) >= J / (.1 k)."""
    total = sum(weight for _, weight, _ in columns)
    size = len(columns)
    e = [evidence / min(max(windows, 1), 288) * (weight / total) * size for evidence, weight, windows in columns]
    order = sorted(range(size), key=lambda at: -e[at])
    named = 0
    for k in range(1, size + 1):
        if e[order[k - 1]] >= size / (0.1 * k):
            named = k
    return set(order[:named])


@given(st.lists(COLUMN, min_size=1, max_size=12))
def test_the_columns_named_are_those_of_the_rule(columns: list[tuple[float, float, int]]) -> None:
    """The strongest come first."""
    evidence, weights, windows = (np.array(part) for part in zip(*columns, strict=True))
    found = suspects(evidence, weights / weights.sum(), windows).tolist()
    assert set(found) == written_out(columns)
    e = evidence / np.clip(windows, 1, 288) * weights
    assert [e[at] for at in found] == sorted((e[at] for at in found), reverse=True)


def test_without_evidence_nobody_is_named() -> None:
    """Evidence of the size that windows give by themselves names no column."""
    assert suspects(np.full(10, 50.0), np.full(10, 0.1), np.full(10, 50)).tolist() == []
