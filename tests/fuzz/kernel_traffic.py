"""Made-up traffic for both summarisers: sound events near the edges of docs/events.md, and damaged ones.

Everything follows from one random generator: the same seed gives the same traffic.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import written_json as js
from kernel_profiles import CATEGORICAL, NUMERIC, PROFILES, TOPICS, VECTORS, Book

from driftd.references.profile import Profile
from driftd.summarise.seam import Cursor
from driftd.summarise.settings import Constant, Steps, TopicSettings, steps_of
from driftd.values.batch import Batch, RecordTime
from driftd.values.hashing import text_hash
from driftd.values.keys import SourcePartition
from driftd.values.part import Refused
from driftd.values.privacy import token_of
from driftd.values.settings import LimitSettings, WindowSettings

SOURCE = SourcePartition("events", 0)
START_MS = 1_700_000_040_000  # at the start of a minute

WINDOWS = [
    WindowSettings.model_validate(dict(zip(("duration", "lateness", "max_skew"), durations, strict=True)))
    for durations in (
        ("60s", "30s", "5m"),
        ("60s", "30s", "5m"),
        ("1ms", "0s", "0s"),
        ("7s", "36500d", "1ms"),
        ("1d", "0s", "36500d"),
        ("36500d", "1h", "10s"),
    )
]

MODELS = ("fraud", "fraud", "fraud", "ads", "unwatched")


@dataclass(frozen=True)
class Read:
    """A batch to be read."""

    batch: Batch
    cursor: Cursor


@dataclass(frozen=True)
class Pass:
    """Windows to be taken away."""

    watermark_ms: int


@dataclass(frozen=True)
class Tell:
    """Parts to be told: those that have grown, or all."""

    all: bool


Step = Read | Pass | Tell | Book


@dataclass(frozen=True)
class Traffic:
    """The settings of a summariser, and what is done with it."""

    topic: TopicSettings
    windows: WindowSettings
    limits: LimitSettings
    steps: Sequence[Step]


def traffic(rng: Random) -> Traffic:
    """Draw settings and some batches, with everything between them that a stage may do."""
    limits = LimitSettings(
        monitors=rng.choice((1, 3, 1_000, 1_000)),
        event_bytes=rng.choice((1_500, 2**20, 2**20, 2**20)),
        name_length=rng.choice((8, 200)),
    )
    maker = _Maker(rng, rng.choice(TOPICS), rng.choice(WINDOWS))
    return Traffic(maker.topic, maker.windows, limits, list(maker.steps()))


class _Maker:
    """Draws the steps of one summariser's life."""

    def __init__(self, rng: Random, topic: TopicSettings, windows: WindowSettings) -> None:
        self.rng = rng
        self.topic = topic
        self.windows = windows
        self.shuffled = rng.choice((0.0, 0.1, 1.0))  # how often keys come in an order of their own
        self.spread_ms = min(rng.choice((1, 1, 50)) * windows.duration, 10**12)
        self.offset = rng.choice((0, 5, 2**40))

    def steps(self) -> Iterator[Step]:
        rng = self.rng
        yield self.book()
        for _ in range(rng.randint(1, 8)):
            yield self.read()
            drawn = rng.random()
            if drawn < 0.2:
                yield Pass(self.around_ms())
            elif drawn < 0.6:
                yield Tell(all=drawn < 0.3)
            elif drawn < 0.8:
                yield self.book()
        yield Tell(all=False)
        yield Tell(all=True)

    def book(self) -> Book:
        rng = self.rng
        profiles: list[Profile | None] = rng.choices([*PROFILES, None], [6, 3, 2, 1, 1, 1, 1, 1], k=rng.randint(1, 6))
        if rng.random() < 0.5:  # the same ones, loaded anew
            profiles = [p and replace(p, reference_id=f"{p.reference_id} again") for p in profiles]
        return Book(profiles)

    def read(self) -> Read:
        rng = self.rng
        drawn = [self.record() for _ in range(rng.randint(0, 12))]
        values = rng.choices(drawn, k=rng.choice((len(drawn), 40, 90))) if drawn and rng.random() < 0.4 else drawn
        first, offsets = self.offset, list[int]()
        for _ in values:
            offsets.append(self.offset)
            self.offset += rng.choice((1, 1, 1, 1, 1, 1, 1, 3))
        listed: Sequence[int] = offsets
        if self.offset - first == len(values):
            listed = range(first, self.offset)
        timed = rng.random() < 0.8
        batch = Batch(
            SOURCE,
            self.offset,
            listed,
            values,
            [self.record_ms() for _ in values] if timed else (),
            rng.choice(list(RecordTime)),
            rng.choice((None, self.around_ms(), START_MS + self.spread_ms, 2**50)),
        )
        return Read(batch, self.cursor(first))

    def cursor(self, first: int) -> Cursor:
        rng = self.rng
        counted_from = rng.choice((first, first, first, 0, self.offset, rng.randint(first, self.offset)))
        refused, at = [], first - rng.randint(0, 5)
        while rng.random() < 0.5 and at < self.offset:
            refused.append(Refused(at, at + rng.randrange(3)))
            at = refused[-1].last_offset + rng.randint(1, 5)
        watermark_ms = rng.choice((None, None, START_MS - self.windows.duration, self.around_ms()))
        return Cursor(counted_from, watermark_ms, tuple(refused))

    def around_ms(self) -> int:
        """Return a moment at or beside the border of a window, or of a second."""
        rng = self.rng
        return START_MS + rng.randint(-2, 4) * self.windows.duration + rng.randint(-2, 2) * rng.choice((1, 1_000))

    def record_ms(self) -> int:
        rng = self.rng
        if rng.random() < 0.8:
            return START_MS + self.spread_ms
        return rng.choice((-1, 0, START_MS - 1, self.around_ms(), 2**62))

    def record(self) -> bytes | None:
        rng = self.rng
        drawn = rng.random()
        if drawn < 0.02:
            return None
        event = self.event()
        if drawn < 0.04:
            return rng.choice((b"\x00", b"\x01", b"\x1f\x8b", b"\x1f", b"\xef\xbb\xbf", b"[", b"\x0b")) + event
        if drawn < 0.1:
            return js.damaged(rng, event)
        if drawn < 0.12:
            return event + b" " * max(0, rng.choice((1_499, 1_500, 1_501)) - len(event))
        return js.space(rng) + event + js.space(rng)

    def event(self) -> bytes:
        root: js.Members = []
        topic, rng = self.topic, self.rng
        for place, content in (
            (topic.model, self.name(MODELS)),
            (topic.version, self.name(("3", "3", "4", "", "none"))),
            (topic.timestamp, self.timestamp()),
            (topic.prediction, self.predicted()),
            (topic.label, self.predicted()),
            (topic.id, b'"e"'),
        ):
            if not isinstance(place, Constant) and content:
                _put(root, steps_of(place), content)
        features = steps_of(topic.features)
        if rng.random() < 0.02:
            _put(root, features or ("features",), js.value(rng))
        else:
            for name, content in self.features():
                _put(root, (*features, name), content)
        self.disturb(root)
        return js.written(rng, root)

    def disturb(self, members: js.Members) -> None:
        """Add keys that nobody knows, write some twice, and change their order."""
        rng = self.rng
        for _, inner in members:
            if not isinstance(inner, bytes):
                self.disturb(inner)
        while rng.random() < 0.2:
            members.insert(rng.randint(0, len(members)), (f"more {rng.randrange(9)}", js.value(rng)))
        while members and rng.random() < 0.08:
            key, inner = rng.choice(members)
            again = inner if rng.random() < 0.3 else js.value(rng)
            members.insert(rng.randint(0, len(members)), (key, again))
        if rng.random() < self.shuffled:
            rng.shuffle(members)

    def name(self, usual: Sequence[str]) -> bytes:
        rng = self.rng
        drawn = rng.random()
        if drawn < 0.85:
            return js.text(rng, rng.choice(usual))
        odd = (b"3", b"-7", b"-0", b"null", b"1.5", b"1e2", b"true", b"{}", b"", b"18446744073709551615", b"NaN")
        return rng.choice(odd) if drawn < 0.97 else js.text(rng, "é" * rng.choice((8, 9, 200, 201)))

    def timestamp(self) -> bytes:
        rng = self.rng
        drawn = rng.random()
        if drawn < 0.04:
            return rng.choice(
                (b"", b"null", js.value(rng), b'"2023-11-14T22:13:20"', b'"2023-02-30T00:00:00Z"', b"1e400")
            )
        ms = START_MS + rng.randint(-self.spread_ms, self.spread_ms) // rng.choice((1, 1, 1, self.windows.duration))
        return written_ms(rng, ms)

    def predicted(self) -> bytes:
        rng = self.rng
        drawn = rng.random()
        if drawn < 0.2:
            return b""
        if drawn < 0.5:
            return rng.choice((b"0.25", b"0.5", b"1", b"true", b"-1e308", b"1e308", js.number(rng)))
        if drawn < 0.7:
            return rng.choice((b'"DE"', b'"true"', rb'"\u0044E"', b"false"))
        if drawn < 0.9:
            classes = rng.choices(("yes", "", "é", "no"), k=rng.randrange(5))
            return js.written(rng, [(name, rng.choice((b"0.5", b"null", b"0.75", js.value(rng)))) for name in classes])
        return js.value(rng)

    def features(self) -> Iterator[tuple[str, bytes]]:
        rng = self.rng
        for name in (*NUMERIC, *CATEGORICAL, "free", *VECTORS):
            drawn = rng.random()
            if drawn < 0.1 or (name in {"model", "label", "id"} and self.topic.features == "."):
                continue
            if drawn < 0.2:
                yield name, js.value(rng)
            elif name in NUMERIC:
                yield name, js.number(rng)
            elif name in VECTORS:
                yield name, self.vector(VECTORS[name])
            else:
                known = (*CATEGORICAL.get(name, ("a",)), token_of(text_hash("DE")))
                yield name, js.text(rng, rng.choice(known) if rng.random() < 0.5 else js.some_text(rng))

    def vector(self, length: int) -> bytes:
        rng = self.rng
        length = max(0, length + rng.choice((0, 0, 0, 0, -1, 1, -2)))
        odd = rng.random() < 0.3
        return js.array(rng, [js.value(rng) if odd and rng.random() < 0.3 else js.number(rng) for _ in range(length)])


def _put(members: js.Members, path: Steps, content: bytes) -> None:
    """Put what is written at a path."""
    step, *further = path
    if not further:
        members.append((step, content))
        return
    inner = next((inner for key, inner in members if key == step and not isinstance(inner, bytes)), None)
    if inner is None:
        inner = []
        members.append((step, inner))
    _put(inner, tuple(further), content)


def written_ms(rng: Random, ms: int) -> bytes:
    """Write a moment in one of the forms that docs/events.md knows."""
    below_us = rng.randrange(1_000)
    if rng.random() < 0.2:
        zone = timezone(timedelta(minutes=rng.choice((0, 0, 345, -1439, 1439))))
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
        return js.text(rng, moment.astimezone(zone).isoformat(sep=rng.choice("Tt ")))
    forms = (
        b"%d" % ms,
        b"%d" % (ms * 1_000 + below_us),
        b"%d" % (ms * 1_000_000 + below_us * 1_000),
        b"%d" % (ms // 1_000),
        b"%r" % (ms / 1_000),
        b"%d.%03d" % (ms, below_us),
    )
    return rng.choice(forms)
