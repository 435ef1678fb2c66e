"""The memory of river's detectors that are written in Python as named fields, and back, to the bit.

Every attribute that a detector changes while it runs is named here; a test holds the lists against what
river really keeps. Parameters are settings, not memory.
"""

import math
import struct
from collections import deque
from random import Random
from typing import Any

from driftd.values.state import State

#: Attributes by detector, along their path.
FIELDS = {
    "page_hinkley": (
        "_drift_detected",
        "_x_mean.n",
        "_x_mean._mean",
        "_sum_increase",
        "_sum_decrease",
        "_min_increase",
        "_max_decrease",
    ),
    "kswin": ("_drift_detected", "p_value", "n", "window", "_rng"),
    "ddm": ("_drift_detected", "_warning_detected", "_p.n", "_p._mean", "_p_min", "_s_min", "_ps_min"),
    "eddm": (
        "_drift_detected",
        "_warning_detected",
        "_error_distances.mean.n",
        "_error_distances.mean._mean",
        "_error_distances._S",
        "_n",
        "_last_error",
        "_n_errors",
        "_p2s_prime_max",
    ),
    "fhddm": ("_drift_detected", "_warning_detected", "n_one", "_sliding_window", "_u_max"),
    "hddm_a": (
        "_drift_detected",
        "_warning_detected",
        *(f"{mean}.{name}" for mean in ("_x_min", "_x_max", "_z") for name in ("n", "_mean")),
    ),
    "hddm_w": (
        "_drift_detected",
        "_warning_detected",
        *(
            f"{sample}.{name}"
            for sample in ("_total", "_s1_decr", "_s1_incr", "_s2_decr", "_s2_incr")
            for name in ("_ewma._ewmean", "_is_init", "_ibc")
        ),
        "_incr_cutpoint",
        "_decr_cutpoint",
    ),
}
#: Kept by FHDDM only where a second, shorter window is set.
FHDDM_SHORT_FIELDS = ("_short_window", "_u_short_max")

# river's exponentially weighted mean in Rust: mean, alpha, 1 - alpha, whether it has begun, alpha
_EWMEAN = struct.Struct("<ddd?d")


def fields_of(detector: Any, paths: tuple[str, ...]) -> State:
    """Read a detector's fields as plain data: infinities as texts, since JSON has none."""
    return {path: _plain(_walk(detector, path)) for path in paths}


def set_fields(detector: Any, paths: tuple[str, ...], state: State) -> None:
    """Write fields into a fresh detector; ValueError if they are not exactly the expected ones."""
    if state.keys() != set(paths):
        raise ValueError(f"the fields are not those of this detector: {', '.join(sorted(state))}")
    for path in paths:
        *parents, name = path.split(".")
        owner = _walk(detector, ".".join(parents)) if parents else detector
        restored = _restored(getattr(owner, name), state[path])
        setattr(owner, name, restored)


def _walk(owner: Any, path: str) -> Any:
    for name in path.split("."):
        owner = getattr(owner, name)
    return owner


def _plain(value: Any) -> Any:
    """Write one field's value as plain data."""
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, deque):
        return list(value)
    if isinstance(value, Random):
        version, words, gauss = value.getstate()
        return [version, list(words), gauss]
    mean, alpha, rest, begun, again = _EWMEAN.unpack(value.__getstate__())
    if (alpha, rest) != (again, 1.0 - again):
        raise ValueError("not the layout of river's weighted mean that is known")
    return {"mean": mean, "begun": begun}


def _restored(fresh: Any, plain: Any) -> Any:
    """Return the value of a field; its value in a fresh detector tells the type."""
    if isinstance(fresh, deque):
        return deque(plain, maxlen=fresh.maxlen)
    if isinstance(fresh, Random):
        version, words, gauss = plain
        fresh.setstate((version, tuple(words), gauss))
        return fresh
    if isinstance(plain, dict):
        _, alpha, rest, _, again = _EWMEAN.unpack(fresh.__getstate__())
        fresh.__setstate__(_EWMEAN.pack(plain["mean"], alpha, rest, plain["begun"], again))
        return fresh
    return float(plain) if isinstance(plain, str) else plain
