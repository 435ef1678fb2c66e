"""``driftd replay``: the daemon's stages over a file or a span of a topic."""

import os
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import orjson

from driftd import __version__
from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.errors import ConfigurationError, DataError
from driftd.files.events_file import EventsFile
from driftd.files.opening import open_table
from driftd.files.options import ReadOptions
from driftd.files.source import TableSource
from driftd.files.table import Table
from driftd.logs.stream import Log, open_log
from driftd.references.blocks import BlockRule
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.build import build_profile
from driftd.references.codec import profile_from_json
from driftd.references.directory import ProfileDirectory
from driftd.references.profile import Profile
from driftd.runtime.event_rows import EventRows
from driftd.runtime.masks import Masks
from driftd.runtime.replay import Replay, replay_all
from driftd.runtime.sinks import FileSink
from driftd.runtime.spans import SpanOptions, replay_span
from driftd.snapshot.codec import encode
from driftd.summarise.settings import TopicSettings
from driftd.values.settings import parse_duration_ms
from driftd.values.state import State


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


@click.command(
    epilog="""\
Examples:
  driftd replay weather.csv --reference 0:8000 --window 200s
  driftd replay trips.csv --timestamp trip_start_timestamp --sort --reference trips.json --json
  driftd replay events.jsonl --config driftd.yaml --events-out events.jsonl
  driftd replay --topic predictions --from 2026-11-01T00:00:00Z --config driftd.yaml""",
)
@click.argument("data", type=click.Path(path_type=Path), required=False)
@click.option("--config", type=click.Path(path_type=Path), help="Any setting; the options below win over it.")
@click.option("--model", metavar="NAME", help="The model.  [default: the profile's, else the file's stem]")
@click.option("--timestamp", metavar="COLUMN", help="Event time of each row.")
@click.option("--row-interval", default="1s", show_default=True, help="Time between rows without --timestamp.")
@click.option("--sort", is_flag=True, help="Sort a file that is not in time order; holds it in memory.")
@click.option("--prediction", metavar="COLUMN", help="The column that holds the predictions.")
@click.option("--label", metavar="COLUMN", help="The column that holds the labels.")
@click.option("--ignore", metavar="COLUMN", multiple=True, help="A column that is no feature; repeatable.")
@click.option(
    "--reference",
    callback=reference_option,
    metavar="FILE|A:B",
    help="A profile, or rows A to B-1 of DATA: then monitoring starts at row B.",
)
@click.option("--topic", metavar="NAME", help="Read this topic instead of DATA.")
@click.option("--from", "from_time", metavar="TIME", help="With --topic: from this record time on.")
@click.option("--to", "to_time", metavar="TIME", help="With --topic: up to this record time.")
@click.option("--window", metavar="SPAN", help="Length of a window.  [default: 60s]")
@click.option("--budget", metavar="BUDGET", help='Pages are reported against it: "1 per 30d" or "1 per 8640 windows".')
@click.option("--events-out", type=click.Path(path_type=Path), metavar="FILE", help="Drift events, one JSON a line.")
@click.option("--windows-out", type=click.Path(path_type=Path), metavar="FILE", help="A line per window and column.")
@click.option("--state-out", type=click.Path(path_type=Path), metavar="FILE", help="The snapshot a daemon would have.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def replay(
    data: Path | None,
    config: Path | None,
    *,
    model: str | None,
    timestamp: str | None,
    row_interval: str,
    sort: bool,
    prediction: str | None,
    label: str | None,
    ignore: tuple[str, ...],
    reference: Reference | None,
    topic: str | None,
    from_time: str | None,
    to_time: str | None,
    window: str | None,
    budget: str | None,
    events_out: Path | None,
    windows_out: Path | None,
    state_out: Path | None,
    as_json: bool,
) -> None:
    """Run the daemon's stages over DATA (CSV, Parquet or JSONL), or over a span of a topic.

    The same data and settings give the same output, byte for byte. It tells what would have been paged.
    """
    if (data is None) == (topic is None):
        raise click.UsageError("give either DATA or --topic NAME")
    of_topic = {"--from": from_time, "--to": to_time}
    of_data = {
        "--model": model,
        "--timestamp": timestamp,
        "--sort": sort,
        "--prediction": prediction,
        "--label": label,
        "--ignore": ignore,
    }
    for option, value in (of_topic if topic is None else of_data).items():
        if value:
            raise click.UsageError(f"{option} goes with {'--topic' if topic is None else 'DATA'}")
    settings = load_config(config, os.environ, _overrides(window, budget))
    with closing(FileSink(events_out, windows_out, append=False)) as sink:
        if topic is not None:
            book = _book(settings, reference)
            done = replay_span(
                settings, SpanOptions(topic, from_time, to_time).open(settings, _log(settings)), book, sink
            )
        else:
            options = ReadOptions(
                model, None, timestamp, _interval(row_interval), sort, prediction, label, tuple(ignore)
            )
            done = _replay_file(settings, Path(str(data)), options, reference, sink)
    if state_out is not None:
        _write(state_out, encode(done.records(), __version__))
    summary = done.summary()
    click.echo(orjson.dumps(summary, option=orjson.OPT_INDENT_2).decode() if as_json else _told(summary))


