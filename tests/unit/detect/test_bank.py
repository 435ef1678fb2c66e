"""The detectors of one column: what they are fed first, and when they wake up."""

from collections.abc import Callable

import numpy as np
import pytest

from driftd.detect.bank import Bank
from driftd.detect.baseline import Baseline
from driftd.detect.observed import Observed
from driftd.detect.recent import Recent, recent
from driftd.detect.river_adapter import BINARY, DetectorKit
from driftd.detect.settings import DETECTORS, DetectorSettings
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile, Ints
from driftd.values.keys import Channel, Role
from driftd.values.state import State
from driftd.values.verdict import Detection
from driftd.values.windows import Window

ADWIN_ONLY = DetectorKit(DetectorSettings(page_hinkley=None))
CLEAN = np.full(20, 10)


def window(counts: Ints = CLEAN, missing: int = 0) -> Observed:
    """Make a window of counts per test bin."""
    return Observed((int(counts.sum()) + missing, missing, 0, 0), counts.astype(np.int64))


def widths(state: State) -> dict[str, float]:
    """Return how many values each ADWIN keeps."""
    return {channel: detectors["adwin"]["width"] for channel, detectors in state.items()}


@pytest.fixture
def column(numeric_column: Callable[..., ColumnProfile]) -> ColumnProfile:
    """2,000 training rows."""
    return numeric_column("x", np.arange(2_000.0))


def test_the_reference_comes_first_as_windows_of_200_rows(column: ColumnProfile) -> None:
    """2,000 training rows of unknown order are 10 windows of 200 values, before the first live one."""
    bank = Bank(ADWIN_ONLY, "x")
    bank.observe(window(), Baseline(column, None), (), 200)
    assert widths(bank.to_state()) == {"location": 2_200.0, "scale": 2_200.0}


def test_a_calibrated_profile_brings_its_blocks_and_design_effects(column: ColumnProfile) -> None:
    """Each block and each live window gives n / deff values, channel by channel."""
    block = (200, 0, 0, 0, *CLEAN.tolist())
    deff = {column.key: {Channel.LOCATION: 4.0}}
    calibration = Calibration(60_000, 200.0, 3, deff, {column.key: BlockCounts((block,) * 3)})
    bank = Bank(ADWIN_ONLY, "x")
    bank.observe(window(), Baseline(column, calibration), (), 200)
    assert widths(bank.to_state()) == {"location": 4 * 50.0, "scale": 4 * 200.0}


def test_a_longer_window_has_a_larger_design_effect(column: ColumnProfile) -> None:
    """What moves a block moves a window of four blocks as a whole: 1 + 3 (deff - 1), never less than learnt."""
    calibration = Calibration(60_000, 100.0, 3, {column.key: {Channel.LOCATION: 3.0}}, {})
    baseline = Baseline(column, calibration)
    assert [baseline.deff(Channel.LOCATION, rows) for rows in (50, 100, 400)] == [3.0, 3.0, 9.0]
    assert baseline.deff(Channel.SCALE, 400) == 1.0


def test_a_rate_sleeps_while_it_is_nought(column: ColumnProfile) -> None:
    """Without a missing value in training or since there is nothing to watch."""
    bank = Bank(ADWIN_ONLY, "x")
    bank.observe(window(), Baseline(column, None), (), 200)
    assert "missing" not in bank.to_state()


def test_a_rate_wakes_up_with_what_it_slept_through(column: ColumnProfile) -> None:
    """At the first missing value its detectors see the reference, then the windows since, then this one."""
    baseline = Baseline(column, None)
    bank = Bank(ADWIN_ONLY, "x")
    earlier: list[Recent] = []
    for number in range(3):
        bank.observe(window(), baseline, earlier, 200)
        earlier.append(recent(Window(number, number + 1), window(), 0.0, baseline))
    bank.observe(window(missing=4), baseline, earlier, 200)
    assert widths(bank.to_state())["missing"] == 2_000 + 3 * 200 + 200
    assert widths(bank.to_state())["location"] == 2_000 + 4 * 200


def test_a_rate_that_jumps_from_nought_is_detected(column: ColumnProfile) -> None:
    """A tenth missing, never seen before, is told within two windows."""
    bank, baseline = Bank(ADWIN_ONLY, "x"), Baseline(column, None)
    told = [bank.observe(window(missing=22), baseline, (), 200) for _ in range(2)]
    assert Detection(Channel.MISSING, "adwin") in [*told[0], *told[1]]


def test_binary_detectors_run_on_rates_and_columns_of_bits_only(numeric_column: Callable[..., ColumnProfile]) -> None:
    """DDM and its like see 0 and 1, never a rank."""
    kit = DetectorKit(DetectorSettings.model_validate({name: {} for name in DETECTORS if name != "kswin"}))
    bits = numeric_column("error", [0.0] * 900 + [1.0] * 100, missing=50, role=Role.ERROR)
    ranks = numeric_column("error", np.arange(100.0) / 99, missing=50, role=Role.ERROR)
    for profile, location in ((bits, {*DETECTORS} - {"kswin"}), (ranks, {"adwin", "page_hinkley"})):
        bank, baseline = Bank(kit, "x"), Baseline(profile, None)
        bank.observe(Observed((profile.n, 50, 0, 0), baseline.counts), baseline, (), 200)
        state = bank.to_state()
        assert set(state["location"]) == location
        assert set(state["scale"]) == {"adwin", "page_hinkley"}
        assert set(state["missing"]) == {*DETECTORS} - {"kswin"}
    assert {*BINARY} < {*DETECTORS}


def test_a_rising_error_rate_is_heard_by_every_binary_detector(numeric_column: Callable[..., ColumnProfile]) -> None:
    """From one error in ten to five in ten, all that look for a rise speak within three windows."""
    kit = DetectorKit(DetectorSettings.model_validate({"adwin": None, "page_hinkley": None} | {n: {} for n in BINARY}))
    baseline = Baseline(numeric_column("error", [0.0] * 1_800 + [1.0] * 200, role=Role.ERROR), None)
    assert baseline.bin_of_one is not None
    half = np.zeros_like(baseline.counts)
    half[[baseline.bin_of_one - 1, baseline.bin_of_one]] = 100
    bank = Bank(kit, "x")
    told = [detection for _ in range(3) for detection in bank.observe(window(half), baseline, (), 200)]
    assert {d.detector for d in told if d.channel is Channel.LOCATION} == BINARY
