"""The summariser in compiled code: the same as summarise.plain to the last bit, and many times as fast.

The kernel (src/kernel) does all that is done per event; here its answers become what the stages speak of.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakValueDictionary

from driftd._kernel import Columns, Kernel
from driftd.references.profile import ColumnProfile, Profile
from driftd.summarise.plan import predicted_kind, vector_lengths
from driftd.summarise.seam import Cursor, FindProfile, Rejected, Tally
from driftd.summarise.settings import Constant, Steps, TopicSettings, steps_of
from driftd.values.batch import Batch, RecordTime
from driftd.values.hashing import content_id
from driftd.values.keys import Kind, MonitorKey, Reason, Role, SourcePartition
from driftd.values.part import Part, PartKey, UnseenCategory
from driftd.values.privacy import Shown, hash_in
from driftd.values.settings import LimitSettings, WindowSettings
from driftd.values.windows import Window

if TYPE_CHECKING:
    from driftd._kernel import _Part as _PartTold

#: By the kernel's numbers.
_REASONS = (
    Reason.MALFORMED,
    Reason.MISSING_MODEL,
    Reason.NO_REFERENCE,
    Reason.NO_TIMESTAMP,
    Reason.FUTURE,
    Reason.TOO_LARGE,
    Reason.LIMIT,
    Reason.UNSUPPORTED,
    Reason.TOMBSTONE,
)


class _Places(NamedTuple):
    model: Steps | str
    version: Steps | str
    timestamp: Steps
    features: Steps
    prediction: Steps
    label: Steps


class _Bounds(NamedTuple):
    event_bytes: int
    name_length: int
    monitors: int
    duration_ms: int
    lateness_ms: int
    skew_ms: int


class _Column(NamedTuple):
    takes: str
    name: str
    element: int
    length: int
    position: int
    start: int
    edges: Sequence[float] | None
    categories: Sequence[str]
    hashes: Sequence[int]
    known: Sequence[int]
    open_vocabulary: bool
    shown: str


class _Shape:
    """A profile as the kernel takes it. It keeps the profile alive, and so its identity taken."""

    def __init__(self, profile: Profile, not_features: AbstractSet[str]) -> None:
        self.profile = profile
        self.columns = Columns(
            list(_columns_of(profile, not_features)), profile.layout.size, predicted_kind(profile.columns)
        )


#: By identity of the profile, and the names that are no features: partitions share what their kernels read with.
_shapes: WeakValueDictionary[tuple[int, frozenset[str]], _Shape] = WeakValueDictionary()


class CompiledSummariser:
    """Implements ``seam.Summariser`` for one source partition (docs/events.md is the law).

    Memory: the sums of the open windows, as with summarise.plain, and of a batch nothing that is decoded.
    """

    def __init__(
        self,
        source: SourcePartition,
        topic: TopicSettings,
        windows: WindowSettings,
        limits: LimitSettings,
        find_profile: FindProfile,
    ) -> None:
        self._source = source
        self._duration_ms = windows.duration
        self._most_shapes = limits.monitors
        self._find_profile = find_profile
        self._not_features = topic.not_features
        self._topic_id = topic.content_id
        self._used: dict[int, tuple[_Shape, str]] = {}  # by identity of the profile: its shape and summary id
        self._kernel = Kernel(
            _places_of(topic),
            _Bounds(
                limits.event_bytes,
                limits.name_length,
                limits.monitors,
                windows.duration,
                windows.lateness,
                windows.max_skew,
            ),
        )

    def add(self, batch: Batch, cursor: Cursor) -> Tally:
        """Read a batch and sum it, without the GIL. The records below ``cursor.counted_from`` are being re-read."""
        timed = batch.record_time is not RecordTime.NONE
        read, summed, late, rejected, newly_refused, newest_ms, first_ms = self._kernel.add(
            batch.offsets,
            batch.values,
            batch.timestamps_ms if timed else (),
            batch.clock_ms if batch.record_time is RecordTime.CREATE else None,
            cursor.counted_from,
            cursor.watermark_ms,
            cursor.refused,
            self._find,
        )
        return Tally(
            read,
            summed,
            late,
            [Rejected(offset, _REASONS[reason]) for offset, reason in rejected],
            newly_refused,
            newest_ms,
            first_ms,
        )

    def touched(self) -> Sequence[Part]:
        """Return the cumulative parts of the windows that grew since they were last returned, by key."""
        return self._parts(self._kernel.touched())

    def open_parts(self) -> Sequence[Part]:
        """Return the cumulative parts of all open windows, by key; nothing has grown since then."""
        return self._parts(self._kernel.open_parts())

    def passed(self, watermark_ms: int) -> Sequence[Part]:
        """Remove the windows that end at or before the watermark, and return their parts, by key."""
        return self._parts(self._kernel.passed(watermark_ms))

    def least_first_offset(self) -> int | None:
        """Return the least first offset over all open windows: of any monitor, summed or not yet returned."""
        return self._kernel.least_first_offset()

    def _find(self, model: str, version: str, start_ms: int) -> tuple[Columns, bool, str, str] | None:
        """Tell the kernel what is in force."""
        profile = self._find_profile(model, version, start_ms)
        if profile is None:
            return None
        used = self._used.get(id(profile))
        if used is None:
            if len(self._used) >= self._most_shapes:  # profiles come and go: what is in use is made again
                self._used.clear()
            shaped_by = f"{profile.binning_id} {self._duration_ms} {self._topic_id}"
            used = self._used[id(profile)] = (self._shape_of(profile), content_id(shaped_by.encode()))
        shape, summary_id = used
        borrowed = (profile.model, profile.version_or_none) != (model, version)
        return shape.columns, borrowed, profile.reference_id, summary_id

    def _shape_of(self, profile: Profile) -> _Shape:
        key = (id(profile), self._not_features)
        shape = _shapes.get(key)
        if shape is None:
            shape = _shapes[key] = _Shape(profile, self._not_features)
        return shape

    def _parts(self, told: "Iterable[_PartTold]") -> list[Part]:
        windows: dict[int, Window] = {}  # one object for all parts of it
        parts = []
        for model, version, start_ms, reference_id, summary_id, first, last, events, sums, newest_ms, unseen in told:
            window = windows.setdefault(start_ms, Window(start_ms, start_ms + self._duration_ms))
            parts.append(
                Part(
                    key=PartKey(MonitorKey(model, version), window, self._source, summary_id),
                    reference_id=reference_id,
                    first_offset=first,
                    last_offset=last,
                    events=events,
                    sums=sums,
                    newest_ms=newest_ms,
                    unseen=tuple(UnseenCategory(*category) for category in unseen),
                )
            )
        return sorted(parts, key=lambda part: part.key)


def _places_of(topic: TopicSettings) -> _Places:
    def place(given: str | Constant) -> Steps | str:
        return given.const if isinstance(given, Constant) else steps_of(given)

    return _Places(
        place(topic.model),
        place(topic.version),
        steps_of(topic.timestamp),
        steps_of(topic.features),
        steps_of(topic.prediction),
        steps_of(topic.label),
    )


def _columns_of(profile: Profile, not_features: AbstractSet[str]) -> Iterator[_Column]:
    """Yield the columns that are looked at."""
    lengths = vector_lengths(profile)
    for position, (column, layout) in enumerate(zip(profile.columns, profile.layout.columns, strict=True)):
        takes, name, element = _taken_by(column)
        if column.key.role is Role.FEATURE and name in not_features:
            continue
        shown = column.shown is Shown.SHOW
        yield _Column(
            takes,
            name,
            element,
            lengths.get(name, 0),
            position,
            layout.start,
            column.edges if column.kind is Kind.NUMERIC else None,
            column.categories if shown else (),
            () if shown else [hash_in(token) for token in column.categories],
            list(column.known),
            column.open_vocabulary,
            str(column.shown),
        )


def _taken_by(column: ColumnProfile) -> tuple[str, str, int]:
    """Tell what a column takes of an event: what it is, its name there, and where it is in an array."""
    role, name = column.key
    if role is Role.FEATURE and column.vector is not None:
        return ("element", *column.vector)
    if role is Role.PREDICTION and column.class_name is not None:
        return "class", column.class_name, 0
    return str(role), name, 0
