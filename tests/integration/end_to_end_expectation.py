"""What must come of the traffic: judged record by record in plain Python, summed by pandas, compared by SciPy.

Nothing here is driftd's code; of driftd it knows docs/events.md and the documents that `driftd profile` wrote.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from end_to_end_traffic import COLUMNS, DURATION_MS, LATENESS_MS, MAX_SKEW_MS, MIN_OBSERVATIONS, MODELS, Event, Sent
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, ks_2samp, wasserstein_distance

Monitor = tuple[str, str]


@dataclass(slots=True)
class Expected:
    """Judges records in the order of their offsets, and keeps those that are summed."""

    read: int = 0
    late: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    watermarks: dict[int, int] = field(default_factory=dict)
    positions: Counter[int] = field(default_factory=Counter)
    _rows: list[tuple[Any, ...]] = field(default_factory=list)

    def take(self, sent: Sent) -> None:
        """Judge the next record of its partition."""
        self.read += 1
        self.positions[sent.partition] += 1
        if isinstance(sent.content, str):
            self.rejected[sent.content] += 1
            return
        event = sent.content
        if event.time_ms > sent.record_ms + MAX_SKEW_MS:
            self.rejected["future"] += 1
            return
        start_ms = event.time_ms // DURATION_MS * DURATION_MS
        watermark_ms = self.watermarks.get(sent.partition)
        late = watermark_ms is not None and start_ms + DURATION_MS <= watermark_ms
        moved_ms = event.time_ms - LATENESS_MS
        self.watermarks[sent.partition] = moved_ms if watermark_ms is None else max(watermark_ms, moved_ms)
        if event.model not in {model.name for model in MODELS}:
            self.rejected["no_reference"] += 1
        elif late:
            self.late += 1
        else:
            self._rows.append((event.model, event.version, start_ms, event.time_ms, *_values(event)))

    @property
    def observed(self) -> int:
        """How many events are summed."""
        return len(self._rows)

    def monitor(self, monitor: Monitor) -> pd.DataFrame:
        """Return the summed events of one monitor: window's start, time, and the values as they were written."""
        rows = [row[2:] for row in self._rows if row[:2] == monitor]
        return pd.DataFrame(rows, columns=["start_ms", "time_ms", *COLUMNS], dtype=object)

    def incomplete(self, monitor: Monitor) -> int:
        """Return how many windows of a monitor some partitions have passed at the end of the traffic, and some not."""
        ends = self.monitor(monitor)["start_ms"].unique() + DURATION_MS
        least, most = min(self.watermarks.values()), max(self.watermarks.values())
        return sum(least < end <= most for end in ends)


def _values(event: Event) -> tuple[Any, ...]:
    return tuple(event.prediction if name == "prediction" else event.features.get(name) for name in COLUMNS)


@dataclass(frozen=True, slots=True)
class Span:
    """The windows whose events one column's verdict is about: as many as it takes to have enough of them."""

    start_ms: int
    end_ms: int
    windows: int
    events: pd.DataFrame


def released(events: pd.DataFrame) -> Iterator[Span]:
    """Cut a monitor's windows into spans of at least MIN_OBSERVATIONS events, in the order of event time."""
    gathered: list[pd.DataFrame] = []
    for start_ms, window in events.groupby("start_ms", sort=True):
        gathered.append(window)
        if sum(map(len, gathered)) >= MIN_OBSERVATIONS:
            first_ms = int(gathered[0]["start_ms"].iloc[0])
            yield Span(first_ms, int(str(start_ms)) + DURATION_MS, len(gathered), pd.concat(gathered))
            gathered = []


@dataclass(frozen=True, slots=True)
class Counted:
    """One column's sums over a span."""

    n: int
    missing: int
    invalid: int
    unseen: int
    counts: tuple[int, ...]  # per test bin


class ReferenceColumn:
    """One column of a profile's document, as docs/events.md lets values fall into its bins."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.name: str = document["name"]
        self.role: str = document["role"]
        self._numeric = document["kind"] == "numeric"

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """The training rows per test bin."""
        fine = pd.Series(self._document["counts"])
        return tuple(fine.groupby(np.array(self._test_of)).sum())

    @cached_property
    def midranks(self) -> pd.Series:
        """The mean of u, the share of training rows up to a value, in each test bin."""
        shares = pd.Series(self.counts) / sum(self.counts)
        return shares.cumsum() - shares / 2

    def count(self, values: "pd.Series[Any]") -> Counted:
        """Sum a span's values."""
        missing = values.map(lambda value: value is None)
        valid = values.map(_is_number if self._numeric else _is_category)
        bins = self._bins(values[valid])
        counts = bins.value_counts().reindex(range(len(self.counts)), fill_value=0)
        unseen = 0
        if not self._numeric:
            assert self._document["known"] == []
            assert self._document["open_vocabulary"] is False
            unseen = int(counts.iloc[-1])
        return Counted(len(values), int(missing.sum()), int((~missing & ~valid).sum()), unseen, tuple(map(int, counts)))

    def _bins(self, valid: "pd.Series[Any]") -> "pd.Series[Any]":
        if self._numeric:
            edges = [-math.inf, *self._document["edges"], math.inf]
            fine = pd.cut(valid.astype(float), edges, right=False, labels=False)
            return fine.map(lambda fine_bin: self._test_of[int(fine_bin)])
        known = {category: position for position, category in enumerate(self._document["categories"])}
        texts = valid.map(lambda value: str(value).lower() if isinstance(value, bool) else value)
        return texts.map(lambda text: known.get(text, len(known)))

    @cached_property
    def _test_of(self) -> Sequence[int]:
        return self._document["test_of"] if self._numeric else list(range(len(self._document["counts"])))

    def gauges(self, counted: Counted) -> dict[str, float]:
        """Return what the gauges must show after a span."""
        window, reference = np.array(counted.counts), np.array(self.counts)
        q, p = window / window.sum(), reference / reference.sum()
        smooth_q, smooth_p = window + 0.5, reference + 0.5  # scipy makes shares of them
        bins = np.arange(len(window))
        ks = ks_2samp(np.repeat(bins, window), np.repeat(bins, reference), method="asymp").statistic
        return {
            "psi": float(entropy(smooth_q, smooth_p) + entropy(smooth_p, smooth_q)),
            "js": float(jensenshannon(q, p, base=2)),
            "ks": float(ks),
            "wasserstein": float(wasserstein_distance(self.midranks, self.midranks, q, p)),
            "shift": float((q * self.midranks).sum() - 0.5),
            "missing": counted.missing / counted.n,
            "invalid": counted.invalid / counted.n,
            "unseen": counted.unseen / counted.n,
        }


def reference_columns(profile: Path) -> list[ReferenceColumn]:
    """Read the columns of a profile's document."""
    return [ReferenceColumn(column) for column in json.loads(profile.read_bytes())["columns"]]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_category(value: object) -> bool:
    return isinstance(value, str | bool)
