"""Traffic in which one event of ten is sound, and the others are made to fill the memory.

An attacker chooses whatever an event holds: the names of models, versions and columns, the categories, the times.
Each is drawn anew for every event.
"""

from collections import Counter
from random import Random

from driftd.references.build import build_profile
from driftd.references.profile import Profile
from driftd.references.rows import Row
from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import MonitorKey, SourcePartition

TOPIC = "predictions"
PARTITIONS = (SourcePartition(TOPIC, 0), SourcePartition(TOPIC, 1))
START_MS = 1_790_000_400_000  # a whole ten minutes
WINDOW_MS = 600_000
WINDOW_EVENTS = 20_000
SOUND = MonitorKey("fraud", "1")
TARGET = MonitorKey("target", "1")  # a model with a profile, whose events are all the attacker's
COUNTRIES = ("DE", "FR", "NL", "PL")
ONE_SOUND_IN = 10
HOUR_MS = 3_600_000


def profiles() -> tuple[Profile, ...]:
    """The profiles of both models: four numbers, two categories, a prediction."""
    return tuple(_profile(key.model) for key in (SOUND, TARGET))


def _profile(model: str) -> Profile:
    rng = Random(model)
    rows = [
        Row(
            {
                **{f"amount_{number}": rng.gauss(100, 20) for number in range(4)},
                "country": rng.choice(COUNTRIES),
                "device": rng.choice(("ios", "android", "web")),
            },
            rng.random(),
        )
        for _ in range(2_000)
    ]
    return build_profile(lambda: rows, model=model, version="1")


class AttackTraffic:
    """Batches of both partitions, in the order of event time, the same for the same seed.

    ``sent`` counts the sound events, ``countries`` what they said.
    """

    def __init__(self, seed: int = 1) -> None:
        self._rng = Random(seed)
        self._positions = dict.fromkeys(PARTITIONS, 0)
        self.events = 0
        self.sent = 0
        self.countries: Counter[str] = Counter()

    def batches(self, events: int) -> list[Batch]:
        """Return the next events, one batch a partition; an even number."""
        return [self._batch(source, events // len(PARTITIONS)) for source in PARTITIONS]

    def end(self) -> list[Batch]:
        """Return the news that both partitions are read to their ends."""
        return [Batch(source, position, drained=True) for source, position in self._positions.items()]

    def _batch(self, source: SourcePartition, events: int) -> Batch:
        values, times = [], []
        time_ms = START_MS
        for number in range(events):
            # both partitions walk through the same span of event time
            time_ms = START_MS + (self._positions[source] + number) * len(PARTITIONS) * WINDOW_MS // WINDOW_EVENTS
            sound = (self._positions[source] + number) % ONE_SOUND_IN == 0
            values.append(self._sound(time_ms) if sound else self._hostile(time_ms))
            times.append(time_ms if sound or self._rng.random() < 0.9 else time_ms + 24 * HOUR_MS)
        first = self._positions[source]
        self._positions[source] += events
        self.events += events
        return Batch(
            source=source,
            position=first + events,
            offsets=range(first, first + events),
            values=values,
            timestamps_ms=times,
            record_time=RecordTime.CREATE,
            clock_ms=time_ms,
        )

    def _sound(self, time_ms: int) -> bytes:
        rng = self._rng
        country = COUNTRIES[rng.getrandbits(2)]
        self.sent += 1
        self.countries[country] += 1
        numbers = ",".join(f'"amount_{number}":{100 + 20 * (rng.random() - 0.5):.3f}' for number in range(4))
        return (
            f'{{"model":"fraud","version":"1","timestamp":{time_ms},"features":'
            f'{{{numbers},"country":"{country}","device":"web"}},"prediction":{rng.random():.6f}}}'
        ).encode()

    def _hostile(self, time_ms: int) -> bytes:
        kind = self._rng.getrandbits(4)
        if kind == 0:
            return self._rng.randbytes(100)
        if kind == 1:  # of a time that is over, or not come yet
            wrong_ms = time_ms + self._rng.choice((-48, -1, 1, 48)) * HOUR_MS
            return self._event(TARGET.model, TARGET.version, wrong_ms)
        if kind == 2:  # too long to be watched
            return self._event(self._name(), self._name() * 4, time_ms)
        if kind < 6:  # a model that has no profile
            return self._event(self._name(), self._name(), time_ms)
        if kind < 10:  # held against its profile: its categories were never seen, its features are not looked at
            return self._event(TARGET.model, TARGET.version, time_ms)
        return self._event(SOUND.model, self._name(), time_ms)  # held against its predecessor's profile

    def _event(self, model: str, version: str, time_ms: int) -> bytes:
        rng, name = self._rng, self._name
        return (
            f'{{"model":"{model}","version":"{version}","timestamp":{time_ms},"features":'
            f'{{"amount_0":{rng.random():.4f},"amount_1":"{name()}","country":"{name()}","device":"{name()}",'
            f'"{name()}":"{name()}","{name()}":{rng.random():.4f}}},"prediction":{rng.random():.6f}}}'
        ).encode()

    def _name(self) -> str:
        return f"{self._rng.getrandbits(256):064x}"
