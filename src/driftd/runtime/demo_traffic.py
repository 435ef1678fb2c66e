"""The made-up model of the demonstration: its training rows, and its traffic."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from driftd.references.rows import Row

MODEL, VERSION = "fraud", "1"
DRIFTED = ("amount", "country")
WINDOW_MS = 60_000
EVENTS_PER_WINDOW = 240
TRAINING_WINDOWS = 100
COUNTRIES = ("DE", "FR", "NL", "PL", "US")
USUAL, CHANGED = (45, 25, 15, 10, 5), (20, 20, 10, 10, 40)


@dataclass(frozen=True, slots=True)
class Timetable:
    """Which windows of the show are healthy, which drift, and when it is over."""

    drift_from: int = 50
    healthy_from: int = 90
    windows: int = 180

    def drifting(self, window: int) -> bool:
        """Tell whether this window's traffic has changed."""
        return self.drift_from <= window < self.healthy_from


def event(rng: random.Random, *, drifting: bool) -> tuple[dict[str, Any], float]:
    """Draw an event's features and its prediction.

    Two features change when drifting, one numeric and one categorical; the prediction rests on others.
    """
    age, items = rng.gauss(41, 12), rng.randint(1, 9)
    features = {
        "amount": round(rng.lognormvariate(3.4, 0.8) * (1.6 if drifting else 1.0), 2),
        "age": round(age, 1) if rng.random() > 0.05 else None,
        "items": items,
        "balance": round(rng.gauss(1200, 400), 2),
        "country": rng.choices(COUNTRIES, CHANGED if drifting else USUAL)[0],
        "device": rng.choices(("ios", "android", "web"), (4, 5, 3))[0],
    }
    score = min(max(0.02 * items + 0.004 * age + rng.gauss(0, 0.05), 0.0), 1.0)
    return features, round(score, 4)


def training_rows(start_ms: int, seed: int = 1) -> Iterator[Row]:
    """Yield training rows in time order; the same ones at every call."""
    rng = random.Random(seed)  # noqa: S311 -- made-up data, not secrets
    rows = TRAINING_WINDOWS * EVENTS_PER_WINDOW
    for number in range(rows):
        features, prediction = event(rng, drifting=False)
        time_ms = start_ms + number * WINDOW_MS // EVENTS_PER_WINDOW
        yield Row(features=features, prediction=prediction, time_ms=time_ms)


def window_of_events(rng: random.Random, start_ms: int, *, drifting: bool) -> Iterator[dict[str, Any]]:
    """Yield one window's events in the canonical form."""
    for number in range(EVENTS_PER_WINDOW):
        features, prediction = event(rng, drifting=drifting)
        yield {
            "model": MODEL,
            "version": VERSION,
            "id": f"{start_ms}-{number}",
            "timestamp": start_ms + number * WINDOW_MS // EVENTS_PER_WINDOW,
            "features": features,
            "prediction": prediction,
        }
