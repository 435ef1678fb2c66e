"""The traffic of the end-to-end tests: three models, four partitions, and every kind of record that goes wrong.

A record comes with what it is (an Event, or the reason for which it must be rejected), as it was made up: what
is expected of the daemon never depends on its own reading of the bytes.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

PARTITIONS = 4
EVENTS = 200_000
EVENTS_PER_WINDOW = 1_000  # over all partitions and models
DURATION_MS, LATENESS_MS, MAX_SKEW_MS = 5_000, 2_000, 60_000
MIN_OBSERVATIONS = 200
EVENT_BYTES = 4_096
START_MS = int(datetime(2026, 1, 15, tzinfo=UTC).timestamp() * 1000)
STEP_MS = DURATION_MS // EVENTS_PER_WINDOW

FEATURES = ("age", "amount", "balance", "country", "device", "items")
COLUMNS = (*FEATURES, "prediction")
DRIFTED = ("amount", "country")  # of the model FRAUD, in the second half of the traffic
_NUMERIC = ("age", "amount", "balance", "items")
_COUNTRIES = ("DE", "FR", "NL", "PL", "US")
_USUAL, _CHANGED = (45, 25, 15, 10, 5), (20, 20, 10, 10, 40)


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the traffic. ``version`` None: its events do not name one."""

    name: str
    version: str | None
    weight: float

    @property
    def monitor(self) -> tuple[str, str]:
        """Model and version, as driftd names them."""
        return self.name, self.version or "none"


FRAUD = Model("fraud", "1", 0.5)
CHURN = Model("churn", None, 0.4)
SEARCH = Model("search", "7", 0.1)  # so few events that its columns are carried over several windows
MODELS = (FRAUD, CHURN, SEARCH)
UNHEARD_OF = Model("unheard-of", "1", 0.005)  # no profile

_SENDERS = (*MODELS, UNHEARD_OF)
_WEIGHTS = [model.weight for model in _SENDERS]

Features = dict[str, Any]


class Event(NamedTuple):
    """A sound event, as it must be understood; absent features are not in it."""

    model: str
    version: str
    time_ms: int
    features: Features
    prediction: float


class Sent(NamedTuple):
    """One record, and what it is: an event, or the reason for its rejection."""

    partition: int
    record_ms: int
    value: bytes | None
    content: Event | str


def draw(rng: random.Random, *, drifting: bool = False) -> tuple[Features, float]:
    """Draw an event's features and its prediction, which rests on features that do not drift."""
    age, items = rng.gauss(41, 12), rng.randint(1, 9)
    features = {
        "age": round(age, 1) if rng.random() > 0.05 else None,
        "amount": round(rng.lognormvariate(3.4, 0.8) * (1.8 if drifting else 1.0), 2),
        "balance": round(rng.gauss(1200, 400), 2),
        "country": rng.choices(_COUNTRIES, _CHANGED if drifting else _USUAL)[0],
        "device": rng.choices(("ios", "android", "web"), (4, 5, 3))[0],
        "items": items,
    }
    return features, round(0.02 * items + 0.004 * age + rng.gauss(0, 0.05), 4)


def traffic(seed: int, events: int = EVENTS) -> Iterator[Sent]:
    """Yield the records of all partitions, in the order in which they are produced; the same for the same seed."""
    rng = random.Random(seed)
    for number in range(events):
        record_ms = START_MS + number * STEP_MS
        partition = rng.randrange(PARTITIONS)
        if rng.random() < 0.03:
            value, reason = rng.choice(_WRONG)(rng, record_ms)
            yield Sent(partition, record_ms, value, reason)
        else:
            yield Sent(partition, record_ms, *_sound(rng, record_ms, drifting=number >= events // 2))


def _sound(rng: random.Random, record_ms: int, *, drifting: bool) -> tuple[bytes, Event]:
    """Write a sound event: mostly in time, some late, some with odd values in one column."""
    model = rng.choices(_SENDERS, _WEIGHTS)[0]
    features, prediction = draw(rng, drifting=drifting and model is FRAUD)
    if rng.random() < 0.02:
        _spoil(rng, features)
    time_ms = record_ms + rng.randint(-1_500, 400)
    if rng.random() < 0.01:
        time_ms -= rng.randint(3_000, 40_000)
    written, time_ms = _written_time(rng, time_ms, record_ms)
    document = _document(model.name, model.version, written, features, prediction)
    return json.dumps(document).encode(), Event(*model.monitor, time_ms, features, prediction)


def _document(
    model: Any, version: str | None, written_time: Any, features: Features, prediction: float
) -> dict[str, Any]:
    document = {"model": model, "id": "e", "features": features, "prediction": prediction, "trace": {"hops": [1, 2]}}
    if version is not None:
        document["version"] = version
    if written_time is not None:
        document["timestamp"] = written_time
    return document


def _written_time(rng: random.Random, time_ms: int, record_ms: int) -> tuple[Any, int]:
    """Return a time as it stands in an event, in one of its forms, and what it means."""
    form = rng.randrange(6)
    if form == 0:
        return None, record_ms  # the record's own
    if form == 1:
        return time_ms * 1_000 + rng.randrange(1_000), time_ms  # microseconds
    if form == 2:
        return _rfc3339(time_ms, 0), time_ms
    if form == 3:
        return _rfc3339(time_ms, rng.choice((-300, 120, 345))), time_ms
    return time_ms, time_ms


def _rfc3339(time_ms: int, offset_minutes: int) -> str:
    zone = timezone(timedelta(minutes=offset_minutes))
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)).astimezone(zone).isoformat()


