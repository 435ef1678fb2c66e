"""Evidence against odd references and odd windows: never a warning, never a number that is not one."""

import json
import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.innovations import Innovations
from driftd.detect.evidence.monitor import Judged, MonitorEvidence
from driftd.detect.observed import Observed
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile
from driftd.values.keys import ColumnKey, Kind, Role
from evidence_world import MINUTE_MS, minute

HUGE = 10**12
COUNT = st.one_of(st.just(0), st.integers(0, 300), st.sampled_from([HUGE, 10**6]))
Run = tuple[int, ...]


class Case(NamedTuple):
    """A reference, a run of sums for each column and block, and the windows held against it."""

    blocks: list[list[Run]]  # columns x blocks
    windows: list[list[Run | None]]  # windows x columns


def run(bins: int, counts: st.SearchStrategy[int] = COUNT) -> st.SearchStrategy[Run]:
    """Draw a run of sums: n, missing, invalid, unseen and the bins, which fit together."""

    def sums(missing: int, invalid: int, unseen: bool, values: list[int]) -> Run:  # noqa: FBT001 - drawn by Hypothesis
        return (missing + invalid + sum(values), missing, invalid, values[-1] if unseen else 0, *values)

    return st.builds(sums, counts, counts, st.booleans(), st.lists(counts, min_size=bins, max_size=bins))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw columns of one to five bins, their blocks with and without rows, and extreme windows."""
    widths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    length = draw(st.sampled_from([1, 7, 41]))
    one_of = [st.lists(run(bins), min_size=1, max_size=3) for bins in widths]
    blocks = [(some * length)[:length] for some in map(draw, one_of)]
    windows = draw(
        st.lists(st.tuples(*[st.one_of(st.none(), run(bins)) for bins in widths]).map(list), min_size=1, max_size=4)
    )
    repeats = draw(st.sampled_from([1, 15]))
    return Case(blocks, windows * repeats)


def baselines(blocks: list[list[Run]]) -> list[Baseline]:
    """Make a reference of these blocks; of a single one no order is known."""
    columns = []
    for at, runs in enumerate(blocks):
        total = np.array(runs, dtype=object).sum(axis=0).tolist()
        key = ColumnKey(Role.FEATURE, f"x{at}")
        names = tuple("abcde"[: len(total) - 5])
        n, missing, invalid, _, *counts = total
        columns.append(ColumnProfile(key, Kind.CATEGORICAL, n, missing, invalid, tuple(counts), categories=names))
    history = {column.key: BlockCounts(tuple(runs)) for column, runs in zip(columns, blocks, strict=True)}
    rows = float(np.mean([run[0] for runs in blocks for run in runs]))
    calibration = Calibration(MINUTE_MS, rows, len(blocks[0]), {}, history) if len(blocks[0]) > 1 else None
    return [Baseline(column, calibration) for column in columns]


def check(judged: Judged, evidence: MonitorEvidence) -> None:
    """Expect nothing but finite numbers, in what is said and in what is kept."""
    assert math.isfinite(judged.log10)
    assert all(math.isfinite(said.log10) for said in judged.columns.values())
    kept = [evidence._means.evidence, evidence._shape.evidence]
    kept += [getattr(evidence._means.filters, field) for field in Innovations.FIELDS]
    assert all(np.isfinite(array).all() for array in kept)
    json.dumps(evidence.to_state(), allow_nan=False)


@given(cases())
@settings(max_examples=50)
def test_every_number_stays_finite(case: Case) -> None:
    """Rates of 0 and 1, columns of one bin or without rows, windows without events or with 10^12 of a kind."""
    evidence = MonitorEvidence(baselines(case.blocks), MINUTE_MS)
    for number, window in enumerate(case.windows):
        observed = [
            (at, Observed(one[:4], np.array(one[4:], dtype=np.int64)))
            for at, one in enumerate(window)
            if one is not None
        ]
        check(evidence.observe(observed, minute(number), 300.0, 0), evidence)


def test_a_monitor_without_columns_says_nothing() -> None:
    """Its evidence is what it is without any."""
    evidence = MonitorEvidence([], MINUTE_MS)
    check(evidence.observe([], minute(0), 300.0, 0), evidence)


@pytest.mark.parametrize("rate", [0, 1])
def test_a_rate_of_nothing_or_all_that_stays_is_no_evidence(rate: int) -> None:
    """A column that never, or always, lacks its value in training and after does not page."""
    one = (200, 200 * rate, 0, 0, 200 * (1 - rate), 0)
    evidence = MonitorEvidence(baselines([[one] * 50]), MINUTE_MS)
    for number in range(300):
        judged = evidence.observe([(0, Observed(one[:4], np.array(one[4:])))], minute(number), 300.0, 0)
        assert not judged.columns[0].alarm


@pytest.mark.parametrize("rate", [0, 1])
def test_a_rate_of_nothing_or_all_that_turns_pages_at_once(rate: int) -> None:
    """The column is as certain of its rate as its 10,000 training rows allow."""
    usual, turned = ((200, 200 * (rate ^ now), 0, 0, 200 * (1 - (rate ^ now)), 0) for now in (0, 1))
    evidence = MonitorEvidence(baselines([[usual] * 50]), MINUTE_MS)
    evidence.observe([(0, Observed(usual[:4], np.array(usual[4:])))], minute(0), 300.0, 0)
    judged = [
        evidence.observe([(0, Observed(turned[:4], np.array(turned[4:])))], minute(number), 300.0, 0)
        for number in (1, 2, 3)
    ]
    assert any(one.columns[0].alarm for one in judged)
