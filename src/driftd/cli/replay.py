"""``driftd replay``: the daemon's stages over a file or a span of a topic."""

import os
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import orjson

from driftd import __version__
from driftd.cli.output import write_file
from driftd.cli.replay_reference import (
    Reference,
    book_of,
    open_book,
    profile_for,
    profile_from_rows,
    read_profile,
    reference_option,
    stderr_log,
)
from driftd.cli.replay_told import over_budget_told, summary_told
from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.errors import ConfigurationError
from driftd.files.events_file import EventsFile
from driftd.files.opening import open_table
from driftd.files.options import ReadOptions
from driftd.files.source import TableSource
from driftd.files.table import Table
from driftd.references.book import ReferenceBook
from driftd.references.profile import Profile
from driftd.runtime.backtest.injected import InjectedEvents
from driftd.runtime.backtest.injection import OPTION, Injection, parse_injection
from driftd.runtime.event_rows import EventRows
from driftd.runtime.replay import Replay, replay_all
from driftd.runtime.sinks import FileSink
from driftd.runtime.spans import SpanOptions, replay_span
from driftd.snapshot.codec import encode
from driftd.summarise.settings import TopicSettings
from driftd.values.settings import parse_duration_ms

OVER_BUDGET = 3


@click.command(
    epilog="""\
Examples:
  driftd replay weather.csv --reference 0:8000 --window 200s
  driftd replay trips.csv --timestamp trip_start_timestamp --sort --reference trips.json --json
  driftd replay events.jsonl --config driftd.yaml --events-out events.jsonl --fail-over-budget
  driftd replay weather.csv --reference 0:8000 --inject "dew point, visibility: shift 1 sd from 12000"
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
@click.option("--fail-over-budget", is_flag=True, help="Exit with 3 if clean data page more often than the budget.")
@click.option(
    OPTION,
    "inject",
    metavar="SPEC",
    multiple=True,
    help='Change data, tell what is found: "COLUMN[, COLUMN]: CHANGE from ROW" with CHANGE one of shift X [sd], '
    "ramp X [sd] over ROWS, scale X, unit X, swap [A B], missing SHARE; * is every numeric feature; repeatable.",
)
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
    fail_over_budget: bool,
    inject: tuple[str, ...],
    events_out: Path | None,
    windows_out: Path | None,
    state_out: Path | None,
    as_json: bool,
) -> None:
    """Run the daemon's stages over DATA (CSV, Parquet or JSONL), or over a span of a topic.

    The same data and settings give the same output, byte for byte. It tells what would have been paged, holds
    that against the budget, and, of changes put into the data with --inject, what would have been found and how
    soon.
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
        OPTION: inject,
    }
    for option, value in (of_topic if topic is None else of_data).items():
        if value:
            raise click.UsageError(f"{option} goes with {'--topic' if topic is None else 'DATA'}")
    injections = [parse_injection(spec) for spec in inject]
    settings = load_config(config, os.environ, _overrides(window, budget))
    with closing(FileSink(events_out, windows_out, append=False)) as sink:
        if topic is not None:
            book = open_book(settings, reference)
            span = SpanOptions(topic, from_time, to_time).open(settings, stderr_log(settings))
            done = replay_span(settings, span, book, sink)
        else:
            options = ReadOptions(
                model, None, timestamp, _interval(row_interval), sort, prediction, label, tuple(ignore)
            )
            done = _replay_file(settings, Path(str(data)), options, sink, reference=reference, injections=injections)
    if state_out is not None:
        write_file(state_out, encode(done.records(), __version__))
    summary = done.summary()
    click.echo(orjson.dumps(summary, option=orjson.OPT_INDENT_2).decode() if as_json else summary_told(summary))
    if fail_over_budget and summary["over_budget"]:
        click.echo(over_budget_told(summary), err=True)
        sys.exit(OVER_BUDGET)


def _replay_file(
    settings: Config,
    path: Path,
    options: ReadOptions,
    sink: FileSink,
    *,
    reference: Reference | None,
    injections: list[Injection],
) -> Replay:
    profile: Profile | None = None
    if reference is not None and reference.path is not None:
        profile = read_profile(reference.path)
        options = replace(options, model=options.model or profile.model, version=profile.version_or_none)
    table = open_table(path, options, EventRows().read)
    first = 0
    if reference is not None and reference.rows is not None:
        first = reference.rows[1]
        table = table.typed_by_rows(*reference.rows)
        profile = profile_from_rows(settings, table, reference.rows)
    book = book_of(settings, (profile,)) if profile is not None else open_book(settings, None)
    if isinstance(table, Table):
        table = table.typed_by_profile(profile_for(table, book))
    injected = _inject(table, injections, book, first, settings) if injections else None
    source = TableSource(injected or table, first)
    done = Replay(settings, {source.source.topic: TopicSettings()}, book, sink, injected)
    done.start({source.source: first})
    rows = None if table.row_hint is None else max(table.row_hint - first, 1)
    with click.progressbar(
        length=rows or 1, label=f"Replaying {table.name}", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        replay_all(done, source, bar.update)
    return done


def _inject(
    data: Table | EventsFile, injections: list[Injection], book: ReferenceBook, first: int, settings: Config
) -> InjectedEvents:
    """Put changes into the events: into those of a table's one model, or of every model that a file may hold."""
    profiles = (profile_for(data, book),) if isinstance(data, Table) else book.sets[-1].profiles
    return InjectedEvents(data, injections, book, profiles, first=first, limits=settings.limits)


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