def _spoil(rng: random.Random, features: Features) -> None:
    """Make one feature odd: absent, of the wrong kind, not finite, or a text that training never saw."""
    name = rng.choice(FEATURES)
    if rng.random() < 0.3:
        del features[name]
    elif name in _NUMERIC:
        features[name] = rng.choice(("12", "", True, float("nan"), float("inf"), [1], {"a": 1}))
    else:
        features[name] = rng.choice((f"Q{rng.randrange(40)}", "", 7, 2.5, False, ["DE"]))


# What is rejected, each with its reason.

Wrong = Callable[[random.Random, int], tuple[bytes | None, str]]


def _event_with(rng: random.Random, model: Any, written_time: Any, **more: Any) -> bytes:
    features, prediction = draw(rng)
    return json.dumps(_document(model, "1", written_time, features, prediction) | more).encode()


def _tombstone(_: random.Random, _ms: int) -> tuple[None, str]:
    return None, "tombstone"


def _too_large(rng: random.Random, record_ms: int) -> tuple[bytes, str]:
    return _event_with(rng, "fraud", record_ms, note="x" * rng.randint(EVENT_BYTES, 3 * EVENT_BYTES)), "too_large"


def _unsupported(rng: random.Random, record_ms: int) -> tuple[bytes, str]:
    return rng.choice((b"\x1f\x8b\x08", b"\x00\x00\x00\x00\x07", b"\x01")) + _event_with(
        rng, "fraud", record_ms
    ), "unsupported"


def _malformed(rng: random.Random, record_ms: int) -> tuple[bytes, str]:
    event = _event_with(rng, "fraud", record_ms)
    broken = (
        b"",
        b"  ",
        b"[1, 2]",
        b"not json",
        event[:-1],
        event + b"{}",
        event[:-1] + b",}",
        event[:-1] + b', "note": "\xff"}',
        event[:-1] + b', "note": "\\ud800"}',
        event[:-1] + b', "note": .5}',
        event[:-1] + b', "features": [1]}',
        event[:-1] + b', "version": true}',
    )
    return rng.choice(broken), "malformed"


def _missing_model(rng: random.Random, record_ms: int) -> tuple[bytes, str]:
    return _event_with(rng, rng.choice((None, "", 1.5, True, ["fraud"])), record_ms), "missing_model"


def _limit(rng: random.Random, record_ms: int) -> tuple[bytes, str]:
    return _event_with(rng, "m" * 201, record_ms), "limit"


def _no_timestamp(rng: random.Random, _: int) -> tuple[bytes, str]:
    wrong = rng.choice(("2026-01-15T00:00:00", "2026-02-30T00:00:00Z", "yesterday", "", True, 1e400, [1]))
    return _event_with(rng, "fraud", wrong), "no_timestamp"


def _future(rng: random.Random, record_ms: int) -> tuple[bytes, str]:
    ahead = MAX_SKEW_MS + rng.choice((1, 60_000, 86_400_000))
    return _event_with(rng, "fraud", record_ms + ahead), "future"


_WRONG: tuple[Wrong, ...] = (
    _tombstone,
    _too_large,
    _unsupported,
    _malformed,
    _missing_model,
    _limit,
    _no_timestamp,
    _future,
)
