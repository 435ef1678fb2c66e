"""``driftd replay --reference``: what the events are held against."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from driftd.config.model import Config
from driftd.errors import ConfigurationError, DataError
from driftd.files.events_file import EventsFile
from driftd.files.table import Table
from driftd.logs.stream import Log, open_log
from driftd.references.blocks import BlockRule
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.build import build_profile
from driftd.references.codec import profile_from_json
from driftd.references.directory import ProfileDirectory
from driftd.references.profile import Profile
from driftd.runtime.masks import Masks


@dataclass(frozen=True, slots=True)
class Reference:
    """``--reference``: a profile's file, or rows A to B-1 of DATA."""

    path: Path | None = None
    rows: tuple[int, int] | None = None


def reference_option(ctx: click.Context, param: click.Parameter, value: str | None) -> Reference | None:
    """Read ``A:B`` or a file's name."""
    if value is None:
        return None
    first, colon, last = value.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal()):
        return Reference(path=Path(value))
    if int(last) <= int(first):
        raise click.BadParameter(f"{value!r} holds no rows", ctx, param)
    return Reference(rows=(int(first), int(last)))


def profile_for(table: Table, book: ReferenceBook) -> Profile:
    """Return what a table's rows are held against; without it all of them would be rejected."""
    profile = book.find(table.model, table.version, 0)
    if profile is None:
        known = ", ".join(f"{p.model}/{p.version_or_none}" for p in book.sets[-1].profiles) or "none at all"
        raise ConfigurationError("--model", table.model, f"there is no profile of its version; there is {known}")
    return profile


def profile_from_rows(settings: Config, table: Table | EventsFile, rows: tuple[int, int]) -> Profile:
    """Build the reference from the file's own rows: they are in time order, so it is calibrated too."""
    start, stop = rows
    return build_profile(
        lambda: table.rows(start, stop),
        model=table.model,
        version=table.version,
        blocks=BlockRule(span_ms=settings.windows.duration),
        limits=settings.limits,
        source=f"{table.name} rows {start}:{stop}",
    )


def open_book(settings: Config, reference: Reference | None) -> ReferenceBook:
    """Return the book of a profile's file, or of the configured directory."""
    if reference is not None and reference.path is None:
        raise ConfigurationError("--reference", "A:B", "rows can be taken from DATA only: give a profile's file")
    if reference is not None and reference.path is not None:
        profiles: tuple[Profile, ...] = (read_profile(reference.path),)
    elif settings.references.directory is not None:
        polled = ProfileDirectory(settings.references.directory, settings.limits).poll()
        if polled.errors:
            raise polled.errors[0]
        profiles = polled.profiles
    else:
        raise ConfigurationError("--reference", None, "give a profile, rows A:B of DATA, or references.directory")
    return book_of(settings, profiles)


def book_of(settings: Config, profiles: Iterable[Profile]) -> ReferenceBook:
    """Return the book of some profiles, masked as the configuration says."""
    masks = Masks(settings, stderr_log(settings).logger)
    return ReferenceBook([ReferenceSet(None, tuple(map(masks.apply, profiles)))], settings.references.missing)


def read_profile(path: Path) -> Profile:
    """Read a profile's file."""
    try:
        return profile_from_json(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(str(path), f"cannot be read: {error.strerror}") from None


def stderr_log(settings: Config) -> Log:
    """Open the log on stderr."""
    return open_log(settings.log, now=time.time, monotonic=time.monotonic)
