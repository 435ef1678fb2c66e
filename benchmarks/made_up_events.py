"""The traffic of the benchmark: models with numeric and categorical features, as canonical JSON, and their profiles."""

import random
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

_TIME = "the time of the event"

Features = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Traffic:
    """So many events of some models with equal columns, spread over all partitions and over whole windows.

    ``distinct`` events are drawn, which come again with later times until there are ``events``; None: all are drawn.
    ``vector`` is the length of an array that every event has among its features, 0 for none. In ``shuffled`` traffic
    every event has its keys in an order of its own. The rows of the profiles are ``timed``: in time order, so that
    the profile holds their history too. ``opening`` events, if any, are those of the first window.
    """

    models: tuple[str, ...]
    numeric: int
    categorical: int
    events: int
    events_per_window: int
    training_rows: int
    distinct: int | None = None
    vector: int = 0
    shuffled: bool = False
    timed: bool = True
    opening: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features that are single values."""
        numbers = (f"{_QUANTITIES[i % len(_QUANTITIES)]}_{i:02}" for i in range(self.numeric))
        return (*numbers, *(f"category_{i:02}" for i in range(self.categorical)))

    def records(self) -> Iterator[Record]:
        """Yield the events as records, in the order of event time."""
        for number, (before, after) in enumerate(self._around_times()):
            time_ms = self._time_ms(number)
            moment = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
            value = b"%b%bZ%b" % (before, moment.removesuffix("+00:00").encode(), after)
            yield Record(value, number % PARTITIONS, time_ms)

    def _time_ms(self, number: int) -> int:
        if number < self.opening:
            return START_MS + number * WINDOW_MS // self.opening
        first_ms = START_MS + WINDOW_MS if self.opening else START_MS
        return first_ms + (number - self.opening) * WINDOW_MS // self.events_per_window

    def _around_times(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield what stands before and behind the time of each event."""
        if self.distinct is None:
            yield from self._documents(self.events)
            return
        drawn = list(self._documents(self.distinct))
        for number in range(self.events):
            yield drawn[number % self.distinct]

    def _documents(self, count: int) -> Iterator[tuple[bytes, bytes]]:
        order = random.Random(3)
        for number, (features, prediction) in enumerate(self._drawn(seed=1, count=count)):
            document = {
                "model": self.models[number // PARTITIONS % len(self.models)],
                "version": "1",
                "id": f"{number:016x}",
                "timestamp": _TIME,
                "features": _in_any_order(features, order) if self.shuffled else features,
                "prediction": prediction,
            }
            before, after = orjson.dumps(_in_any_order(document, order) if self.shuffled else document).split(
                _TIME.encode()
            )
            yield before, after

    def profiles(self) -> Iterator[Profile]:
        """Yield each model's profile: one is built, by the library, from rows in time order."""
        rows = [
            Row(features, prediction, time_ms=number * 1_000 if self.timed else None)
            for number, (features, prediction) in enumerate(self._drawn(seed=2, count=self.training_rows))
        ]
        block_rows = max(self.training_rows // HISTORY_BLOCKS, 1)
        built = build_profile(
            lambda: rows, model=self.models[0], version="1", blocks=BlockRule(rows=block_rows) if self.timed else None
        )
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
            words = zip(*texts, strict=True) if texts else ((),) * size
            arrays = np.round(rng.normal(size=(size, self.vector)), 6).tolist()
            for row, of_row, array, prediction in zip(numbers, words, arrays, predictions, strict=True):
                features: Features = dict(zip(names, (*row, *of_row), strict=True))
                yield ({**features, "embedding": array} if self.vector else features), prediction


def _in_any_order(members: Features, order: random.Random) -> Features:
    return dict(order.sample(list(members.items()), len(members)))
