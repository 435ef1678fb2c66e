"""A small world for the tests of the runtime: profiles, events, a scripted source, and sinks that take notes."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.errors import DataError, SnapshotError
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.build import build_profile
from driftd.references.profile import Profile
from driftd.references.rows import Row
from driftd.runtime.build import build_pipeline
from driftd.runtime.effects import Discovery, Lost
from driftd.runtime.engine import Engine
from driftd.runtime.outbox import Delivery
from driftd.runtime.pipeline import Outcome, Pipeline
from driftd.summarise.settings import TopicSettings
from driftd.values.batch import Batch, RecordTime
from driftd.values.delivery import Progress
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger
from driftd.values.state import State

MINUTE = 60_000
START = 1_790_000_040_000  # a whole minute
SENT = START + 10**10  # when every record was sent: no event is ahead of it
TOPIC = "predictions"
P0, P1 = SourcePartition(TOPIC, 0), SourcePartition(TOPIC, 1)
USUAL, DRIFTED = 5.0, 19.0  # of amount: one value in a window is far from the reference, whichever it is


@cache
def profile(model: str = "fraud", version: str = "1", values: int = 20) -> Profile:
    """A profile of a number (so many equally frequent values) and a category."""
    rows = [Row({"amount": float(at % values), "colour": "rgb"[at % 3]}) for at in range(600)]
    return build_profile(lambda: rows, model=model, version=version)


def book_of(*profiles: Profile) -> ReferenceBook:
    """A book with these profiles in force from the beginning on; without any: that of ``profile()``."""
    return ReferenceBook([ReferenceSet(None, profiles or (profile(),))])


def config_of(**sections: Mapping[str, Any]) -> Config:
    """Settings of one-minute windows that wait for nobody late; ``sections`` win over them."""
    common: dict[str, dict[str, Any]] = {
        "windows": {"duration": "60s", "lateness": "0s", "idle_timeout": "5s", "min_observations": 1},
        "detect": {"detectors": {"adwin": None, "page_hinkley": None}},
        "incidents": {"page_on": ["psi>1"]},
    }
    given = {name: {**common.get(name, {}), **section} for name, section in sections.items()}
    return load_config(None, {}, common | given)


def pipeline_of(config: Config | None = None, book: ReferenceBook | None = None, topic: str = TOPIC) -> Pipeline:
    """A fresh pipeline that reads a topic."""
    return build_pipeline(config or config_of(), {topic: TopicSettings()}, book or book_of())


def event(second: float, amount: object = None, model: str = "fraud", version: str = "1") -> bytes:
    """An event so many seconds after START; without an amount: one of the usual ones, in turn."""
    features = {"amount": int(second) % 20 if amount is None else amount, "colour": "rgb"[int(second) // 3 % 3]}
    return orjson.dumps(
        {"model": model, "version": version, "timestamp": START + round(second * 1000), "features": features}
    )


def batch(values: Iterable[bytes], first: int = 0, source: SourcePartition = P0, *, drained: bool = False) -> Batch:
    """Consecutive records from an offset on."""
    records = list(values)
    return Batch(
        source=source,
        position=first + len(records),
        offsets=range(first, first + len(records)),
        values=records,
        timestamps_ms=[SENT] * len(records),
        record_time=RecordTime.CREATE,
        clock_ms=SENT,
        drained=drained,
    )


def minutes(first: int, last: int, **more: Any) -> list[bytes]:
    """Twenty events in each of these minutes."""
    return [event(60 * minute + 3 * at, **more) for minute in range(first, last) for at in range(20)]


class FakeClock:
    """A clock that is set by hand."""

    def __init__(self, wall_ms: int = START, monotonic_ms: int = 0) -> None:
        self.wall = wall_ms
        self.monotonic = monotonic_ms

    def wall_ms(self) -> int:
        """The wall clock."""
        return self.wall

    def monotonic_ms(self) -> int:
        """The monotonic clock."""
        return self.monotonic


@dataclass(slots=True)
class Notes:
    """The effects of an engine in their order: the doubles below write here."""

    effects: list[str] = field(default_factory=list)
    saved: list[dict[str, State]] = field(default_factory=list)
    delivered: list[Delivery] = field(default_factory=list)
    committed: list[dict[SourcePartition, int]] = field(default_factory=list)
    paused: list[frozenset[SourcePartition]] = field(default_factory=list)
    witnessed: list[Outcome] = field(default_factory=list)
    missed: list[tuple[Lost, int]] = field(default_factory=list)
    complaints: list[SnapshotError | DataError] = field(default_factory=list)


class ScriptedSource:
    """Hands out what ``upcoming`` and ``found`` hold, one item a turn."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self.upcoming: deque[list[Batch]] = deque()
        self.found: deque[Discovery] = deque()
        self.lost: list[Lost] = []
        self.unreachable: frozenset[SourcePartition] = frozenset()

    def poll(self) -> list[Batch]:
        """Return the next batches."""
        return self.upcoming.popleft() if self.upcoming else []

    def take_gaps(self) -> list[Lost]:
        """Return the gaps met since the last call."""
        gaps, self.lost = self.lost, []
        return gaps

    def discover(self) -> Discovery:
        """Return the next discovery."""
        return self.found.popleft() if self.found else Discovery({}, self.unreachable)

    def pause(self, sources: frozenset[SourcePartition]) -> None:
        """Take note."""
        self._notes.paused.append(sources)

    def commit(self, positions: Mapping[SourcePartition, int]) -> None:
        """Take note."""
        self._notes.effects.append("commit")
        self._notes.committed.append(dict(positions))


