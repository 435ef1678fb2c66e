"""What detectors are fed where a column's windows depend on each other."""

import json

import numpy as np
import pytest
from closed_windows import BINS, MONITOR, TRAINING, fine

from driftd.detect.bank import Bank
from driftd.detect.baseline import Baseline
from driftd.detect.evidence.foreseen import Forecast, Foreseen
from driftd.detect.observed import Observed
from driftd.detect.river_adapter import DetectorKit
from driftd.detect.settings import DetectorSettings, DetectSettings
from driftd.detect.stage import DetectStage
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile, Floats, Profile
from driftd.values.closed import ClosedWindow, ColumnSums
from driftd.values.keys import Channel, ColumnKey, Kind, Role
from driftd.values.paging import Paging
from driftd.values.settings import EVIDENCE, PageRule
from driftd.values.verdict import WindowVerdict
from driftd.values.windows import Window

KIT = DetectorKit(DetectorSettings(page_hinkley=None))
KEY = ColumnKey(Role.FEATURE, "x")
BLOCKS, LIVE, MINUTE_MS = 300, 60, 60_000


def effects(decay: float, seed: int) -> Floats:
    """Draw window effects: an autoregression with the standard deviation of three means of 200 rows."""
    rng, sd = np.random.default_rng(seed), 0.2
    noise = rng.normal(size=BLOCKS + LIVE) * sd * np.sqrt(1 - decay**2)
    found = np.zeros(len(noise))
    for at in range(1, len(noise)):
        found[at] = decay * found[at - 1] + noise[at]
    return found if decay else np.zeros(len(noise))


def run(number: int, shift: float) -> list[int]:
    """Count 200 rows of a window per fine bin."""
    counts: list[int] = fine(np.random.default_rng([7, number]).normal(size=200) + shift).tolist()
    return counts


def reference(shifts: Floats) -> Profile:
    """Build a profile of one column whose training rows are blocks moved by these shifts."""
    fine_runs = np.array([run(number, shift) for number, shift in enumerate(shifts)])
    blocks = np.stack([np.bincount(BINS.test_of, weights=counts) for counts in fine_runs]).astype(int)
    rows = tuple((200, 0, 0, 0, *counts) for counts in blocks.tolist())
    n, counts = 200 * len(shifts), tuple(fine_runs.sum(axis=0).tolist())
    column = ColumnProfile(KEY, Kind.NUMERIC, n, 0, 0, counts, BINS.edges, BINS.test_of)
    calibration = Calibration(MINUTE_MS, 200.0, len(rows), {}, {KEY: BlockCounts(rows)})
    return Profile("fraud", "3", n, (column,), reference_id="r1", calibration=calibration)


def stage(profile: Profile) -> DetectStage:
    """Make a stage in which evidence pages."""
    return DetectStage(lambda _: DetectSettings(), lambda *_: Paging((PageRule(EVIDENCE),)), {"r1": profile}.get)


def window(number: int, shift: float) -> ClosedWindow:
    """Close minute ``number`` after training."""
    span = Window(number * MINUTE_MS, (number + 1) * MINUTE_MS)
    sums = ColumnSums(0, span, 1, np.array([200, 0, 0, 0, *run(BLOCKS + number, shift)], dtype=np.int64))
    return ClosedWindow(MONITOR, span, "r1", "s", 200, incomplete=False, sources=(), columns=(sums,), starved=())


def adwin_width(watching: DetectStage) -> float:
    """Return how many values ADWIN keeps of the location."""
    state = watching.to_state()[MONITOR]["columns"][str(KEY)]
    width: float = state["detectors"]["location"]["adwin"]["width"]
    return width


def test_a_forecast_is_taken_from_every_rank_and_sets_how_many_are_fed() -> None:
    """200 rows of a design effect of 4 are 50 values, and together they are lower by the shift each."""
    column = ColumnProfile(KEY, Kind.NUMERIC, 1_000, 0, 0, tuple(fine(TRAINING).tolist()), BINS.edges, BINS.test_of)
    baseline, bank = Baseline(column, None), Bank(KIT, "x")
    counts = np.full(len(baseline.counts), 10)
    observed = Observed((int(counts.sum()), 0, 0, 0), counts)
    plain = Bank(KIT, "x")
    plain.observe(observed, baseline, (), 200)
    bank.observe(observed, baseline, (), 200, Forecast({Channel.LOCATION: Foreseen(0.25, 4.0)}, dict))
    fed, as_ever = (one.to_state()["location"]["adwin"] for one in (bank, plain))
    assert as_ever["width"] - fed["width"] == 200 - 200 // 4
    each = [detector.to_state()["location"]["adwin"]["total"] for detector in (bank, plain)]
    assert each[1] - each[0] == pytest.approx(200 * 0.5 - 50 * (0.5 - 0.25), abs=1.0)
    assert bank.to_state()["scale"] == plain.to_state()["scale"]


def test_dependent_windows_are_told_less_what_could_be_foreseen() -> None:
    """Windows that wander as training did are no drift, and a step is told within a few windows."""
    moves = effects(0.9, 5)
    watching = stage(reference(moves[:BLOCKS]))
    calm = [watching.observe(window(n, shift)) for n, shift in enumerate(moves[BLOCKS:])]
    assert not told(calm)
    moved = [watching.observe(window(LIVE + n, moves[-1] + 1.5)) for n in range(4)]
    assert told(moved)


def test_a_restart_goes_on_with_the_same_forecasts() -> None:
    """Half-way restored from JSON, every later verdict and all memory is the same."""
    moves = effects(0.9, 5)
    profile = reference(moves[:BLOCKS])
    whole, before = stage(profile), stage(profile)
    for n in range(10):
        whole.observe(window(n, moves[BLOCKS + n]))
        before.observe(window(n, moves[BLOCKS + n]))
    after = stage(profile)
    after.restore({key: json.loads(json.dumps(state)) for key, state in before.to_state().items()})
    for n in range(10, 20):
        assert after.observe(window(n, moves[BLOCKS + n])) == whole.observe(window(n, moves[BLOCKS + n]))
    assert after.to_state() == whole.to_state()


@pytest.mark.parametrize(("decay", "values"), [(0.0, 200), (0.9, 100)])
def test_only_dependent_windows_are_fed_otherwise(decay: float, values: int) -> None:
    """Independent windows are fed whole; of dependent ones fewer values, but not as few as a long-run design effect."""
    moves = effects(decay, 5)
    watching = stage(reference(moves[:BLOCKS]))
    watching.observe(window(0, moves[BLOCKS]))
    before = adwin_width(watching)
    watching.observe(window(1, moves[BLOCKS + 1]))
    fed = adwin_width(watching) - before
    assert fed == 200 if values == 200 else 20 < fed <= values


def told(verdicts: list[WindowVerdict]) -> list[int]:
    """List the windows in which a detector of river's spoke."""
    return [
        n
        for n, v in enumerate(verdicts)
        if any(d.detector in {"adwin", "page_hinkley"} for d in v.columns[0].detections)
    ]
