"""river's detectors: fed as river would be, and written down so that nothing is lost."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift

from driftd.detect.adwin_layout import adwin_bytes
from driftd.detect.river_adapter import BINARY, Detector, DetectorKit
from driftd.detect.river_fields import FHDDM_SHORT_FIELDS, FIELDS
from driftd.detect.settings import DETECTORS, DetectorSettings
from driftd.errors import SnapshotError
from driftd.values.state import State

# Sensitive and short, so that drawn streams reach alarms, merged buckets and resets.
KIT = DetectorKit(
    DetectorSettings.model_validate(
        {
            "adwin": {"delta": 0.2, "clock": 4, "max_buckets": 2},
            "page_hinkley": {"threshold": 2.0, "min_instances": 5},
            "kswin": {"window_size": 20, "stat_size": 8, "alpha": 0.05},
            "ddm": {"warm_start": 5},
            "eddm": {"warm_start": 5},
            "fhddm": {"sliding_window_size": 10, "confidence_level": 0.3, "short_window_size": 4},
            "hddm_a": {"drift_confidence": 0.2, "warning_confidence": 0.3, "two_sided_test": True},
            "hddm_w": {"drift_confidence": 0.2, "warning_confidence": 0.3, "two_sided_test": True},
        }
    )
)
ADWIN: Any = drift.ADWIN
BITS: Any = drift.binary
RIVERS_OWN: dict[str, Callable[[], Any]] = {
    "adwin": lambda: ADWIN(delta=0.2, clock=4, max_buckets=2),
    "page_hinkley": lambda: drift.PageHinkley(threshold=2.0, min_instances=5, alpha=1.0),
    "kswin": lambda: drift.KSWIN(window_size=20, stat_size=8, alpha=0.05, seed=7),
    "ddm": lambda: BITS.DDM(warm_start=5),
    "eddm": lambda: BITS.EDDM(warm_start=5),
    "hddm_a": lambda: BITS.HDDMA(drift_confidence=0.2, warning_confidence=0.3, two_sided_test=True),
    "hddm_w": lambda: BITS.HDDMW(drift_confidence=0.2, warning_confidence=0.3, two_sided_test=True),
}


@st.composite
def streams(draw: st.DrawFn, *, binary: bool) -> list[float]:
    """Draw runs of values around a few levels."""
    rng = draw(st.randoms(use_true_random=False))
    values: list[float] = []
    for level in draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9]), min_size=1, max_size=4)):
        length = draw(st.integers(1, 60))
        if binary:
            values.extend(float(rng.random() < level) for _ in range(length))
        else:
            values.extend(min(1.0, max(0.0, rng.gauss(level, 0.1))) for _ in range(length))
    return values


def through_json(detector: Detector) -> State:
    """Write a detector as JSON and read that."""
    state: State = json.loads(json.dumps(detector.to_state(), allow_nan=False))
    return state


@pytest.mark.parametrize("name", DETECTORS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_restored_detector_is_the_one_that_was_written(name: str, data: st.DataObject) -> None:
    """From JSON comes a detector with the same fields, and the same alarms and fields ever after."""
    before = data.draw(streams(binary=name in BINARY))
    after = data.draw(streams(binary=name in BINARY))
    kept = KIT.make(name, seed=7)
    kept.feed(before)
    restored = KIT.make(name, seed=7)
    restored.restore(through_json(kept))
    assert restored.to_state() == kept.to_state()
    assert [restored.feed([value]) for value in after] == [kept.feed([value]) for value in after]
    assert restored.to_state() == kept.to_state()


@given(streams(binary=False))
def test_adwins_bytes_come_back_to_the_bit(values: list[float]) -> None:
    """The fields of ADWIN are all it keeps: river's own bytes are rebuilt from them exactly."""
    detector = KIT.make("adwin", seed=0)
    detector.feed(values)
    fields = through_json(detector)
    del fields["_drift_detected"]
    assert adwin_bytes(fields, detector._adwin_parameters) == bytes(detector._helper.__getstate__())


@pytest.mark.parametrize("name", sorted(RIVERS_OWN))
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_alarms_are_rivers(name: str, data: st.DataObject) -> None:
    """Fed value by value a detector alarms when river's own class does."""
    own, detector = RIVERS_OWN[name](), KIT.make(name, seed=7)
    for value in data.draw(streams(binary=name in BINARY)):
        own.update(value)
        assert detector.feed([value]) == own.drift_detected


def test_fhddm_hears_a_rising_rate() -> None:
    """FHDDM looks for fewer ones; on rates it must speak when there are more."""
    rises, falls = KIT.make("fhddm", seed=0), KIT.make("fhddm", seed=0)
    assert rises.feed([0.0] * 50 + [1.0] * 20)
    assert not falls.feed([1.0] * 50 + [0.0] * 20)


def test_random_detectors_are_seeded() -> None:
    """The same seed gives KSWIN the same draws, another one other draws."""
    first, again, other = (KIT.make("kswin", seed).to_state() for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_attribute_that_changes_is_written(name: str) -> None:
    """What river keeps besides its parameters is in the list of fields; a new attribute fails here."""
    detector = KIT.make(name, seed=0)
    parameters = {*detector.options.model_dump(), "seed"}
    derived = {"_test_drift", "_epsilon", "_epsilon_s"}  # from the parameters alone
    listed = {path.split(".")[0] for path in FIELDS[name] + (FHDDM_SHORT_FIELDS if name == "fhddm" else ())}
    assert vars(detector._river).keys() - parameters - derived == listed


@pytest.mark.parametrize("name", DETECTORS)
def test_foreign_fields_are_refused(name: str) -> None:
    """A memory that lacks a field or has one too many is refused, with a remedy."""
    state = KIT.make(name, seed=0).to_state()
    for wrong in ({**state, "surplus": 1}, {"_drift_detected": False}):
        with pytest.raises(SnapshotError, match="driftd state reset"):
            KIT.make(name, seed=0).restore(wrong)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"\1" + data[1:],
        lambda data: data[:-1] + b"\1",
        lambda data: data[:92] + b"\7" + data[93:],
    ],
    ids=["short", "long", "head", "tail", "row"],
)
def test_another_layout_of_adwin_is_refused(change: Callable[[bytes], bytes]) -> None:
    """Bytes that are not laid out as known are never taken for something else."""
    detector = KIT.make("adwin", seed=0)
    detector.feed([0.1, 0.2])
    changed = change(bytes(detector._helper.__getstate__()))

    class Foreign:
        def __getstate__(self) -> bytes:
            return changed

        def __getnewargs__(self) -> tuple[float, int, int, int, int]:
            return (0.2, 4, 2, 5, 10)

    detector._river._helper = Foreign()  # type: ignore[attr-defined]
    with pytest.raises(SnapshotError, match="river"):
        detector.to_state()