class NotingSink:
    """Takes note of what is delivered; refuses while ``broken``."""

    def __init__(self, notes: Notes, *, wants_windows: bool = True) -> None:
        self._notes = notes
        self.broken = False
        self.wants_windows = wants_windows

    def deliver(self, delivery: Delivery) -> None:
        """Take note, or refuse."""
        if self.broken:
            raise DataError("events.jsonl", "cannot be written: No space left on device")
        self._notes.effects.append("deliver")
        self._notes.delivered.append(delivery)


class NotingStore:
    """Takes note of what is saved, as bytes would hold it; refuses while ``broken``."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self.broken = False

    def save(self, records: Mapping[str, State]) -> None:
        """Take note, or refuse."""
        if self.broken:
            raise SnapshotError("snapshot", "the disk is full", "make room")
        self._notes.effects.append("save")
        self._notes.saved.append(orjson.loads(orjson.dumps(records)))


class NotingOwner:
    """Takes note of what comes to light, and keeps a record of its own."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def witness(self, outcome: Outcome) -> None:
        """Take note."""
        self._notes.effects.append("witness")
        self._notes.witnessed.append(outcome)

    def missed(self, lost: Lost, unread: int) -> None:
        """Take note."""
        self._notes.missed.append((lost, unread))

    def records(self) -> Mapping[str, State]:
        """Return a record."""
        return {"owner": {"witnessed": len(self._notes.witnessed)}}

    def not_saved(self, error: SnapshotError) -> None:
        """Take note."""
        self._notes.complaints.append(error)

    def not_written(self, error: DataError) -> None:
        """Take note."""
        self._notes.complaints.append(error)


class Receiver:
    """A destination that has room for so many documents at a time, and acknowledges when it is told to."""

    def __init__(self, name: str = "topic", room: int = 3) -> None:
        self.name = name
        self.got: list[State] = []
        self._room = room
        self._settled = 0

    def offer(self, document: State) -> bool:
        """Take a document if there is room."""
        if len(self.got) - self._settled >= self._room:
            return False
        self.got.append(document)
        return True

    def acknowledge(self, documents: int = 10**9) -> None:
        """Settle so many of those under way."""
        self._settled = min(self._settled + documents, len(self.got))

    def progress(self) -> Progress:
        """Return what is settled."""
        return Progress(self._settled, 0, 0, None)

    def close(self, wait_seconds: float) -> None:
        """Do nothing."""


class Bench:
    """An engine between doubles. ``ledgers`` None: P0 from its first offset on."""

    def __init__(
        self,
        config: Config | None = None,
        *,
        book: ReferenceBook | None = None,
        wants_windows: bool = True,
        checkpoint_ms: int = 10**9,
        snapshot: Mapping[str, State] | None = None,
        topics: frozenset[str] = frozenset({TOPIC}),
        ledgers: Iterable[Ledger] | None = None,
        topic: str = TOPIC,
        receivers: Iterable[Receiver] = (),
    ) -> None:
        self.notes = Notes()
        self.source = ScriptedSource(self.notes)
        self.store = NotingStore(self.notes)
        self.sink = NotingSink(self.notes, wants_windows=wants_windows)
        self.engine = Engine(
            pipeline_of(config, book, topic),
            self.source,
            self.sink,
            self.store,
            NotingOwner(self.notes),
            checkpoint_ms=checkpoint_ms,
            monotonic_ms=0,
            destinations=receivers,
        )
        restored = [] if snapshot is None else self.engine.restore(snapshot, topics)
        self.engine.start(list(ledgers if ledgers is not None else restored or [Ledger(P0, 0, 0)]))
        self.now_ms = 0

    def turn(self, *batches: Batch, after_ms: int = 100) -> None:
        """Turn once, so much later, with these batches."""
        self.now_ms += after_ms
        self.source.upcoming.append(list(batches))
        self.engine.turn(self.now_ms)

    @property
    def events(self) -> list[State]:
        """The drift events delivered so far."""
        return [event for delivery in self.notes.delivered for event in delivery.events]

    @property
    def lines(self) -> list[State]:
        """The window lines delivered so far."""
        return [line for delivery in self.notes.delivered for line in delivery.windows]
