"""What is told of a change in a column whose values are not shown."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.distances import distances
from driftd.detect.effect import describe
from driftd.detect.recent import Change
from driftd.references.masking import mask
from driftd.references.profile import ColumnProfile, Profile
from driftd.values.closed import ColumnSums
from driftd.values.keys import Channel
from driftd.values.privacy import Shown
from driftd.values.verdict import Effect

CategoricalColumn = Callable[..., ColumnProfile]
NumericColumn = Callable[..., ColumnProfile]
SumsOf = Callable[..., ColumnSums]


def effects(column: ColumnProfile, sums: ColumnSums, channel: Channel) -> dict[Shown, Effect]:
    """Describe the same window of the same column, shown, hashed and hidden."""
    change = Change(channel, onset_ms=-60_000, before=0.0, effect=0.3, error=0.01, step_error=0.01)
    told = {}
    for shown in Shown:
        masked = mask(Profile("m", "1", 10, (column,)), {column.key.name: shown}).columns[0]
        baseline = Baseline(masked, None)
        observed = baseline.observed(sums.sums)
        apart = distances(observed.counts[None], baseline.counts[None], baseline.ranks[Channel.LOCATION][None])[0]
        told[shown] = describe(
            [change],
            spoken_of={channel},
            onset_ms=0,
            observed=observed,
            sums=sums.sums,
            distances=apart,
            baseline=baseline,
        )
    return told


def test_hidden_number_is_told_by_its_bins_places(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """Neither quantiles nor bounds, the same bins with the same shares; channel, direction and size are the same."""
    values = np.arange(1_000.0)
    column = numeric_column("salary", values)
    told = effects(column, column_sums(column, values[500:]), Channel.LOCATION)
    shown, hidden = told[Shown.SHOW], told[Shown.HIDE]
    places = {one["from"]: at + 1 for at, one in enumerate(_bounds(column))}
    assert (hidden.before, hidden.after) == ({}, {})
    assert [{"bin": places[one["from"]], "before": one["before"], "after": one["after"]} for one in shown.bins] == list(
        hidden.bins
    )
    assert replace(hidden, before=shown.before, after=shown.after, bins=shown.bins) == shown
    assert told[Shown.HASH] == hidden


def _bounds(column: ColumnProfile) -> list[dict[str, float | None]]:
    """Return where the test bins begin."""
    starts = [
        None,
        *(edge for edge, (below, above) in zip(column.edges, _neighbours(column), strict=True) if below != above),
    ]
    return [{"from": start} for start in starts]


def _neighbours(column: ColumnProfile) -> list[tuple[int, int]]:
    return list(zip(column.test_of, column.test_of[1:], strict=False))


def test_categories_are_told_by_token_or_rank(categorical_column: CategoricalColumn, column_sums: SumsOf) -> None:
    """In the shares before and after, and in the bins; the order and all figures are the same."""
    column = categorical_column("town", {"Ulm": 60, "Bonn": 40})
    told = effects(column, column_sums(column, {"Bonn": 150, "Ulm": 50}), Channel.SHAPE)
    shown = told[Shown.SHOW]
    tokens = mask(Profile("m", "1", 10, (column,)), {"town": Shown.HASH}).columns[0].categories
    renamed = {
        Shown.HASH: dict(zip(column.categories, tokens, strict=True)),
        Shown.HIDE: {"Ulm": "category 1", "Bonn": "category 2"},
    }
    for how, names in renamed.items():
        for side, plain in (("before", shown.before), ("after", shown.after)):
            expected = {
                "shares": {names[name]: share for name, share in plain["shares"].items()},
                "other": plain["other"],
            }
            assert expected == getattr(told[how], side)
        assert [{**one, "category": names.get(one["category"])} for one in shown.bins] == list(told[how].bins)


def test_rates_are_told_of_every_column(numeric_column: NumericColumn, column_sums: SumsOf) -> None:
    """How many values are missing says nothing of a value."""
    column = numeric_column("salary", np.arange(1_000.0))
    told = effects(column, column_sums(column, np.arange(100.0)), Channel.MISSING)
    assert told[Shown.HIDE].before == told[Shown.SHOW].before
    assert told[Shown.HIDE].before.keys() == {"rate"}
