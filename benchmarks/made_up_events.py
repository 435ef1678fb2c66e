"""The traffic of the benchmark: models with numeric and categorical features, as canonical JSON, and their profiles."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson

from driftd.references.blocks import BlockRule
from driftd.references.build import build_profile
from driftd.references.codec import with_ids
from driftd.references.profile import Profile
from driftd.references.rows import Row
from kafka_cluster import Record

PARTITIONS = 4
WINDOW_MS = 60_000
START_MS = int(datetime(2026, 1, 15, tzinfo=UTC).timestamp() * 1000)
HISTORY_BLOCKS = 256  # as many windows of the reference as a profile keeps
CHUNK = 5_000

_CATEGORIES = (
    ("DE", "FR", "NL", "PL", "US", "GB", "ES", "IT"),
    ("ios", "android", "web"),
    ("card", "transfer", "wallet", "invoice", "cash"),
    tuple(f"merchant-{number:02}" for number in range(40)),
)

_QUANTITIES = ("amount_last_day", "balance_mean", "seconds_since", "distance_km")

Features = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Traffic:
    """So many events of some models with equal columns, spread over all partitions and over whole windows."""

    models: tuple[str, ...]
    numeric: int
    categorical: int
    events: int
    events_per_window: int
    training_rows: int

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names."""
        numbers = (f"{_QUANTITIES[i % len(_QUANTITIES)]}_{i:02}" for i in range(self.numeric))
        return (*numbers, *(f"category_{i:02}" for i in range(self.categorical)))

    def records(self) -> Iterator[Record]:
        """Yield the events as records, in the order of event time."""
        for number, (features, prediction) in enumerate(self._drawn(seed=1, count=self.events)):
            time_ms = START_MS + number * WINDOW_MS // self.events_per_window
            moment = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
            document = {
                "model": self.models[number // PARTITIONS % len(self.models)],
                "version": "1",
                "id": f"{number:016x}",
                "timestamp": moment.replace("+00:00", "Z"),
                "features": features,
                "prediction": prediction,
            }
            yield Record(orjson.dumps(document), number % PARTITIONS, time_ms)

    def profiles(self) -> Iterator[Profile]:
        """Yield each model's profile: one is built, by the library, from rows in time order."""
        rows = [
            Row(features, prediction, time_ms=number * 1_000)
            for number, (features, prediction) in enumerate(self._drawn(seed=2, count=self.training_rows))
        ]
        block_rows = max(self.training_rows // HISTORY_BLOCKS, 1)
        built = build_profile(lambda: rows, model=self.models[0], version="1", blocks=BlockRule(rows=block_rows))
        for model in self.models:
            yield with_ids(replace(built, model=model))

    def _drawn(self, seed: int, count: int) -> Iterator[tuple[Features, float]]:
        """Draw features and prediction; half of the numbers normal, half log-normal."""
        rng = np.random.default_rng(seed)
        names = self.names
        spread = np.arange(self.numeric) % 2 == 0
        for first in range(0, count, CHUNK):
            size = min(CHUNK, count - first)
            drawn = rng.normal(size=(size, self.numeric))
            numbers = np.round(np.where(spread, 1_000 + 120 * drawn, np.exp(3 + 0.8 * drawn)), 6).tolist()
            texts = [rng.choice(_CATEGORIES[i % len(_CATEGORIES)], size=size).tolist() for i in range(self.categorical)]
            predictions = np.round(rng.beta(2, 5, size=size), 6).tolist()
            for row, words, prediction in zip(numbers, zip(*texts, strict=True), predictions, strict=True):
                yield dict(zip(names, (*row, *words), strict=True)), prediction