def _replay_file(
    settings: Config, path: Path, options: ReadOptions, reference: Reference | None, sink: FileSink
) -> Replay:
    profile: Profile | None = None
    if reference is not None and reference.path is not None:
        profile = _profile(reference.path)
        options = replace(options, model=options.model or profile.model, version=profile.version_or_none)
    table = open_table(path, options, EventRows().read)
    first = 0
    if reference is not None and reference.rows is not None:
        first = reference.rows[1]
        table = table.typed_by_rows(*reference.rows)
        profile = _from_rows(settings, table, reference.rows)
    book = _book_of(settings, (profile,)) if profile is not None else _book(settings, None)
    if isinstance(table, Table):
        table = table.typed_by_profile(_profile_for(table, book))
    source = TableSource(table, first)
    done = Replay(settings, {source.source.topic: TopicSettings()}, book, sink)
    done.start({source.source: first})
    rows = None if table.row_hint is None else max(table.row_hint - first, 1)
    with click.progressbar(
        length=rows or 1, label=f"Replaying {table.name}", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        replay_all(done, source, bar.update)
    return done


def _profile_for(table: Table, book: ReferenceBook) -> Profile:
    """Return what a table's rows are held against; without it all of them would be rejected."""
    profile = book.find(table.model, table.version, 0)
    if profile is None:
        known = ", ".join(f"{p.model}/{p.version_or_none}" for p in book.sets[-1].profiles) or "none at all"
        raise ConfigurationError("--model", table.model, f"there is no profile of its version; there is {known}")
    return profile


def _from_rows(settings: Config, table: Table | EventsFile, rows: tuple[int, int]) -> Profile:
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


def _book(settings: Config, reference: Reference | None) -> ReferenceBook:
    """Return the book of a profile's file, or of the configured directory."""
    if reference is not None and reference.path is None:
        raise ConfigurationError("--reference", "A:B", "rows can be taken from DATA only: give a profile's file")
    if reference is not None and reference.path is not None:
        profiles: tuple[Profile, ...] = (_profile(reference.path),)
    elif settings.references.directory is not None:
        polled = ProfileDirectory(settings.references.directory, settings.limits).poll()
        if polled.errors:
            raise polled.errors[0]
        profiles = polled.profiles
    else:
        raise ConfigurationError("--reference", None, "give a profile, rows A:B of DATA, or references.directory")
    return _book_of(settings, profiles)


def _book_of(settings: Config, profiles: Iterable[Profile]) -> ReferenceBook:
    masks = Masks(settings, _log(settings).logger)
    return ReferenceBook([ReferenceSet(None, tuple(map(masks.apply, profiles)))], settings.references.missing)


def _profile(path: Path) -> Profile:
    try:
        return profile_from_json(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(str(path), f"cannot be read: {error.strerror}") from None


def _overrides(window: str | None, budget: str | None) -> dict[str, Any]:
    overrides: dict[str, Any] = {}
    if window is not None:
        overrides["windows"] = {"duration": window}
    if budget is not None:
        overrides["incidents"] = {"budget": budget}
    return overrides


def _interval(text: str) -> int:
    try:
        interval_ms = parse_duration_ms(text)
    except ValueError as error:
        raise ConfigurationError("--row-interval", text, str(error)) from None
    if interval_ms == 0:
        raise ConfigurationError("--row-interval", text, "must be longer than 0")
    return interval_ms


def _log(settings: Config) -> Log:
    return open_log(settings.log, now=time.time, monotonic=time.monotonic)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise DataError(str(path), f"cannot be written: {error.strerror}") from None


def _told(summary: State) -> str:
    """Write the summary for people."""
    rejected = ", ".join(f"{n} {reason}" for reason, n in summary["rejected"].items()) or "none"
    lines = [
        f"rows        {summary['rows']}: {summary['events']} observed, {summary['late']} late, rejected: {rejected}",
        f"windows     {summary['windows']}",
        f"pages       {summary['pages']}"
        + (f", {summary['pages_per_horizon']:.4g} per horizon" if summary["pages_per_horizon"] is not None else "")
        + f" (budget: {summary['budget']})",
    ]
    lines += [
        f"  {page['time']}  {page['incident']}  since {page['onset']}  {', '.join(page['suspects'])}"
        for page in summary["incidents"]
    ]
    if summary["detections"]:
        lines.append("detections")
    for column, counts in summary["detections"].items():
        lines.append(f"  {column:<32} " + ", ".join(f"{n} {detector}" for detector, n in counts.items()))
    return "\n".join(lines)
