"""What detects drift, and what may page."""

import math
import re
from typing import Literal, Self

from pydantic import Field, model_validator

from driftd.values.keys import Channel
from driftd.values.settings import EVIDENCE, PageRule, Section

DISTANCES = ("psi", "js", "ks", "wasserstein")
GROSS = "gross"


class AdwinOptions(Section):
    """river's ADWIN: adaptive windowing (Bifet and Gavaldà, 2007)."""

    delta: float = Field(0.002, gt=0, lt=1, description="significance value")
    clock: int = Field(32, ge=1, le=1_000_000, description="values between two checks")
    max_buckets: int = Field(5, ge=2, le=100, description="buckets of each size kept before two are merged")
    min_window_length: int = Field(5, ge=1, le=1_000_000, description="values on each side of a cut, at least")
    grace_period: int = Field(10, ge=0, le=1_000_000, description="values before the first check")


class PageHinkleyOptions(Section):
    """river's Page-Hinkley. With alpha < 1 its sums fade but its running minimum does not: it alarms by itself."""

    min_instances: int = Field(30, ge=1, description="values before the first check")
    delta: float = Field(0.005, ge=0, description="drift of the mean that is tolerated")
    threshold: float = Field(50.0, gt=0, description="cumulative deviation that alarms")
    alpha: float = Field(1.0, gt=0, le=1, description="forgetting factor of the sums")
    mode: Literal["up", "down", "both"] = Field("both", description="which changes of the mean to look for")


class KswinOptions(Section):
    """river's KSWIN: a two-sample test at every value, some hundred times as slow as the others."""

    alpha: float = Field(0.005, gt=0, lt=1, description="significance of each single test")
    window_size: int = Field(100, ge=2, le=10_000, description="values kept")
    stat_size: int = Field(30, ge=1, description="newest values tested against as many drawn from the others")

    @model_validator(mode="after")
    def _room_for_both_samples(self) -> Self:
        if 2 * self.stat_size > self.window_size:
            raise ValueError(f"stat_size must be at most half of window_size, {self.window_size // 2}")
        return self


class DdmOptions(Section):
    """river's DDM (0/1 values): a rise of the rate above its minimum."""

    warm_start: int = Field(30, ge=1, description="values before the first check")
    warning_threshold: float = Field(2.0, gt=0, description="standard deviations that warn")
    drift_threshold: float = Field(3.0, gt=0, description="standard deviations that alarm")


class EddmOptions(Section):
    """river's EDDM (0/1 values): shorter distances between ones."""

    warm_start: int = Field(30, ge=1, description="ones before the first check")
    alpha: float = Field(0.95, gt=0, le=1, description="level that warns")
    beta: float = Field(0.9, gt=0, le=1, description="level that alarms")

    @model_validator(mode="after")
    def _warns_before_it_alarms(self) -> Self:
        if self.alpha < self.beta:
            raise ValueError(f"alpha must be at least beta, {self.beta:g}")
        return self


class FhddmOptions(Section):
    """river's FHDDM (0/1 values), fed with 1 - x: it looks for a falling rate of correct answers."""

    sliding_window_size: int = Field(100, ge=1, le=10_000, description="values kept")
    confidence_level: float = Field(0.000001, gt=0, lt=1, description="error probability of the Hoeffding bound")
    short_window_size: int | None = Field(None, ge=1, description="a second, shorter window (stacking)")

    @model_validator(mode="after")
    def _short_is_shorter(self) -> Self:
        if self.short_window_size is not None and self.short_window_size >= self.sliding_window_size:
            raise ValueError(f"short_window_size must be less than sliding_window_size, {self.sliding_window_size}")
        return self


class HddmAOptions(Section):
    """river's HDDM_A (0/1 values): Hoeffding bounds on means."""

    drift_confidence: float = Field(0.001, gt=0, lt=1, description="error probability of an alarm")
    warning_confidence: float = Field(0.005, gt=0, lt=1, description="error probability of a warning")
    two_sided_test: bool = Field(default=False, description="also look for a falling rate")


