"""What has changed, in the feature's own units."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from driftd.detect.baseline import Baseline
from driftd.detect.distances import distances
from driftd.detect.effect import describe
from driftd.detect.recent import Change
from driftd.references.profile import ColumnProfile
from driftd.values.closed import ColumnSums
from driftd.values.keys import Channel
from driftd.values.verdict import Effect
from driftd.values.windows import Window

CategoricalColumn = Callable[..., ColumnProfile]
NumericColumn = Callable[..., ColumnProfile]
SumsOf = Callable[..., ColumnSums]

MINUTES = np.random.default_rng(1).gamma(4.0, 12.0, size=10_000)  # mean 48


def effect_of(
    baseline: Baseline, sums: ColumnSums, changes: Sequence[Change] = (), spoken_of: set[Channel] | None = None
) -> Effect:
    """Describe a window, and hold that it can be written as JSON."""
    observed = baseline.observed(sums.sums)
    apart = distances(observed.counts[None], baseline.counts[None], baseline.ranks[Channel.LOCATION][None])[0]
    spoken_of = {change.channel for change in changes} if spoken_of is None else spoken_of
    effect = describe(
        changes,
        spoken_of=spoken_of,
        onset_ms=0,
        observed=observed,
        sums=sums.sums,
        distances=apart,
        baseline=baseline,
    )
    json.dumps([effect.size, effect.before, effect.after, effect.bins], allow_nan=False)
    return effect


def shift(effect: float, channel: Channel = Channel.LOCATION, error: float = 0.01) -> Change:
    """Make a change of a channel."""
    return Change(channel, onset_ms=-60_000, before=0.0, effect=effect, error=error, step_error=error)


@pytest.mark.parametrize(("factor", "tolerance"), [(1.0, 0.05), (2.0, 0.1), (100.0, 0.7)])
def test_a_doubling_and_a_change_of_unit_can_be_told(
    numeric_column: NumericColumn, column_sums: SumsOf, factor: float, tolerance: float
) -> None:
    """The median after a change is told from counts alone, far beyond the training range as well."""
    column = numeric_column("minutes", MINUTES)
    now = MINUTES[:2_000] * factor
    effect = effect_of(Baseline(column, None), column_sums(column, now), [shift(0.3)])
    assert effect.before["quantiles"]["0.5"] == pytest.approx(np.median(MINUTES), rel=0.01)
    assert effect.before["mean"] == pytest.approx(MINUTES.mean(), rel=0.02)
    assert effect.after["quantiles"]["0.5"] == pytest.approx(np.median(now), rel=tolerance)


def test_quantiles_follow_the_values_within_a_fine_bin(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """All five quantiles lie within one fine bin (a hundredth of the mass) of the exact ones."""
    column = numeric_column("minutes", MINUTES)
    now = MINUTES[:2_000] + 5
    after = effect_of(Baseline(column, None), column_sums(column, now), [shift(0.3)]).after
    exact = {
        f"{q:g}": float(np.searchsorted(np.sort(now), after["quantiles"][f"{q:g}"]) / 2_000)
        for q in (0.05, 0.25, 0.5, 0.75, 0.95)
    }
    assert exact == pytest.approx({name: float(name) for name in exact}, abs=0.012)


def test_values_beyond_every_edge_lie_on_the_outermost(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """There is no infinity in a page, however far the values are."""
    column = numeric_column("minutes", MINUTES)
    effect = effect_of(Baseline(column, None), column_sums(column, [1e300] * 300), [shift(0.5)])
    assert effect.after["quantiles"]["0.5"] == column.edges[-1]


def test_without_usable_values_there_are_no_quantiles(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """A column that went missing has None in place of quantiles, or its rate where that is what changed."""
    column = numeric_column("minutes", MINUTES, missing=100)
    baseline, sums = Baseline(column, None), column_sums(column, [], missing=300)
    assert effect_of(baseline, sums).after["mean"] is None
    effect = effect_of(baseline, sums, [shift(0.99, Channel.MISSING)])
    assert (effect.channel, effect.direction, effect.after) == (Channel.MISSING, "up", {"rate": 1.0})
    assert effect.before == {"rate": 100 / 10_100}


def test_a_sure_location_is_told_before_any_other_channel(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """A move of the values changes their spread as well: "up by .2" says more than "narrower", however sure."""
    column = numeric_column("minutes", MINUTES)
    changes = [shift(0.2, error=0.05), shift(-0.1, Channel.SCALE, error=0.01)]
    effect = effect_of(Baseline(column, None), column_sums(column, MINUTES[:300]), changes)
    assert (effect.channel, effect.direction, effect.size, effect.onset_ms) == (Channel.LOCATION, "up", 0.2, -60_000)


def test_the_surest_channel_is_told_where_location_is_unsure(
    numeric_column: NumericColumn, column_sums: SumsOf
) -> None:
    """Direction, size and onset are those of the channel with the most standard errors."""
    column = numeric_column("minutes", MINUTES)
    changes = [shift(0.02, error=0.05), shift(-0.1, Channel.SCALE, error=0.01)]
    effect = effect_of(Baseline(column, None), column_sums(column, MINUTES[:300]), changes)
    assert (effect.channel, effect.direction, effect.size, effect.onset_ms) == (Channel.SCALE, "down", -0.1, -60_000)


def test_a_small_move_does_not_hide_a_large_spread(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """Where the spread changed more than twice as much as the location, the spread is what is told."""
    column = numeric_column("minutes", MINUTES)
    changes = [shift(0.1, error=0.01), shift(0.4, Channel.SCALE, error=0.03)]
    effect = effect_of(Baseline(column, None), column_sums(column, MINUTES[:300]), changes)
    assert (effect.channel, effect.size) == (Channel.SCALE, 0.4)


def test_what_alarmed_is_told_although_it_is_unsure(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """The gross rule may alarm on a rate whose design effect leaves it unsure: the rate is told, not the shape."""
    column = numeric_column("minutes", MINUTES)
    changes = [shift(-0.19, Channel.MISSING, error=0.2)]
    effect = effect_of(Baseline(column, None), column_sums(column, MINUTES[:300]), changes)
    assert (effect.channel, effect.direction) == (Channel.MISSING, "down")


def test_categories_change_and_never_move_up_or_down(categorical_column: CategoricalColumn) -> None:
    """A rank of categories says nothing to a reader: the shares do."""
    column = categorical_column("country", {"DE": 600, "FR": 400})
    sums = ColumnSums(0, Window(0, 60_000), 1, np.array([200, 0, 0, 0, 60, 140, 0], dtype=np.int64))
    effect = effect_of(Baseline(column, None), sums, [shift(0.2, error=0.01)])
    assert (effect.channel, effect.direction, effect.onset_ms) == (Channel.SHAPE, "changed", -60_000)
    assert {"DE": 0.3, "FR": 0.7} == effect.after["shares"]


def test_an_alarm_on_a_rate_tells_the_rate(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """What is told is what alarmed, although another channel has moved as well."""
    column = numeric_column("minutes", MINUTES)
    changes = [shift(0.2, error=0.01), shift(0.1, Channel.MISSING, error=0.02)]
    sums = column_sums(column, MINUTES[:300])
    effect = effect_of(Baseline(column, None), sums, changes, spoken_of={Channel.MISSING})
    assert (effect.channel, effect.direction, effect.size) == (Channel.MISSING, "up", 0.1)


def test_where_no_mean_moved_the_shape_did(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """Below three standard errors on every channel the debiased PSI of the window is the size."""
    column = numeric_column("minutes", MINUTES)
    effect = effect_of(Baseline(column, None), column_sums(column, MINUTES[::2]), [shift(0.02)], {Channel.SHAPE})
    assert (effect.channel, effect.direction, effect.onset_ms) == (Channel.SHAPE, "changed", 0)
    assert abs(effect.size) < 0.01


def test_bins_that_moved_most_come_first(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """At most five, with shares before and after, and no bound where a bin has none."""
    column = numeric_column("minutes", MINUTES)
    bins = effect_of(Baseline(column, None), column_sums(column, MINUTES[:2_000] * 2), [shift(0.3)]).bins
    assert len(bins) == 5
    assert bins[0]["to"] is None
    assert bins[0]["from"] == pytest.approx(np.quantile(MINUTES, 0.95), rel=0.02)
    assert bins[0]["before"] == pytest.approx(0.05)
    assert bins[0]["after"] == pytest.approx((MINUTES[:2_000] * 2 >= bins[0]["from"]).mean())


def test_categories_are_told_by_name_and_share(
    categorical_column: Callable[..., ColumnProfile], column_sums: SumsOf
) -> None:
    """Shares before and after; what is not in the profile's list is ``other``, a bin without a category."""
    column = categorical_column("country", {"DE": 700, "FR": 200, "LI": 100})
    effect = effect_of(Baseline(column, None), column_sums(column, {"DE": 100, "LI": 60}, unseen=40), [shift(0.2)])
    assert effect.before == {"shares": {"DE": 0.7, "FR": 0.2, "LI": 0.1}, "other": 0.0}
    assert effect.after == {"shares": {"DE": 0.5, "FR": 0.0, "LI": 0.3}, "other": 0.2}
    assert {moved["category"]: moved["after"] for moved in effect.bins} == {
        None: 0.2,
        "FR": 0.0,
        "LI": 0.3,
        "DE": 0.5,
    }
