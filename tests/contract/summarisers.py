"""The profiles that the implementations are tried on, and what one record comes to."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from driftd.references.masking import mask
from driftd.references.profile import ColumnProfile, Profile
from driftd.summarise.seam import Cursor, Tally
from driftd.summarise.settings import TopicSettings
from driftd.values.batch import Batch, RecordTime
from driftd.values.hashing import text_hash
from driftd.values.keys import ColumnKey, Kind, Role, SourcePartition
from driftd.values.layout import HEADER, INVALID, MISSING, UNSEEN, N, sums_from_bytes
from driftd.values.part import Part
from driftd.values.privacy import Shown
from driftd.values.settings import LimitSettings, WindowSettings
from kernels import Make

SOURCE = SourcePartition("events", 0)
FRESH = Cursor(counted_from=0, watermark_ms=None)
MILLISECOND_WINDOWS = WindowSettings(duration="1ms", lateness="0s")
NOON_MS = 1_700_000_000_000


def numeric(role: Role, name: str, *edges: float, **more: Any) -> ColumnProfile:
    """Return a numeric column's profile."""
    bins = len(edges) + 1
    return ColumnProfile(
        ColumnKey(role, name), Kind.NUMERIC, bins, 0, 0, (1,) * bins, edges=edges, test_of=tuple(range(bins)), **more
    )


def categorical(role: Role, name: str, *categories: str, **more: Any) -> ColumnProfile:
    """Return a categorical column's profile."""
    bins = len(categories) + 1
    return ColumnProfile(
        ColumnKey(role, name), Kind.CATEGORICAL, bins, 0, 0, (1,) * bins, categories=categories, **more
    )


def profile(model: str, *columns: ColumnProfile) -> Profile:
    """Return a model's profile, its columns in order."""
    ordered = tuple(sorted(columns, key=lambda column: column.key))
    return Profile(model, "", 10, ordered, binning_id=f"bins of {model}", reference_id=f"reference of {model}")


def scalar_columns() -> tuple[ColumnProfile, ...]:
    """Return one feature of each kind that a single value goes to."""
    return (
        numeric(Role.FEATURE, "amount", 0.0, 10.0, 100.0),
        categorical(Role.FEATURE, "country", "DE", "FR", "", "😀", known=frozenset({text_hash("IT")})),
        categorical(Role.FEATURE, "flag", "false", "true"),
        categorical(Role.FEATURE, "free", "a", open_vocabulary=True),
    )


def masked(model: str, shown: Shown) -> Profile:
    """Return the profile of the scalar columns, none of whose values are shown."""
    columns = profile(model, *scalar_columns())
    hidden = mask(columns, dict.fromkeys(("amount", "country", "flag", "free"), shown))
    return replace(hidden, binning_id=columns.binning_id, reference_id=columns.reference_id)


PROFILES = {
    "plain": profile(
        "plain",
        *scalar_columns(),
        numeric(Role.FEATURE, "place[0]", 0.0, vector=("place", 0)),
        categorical(Role.FEATURE, "place[2]", "x", vector=("place", 2)),
        numeric(Role.PREDICTION, "prediction", 0.5),
        numeric(Role.LABEL, "label", 0.5),
        numeric(Role.ERROR, "error", 0.25, 0.75),
    ),
    "classes": profile(
        "classes",
        categorical(Role.PREDICTION, "prediction", "no", "yes", "true"),
        categorical(Role.LABEL, "label", "no", "yes", "true"),
        numeric(Role.ERROR, "error", 0.5),
    ),
    "longer": replace(
        profile("longer", numeric(Role.FEATURE, "place[0]", 0.0, vector=("place", 0))),
        left_out={"feature:place[1]": "constant", "feature:place[2]": "constant"},
    ),
    "chances": profile(
        "chances",
        numeric(Role.PREDICTION, "prediction:yes", 0.5, class_name="yes"),
        numeric(Role.LABEL, "label", 0.5),
        numeric(Role.ERROR, "error", 0.5),
    ),
    "hashed": masked("hashed", Shown.HASH),
    "hidden": masked("hidden", Shown.HIDE),
}


def find_profile(model: str, version: str, start_ms: int) -> Profile | None:
    """Return the profile of a model by its name; names that hold no other one get the first profile."""
    del version, start_ms
    return None if model == "unwatched" else PROFILES.get(model, PROFILES["plain"])


def event(model: Any = "plain", timestamp: Any = NOON_MS, **more: Any) -> bytes:
    """Return an event in canonical form."""
    return json.dumps({"model": model, "timestamp": timestamp, **more}).encode()


def batch(values: Iterable[bytes | None], first_offset: int = 0, **more: Any) -> Batch:
    """Return records at consecutive offsets."""
    listed = list(values)
    position = first_offset + len(listed)
    return Batch(SOURCE, position, range(first_offset, position), listed, **more)


def runs(part: Part) -> dict[str, list[int]]:
    """Return the part's sums by the name of the column."""
    sums = sums_from_bytes(part.sums).tolist()
    columns = PROFILES[part.reference_id.removeprefix("reference of ")].layout.columns
    return {column.key.name: sums[column.start : column.stop] for column in columns}


def what_became(run: Sequence[int]) -> str:
    """Say in words what a column made of one value."""
    if run[N] == 0:
        return "not looked at"
    if run[MISSING]:
        return "missing"
    if run[INVALID]:
        return "invalid"
    position = list(run[HEADER:]).index(1)
    return f"bin {position}{', unseen' if run[UNSEEN] else ''}"


def outcome(
    make: Make,
    value: bytes | None,
    *,
    topic: TopicSettings | None = None,
    windows: WindowSettings = MILLISECOND_WINDOWS,
    timestamp_ms: int | None = None,
    record_time: RecordTime = RecordTime.NONE,
    clock_ms: int | None = None,
) -> dict[str, Any]:
    """Return what became of one record: its reason, or its monitor, time and columns."""
    summariser = make(SOURCE, topic or TopicSettings(), windows, LimitSettings(), find_profile)
    timestamps_ms = () if timestamp_ms is None else (timestamp_ms,)
    tally: Tally = summariser.add(
        batch([value], timestamps_ms=timestamps_ms, record_time=record_time, clock_ms=clock_ms), FRESH
    )
    if tally.rejected:
        return {"rejected": tally.rejected[0].reason, "moved": tally.newest_ms, "refused": tally.newly_refused}
    (part,) = summariser.touched()
    became = {name: what_became(run) for name, run in runs(part).items()}
    monitor = part.key.monitor
    return {"model": monitor.model, "version": monitor.version, "time_ms": part.key.window.start_ms, **became}