class HddmWOptions(Section):
    """river's HDDM_W (0/1 values): McDiarmid bounds on weighted means."""

    drift_confidence: float = Field(0.001, gt=0, lt=1, description="error probability of an alarm")
    warning_confidence: float = Field(0.005, gt=0, lt=1, description="error probability of a warning")
    lambda_val: float = Field(0.05, gt=0, lt=1, description="weight of the newest value")
    two_sided_test: bool = Field(default=False, description="also look for a falling rate")


class DetectorSettings(Section):
    """river's drift detectors by name: options (``{}`` for its defaults) switch one on, null switches it off.

    The list is closed. Left out of river's are those that look at no data (dummy, no drift) and the one
    that retrains a model. Those for 0/1 values run on the rates and on error columns that hold 0 and 1.
    """

    adwin: AdwinOptions | None = Field(default_factory=AdwinOptions, description="ADWIN")
    page_hinkley: PageHinkleyOptions | None = Field(default_factory=PageHinkleyOptions, description="Page-Hinkley")
    kswin: KswinOptions | None = Field(None, description="KSWIN")
    ddm: DdmOptions | None = Field(None, description="DDM")
    eddm: EddmOptions | None = Field(None, description="EDDM")
    fhddm: FhddmOptions | None = Field(None, description="FHDDM")
    hddm_a: HddmAOptions | None = Field(None, description="HDDM_A")
    hddm_w: HddmWOptions | None = Field(None, description="HDDM_W")

    @property
    def enabled(self) -> dict[str, Section]:
        """The options of the detectors that are on, by name, in a fixed order."""
        by_name = {name: getattr(self, name) for name in DETECTORS}
        return {name: options for name, options in by_name.items() if options is not None}


DETECTORS = tuple(DetectorSettings.model_fields)


class GrossSettings(Section):
    """Drift so large that no calibration is needed to see it: the same channel in several windows running."""

    shift: float = Field(0.15, gt=0, lt=0.5, description="move of the mean of u = CDF(x)")
    psi: float = Field(0.25, gt=0, description="population stability index, the part due to chance taken off")
    rate: float = Field(0.1, gt=0, lt=1, description="move of the missing, unseen or invalid rate")
    windows: int = Field(3, ge=1, le=1000, description="windows running in which it must be seen")
    min_observations: int = Field(200, ge=1, description="a window with fewer ends the run")
    significance: float = Field(0.001, gt=0, lt=1, description="by chance as often at most, in each window")

    def level(self, channel: Channel) -> float:
        """Return the move of a channel that is gross."""
        return self.shift if channel is Channel.LOCATION else self.psi if channel is Channel.SHAPE else self.rate


class DetectSettings(Section):
    """What detects drift. What of it pages is ``incidents.page_on``."""

    detectors: DetectorSettings = Field(
        default_factory=DetectorSettings, description="river's detectors: options, or null for off"
    )
    gross: GrossSettings = Field(default_factory=GrossSettings, description="the rule for gross drift")


_LEVEL = re.compile(rf"({'|'.join(DISTANCES)})\s*>\s*([0-9.]+(?:e-?[0-9]+)?)")
_NAMES = (EVIDENCE, *DETECTORS, GROSS)
PAGE_RULE_FORM = f"one of {', '.join(_NAMES)}, or a distance with a threshold such as psi>0.2"


def parse_page_rule(text: object) -> PageRule:
    """Read a member of ``incidents.page_on``; ValueError says what would be right."""
    if text in _NAMES:
        return PageRule(str(text))
    match = _LEVEL.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"must be {PAGE_RULE_FORM} (distances: {', '.join(DISTANCES)})")
    try:
        threshold = float(match[2])
    except ValueError:
        threshold = math.nan
    if not 0 < threshold < math.inf:
        raise ValueError("the threshold must be a positive number, as in psi>0.2")
    return PageRule(match[1], threshold)
