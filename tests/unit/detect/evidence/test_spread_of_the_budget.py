"""How the budget of a monitor is spread: always all of it, in fixed parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.detect.evidence.scores import MEANS
from driftd.detect.evidence.weights import channel_weights, column_weights
from driftd.references.profile import ColumnProfile
from driftd.values.keys import ColumnKey, Kind, Role

PART = {Role.FEATURE: 0.5, Role.PREDICTION: 0.25, Role.LABEL: 0.25, Role.ERROR: 0.25}


def columns(*roles: Role) -> list[ColumnProfile]:
    """Make columns c0, c1, … of these roles."""
    return [
        ColumnProfile(ColumnKey(role, f"c{at}"), Kind.CATEGORICAL, 4, 0, 0, (2, 2), categories=("a",))
        for at, role in enumerate(roles)
    ]


@given(
    st.lists(st.sampled_from(Role), min_size=1, max_size=30),
    st.dictionaries(st.integers(0, 29).map("c{}".format), st.floats(1e-6, 1_000)),
)
def test_weights_of_columns_sum_to_one(roles: list[Role], importances: dict[str, float]) -> None:
    """Whatever columns there are and however important; none is left without."""
    weights = column_weights(columns(*roles), importances)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights > 0).all()


def test_groups_share_by_halves_and_quarters() -> None:
    """Labels and errors are one group; a group without columns leaves its part to the others."""
    roles = (Role.FEATURE, Role.FEATURE, Role.PREDICTION, Role.LABEL, Role.ERROR)
    assert column_weights(columns(*roles), {}) == pytest.approx(np.array([0.25, 0.25, 0.25, 0.125, 0.125]))
    assert column_weights(columns(*roles[:3]), {}) == pytest.approx(np.array([1, 1, 1]) / 3)
    assert column_weights(columns(*roles[:2]), {"c1": 3.0}) == pytest.approx(np.array([0.25, 0.75]))


@given(st.lists(st.lists(st.booleans(), min_size=len(MEANS), max_size=len(MEANS)), min_size=1, max_size=8))
def test_weights_of_channels_sum_to_one_where_anything_varies(varies: list[list[bool]]) -> None:
    """What cannot vary has nothing; a column in which nothing can vary has nothing at all."""
    of_means, of_shape = channel_weights(np.array(varies))
    for at, channels in enumerate(varies):
        assert of_means[at].sum() + of_shape[at] == pytest.approx(1.0 if any(channels) else 0.0)
        assert all(weight > 0 or not can for weight, can in zip(of_means[at].tolist(), channels, strict=True))
        assert all(weight == 0 or can for weight, can in zip(of_means[at].tolist(), channels, strict=True))
