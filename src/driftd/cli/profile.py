"""``driftd profile``: from training data to a reference profile."""

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import click

from driftd.cli.output import write_file
from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.errors import ConfigurationError, DataError
from driftd.files.events_file import EventsFile
from driftd.files.opening import open_table
from driftd.files.options import ReadOptions
from driftd.files.table import Table
from driftd.logs.stream import open_log
from driftd.references.blocks import BlockRule
from driftd.references.build import build_profile
from driftd.references.codec import profile_to_json
from driftd.references.masking import mask, unknown_names
from driftd.references.profile import Profile
from driftd.runtime.event_rows import EventRows
from driftd.runtime.spans import SpanOptions, SpanRows
from driftd.values.keys import NO_VERSION
from driftd.values.privacy import Shown
from driftd.values.settings import parse_duration_ms

RowSpan = tuple[int, int | None]


def row_span(ctx: click.Context, param: click.Parameter, value: str) -> RowSpan:
    """Read ``A:B``, rows A to B - 1; either bound may be left out."""
    first, colon, last = value.partition(":")
    if not colon or not all(bound == "" or (bound.isascii() and bound.isdecimal()) for bound in (first, last)):
        raise click.BadParameter(f"{value!r} is not of the form A:B, such as 0:8000", ctx, param)
    start, stop = int(first or 0), int(last) if last else None
    if stop is not None and stop <= start:
        raise click.BadParameter(f"{value!r} holds no rows", ctx, param)
    return start, stop


@click.command(
    epilog="""\
Examples:
  driftd profile training.parquet --model fraud --version 3 --prediction score -o fraud-3.json
  driftd profile weather.csv --rows 0:8000 --ignore unnamed_0 -o weather.json
  driftd profile trips.csv --timestamp started_at --window 5m -o trips.json
  driftd profile events.jsonl --timestamp timestamp -o fraud-3.json
  driftd profile training.parquet --hash merchant --hide iban -o fraud-3.json
  driftd profile --topic predictions --from 2026-11-01T00:00:00Z --model fraud --version 3 --sort -o fraud-3.json""",
)
@click.argument("data", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The profile.")
@click.option("--rows", callback=row_span, default=":", metavar="A:B", help="Only rows A to B-1.  [default: all]")
@click.option("--timestamp", metavar="COLUMN", help="Time of each row: the rows are in time order, calibrate too.")
@click.option("--sort", is_flag=True, help="Sort rows that are not in time order; holds them in memory.")
@click.option("--window", metavar="SPAN", help="Calibrate on windows of this span.  [default: on runs of 200 rows]")
@click.option("--prediction", metavar="COLUMN", help="The column that holds the predictions.")
@click.option("--label", metavar="COLUMN", help="The column that holds the labels.")
@click.option("--ignore", metavar="COLUMN", multiple=True, help="A column that is no feature; repeatable.")
@click.option("--hash", "hashed", metavar="COLUMN", multiple=True, help="Keep hashes of its texts; repeatable.")
@click.option("--hide", "hidden", metavar="COLUMN", multiple=True, help="Show none of its values; repeatable.")
@click.option("--topic", metavar="NAME", help="Read the events of this topic instead of DATA; needs --model.")
@click.option("--from", "from_time", metavar="TIME", help="With --topic: from this record time on.")
@click.option("--to", "to_time", metavar="TIME", help="With --topic: up to this record time.")
@click.option("--config", type=click.Path(path_type=Path), help="With --topic: where the brokers are.")
@click.option("--model", metavar="NAME", help="The model.  [default: the file's stem; JSONL: as its events say]")
@click.option("--version", metavar="NAME", help="Its version.  [default: none; JSONL: as its events say]")
def profile(
    data: Path | None,
    output: Path,
    rows: RowSpan,
    timestamp: str | None,
    window: str | None,
    *,
    sort: bool,
    prediction: str | None,
    label: str | None,
    ignore: tuple[str, ...],
    hashed: tuple[str, ...],
    hidden: tuple[str, ...],
    topic: str | None,
    from_time: str | None,
    to_time: str | None,
    config: Path | None,
    model: str | None,
    version: str | None,
) -> None:
    """Build the reference profile of a model from its training DATA: CSV, Parquet or JSONL (canonical events).

    Every column that no option names is a feature. What the profile holds, and what was left out and why, is
    told on stderr.

    A column that is hashed or hidden here is so in every output of driftd, whatever its configuration says
    (docs/privacy.md); a numeric one is hidden either way.
    """
    if (data is None) == (topic is None):
        raise click.UsageError("give either DATA or --topic NAME")
    if not output.parent.is_dir():
        raise DataError(str(output), f"cannot be written: there is no directory {output.parent}")
    if topic is not None:
        if model is None:
            raise click.UsageError("--topic needs --model: a topic may hold the events of several")
        span = SpanOptions(topic, from_time, to_time)
        built = _from_topic(load_config(config, os.environ), span, model, version, window, sort=sort)
    else:
        options = ReadOptions(model, version, timestamp, 1_000, sort, prediction, label, ignore)
        blocks = _blocks(timestamp, window)
        table = open_table(Path(str(data)), options, EventRows().read).typed_by_rows(*rows)
        built = _build(table, rows, blocks)
    built = _masked(built, hashed, hidden)
    write_file(output, profile_to_json(built))
    _summarise(built, output)


def _from_topic(
    config: Config, span: SpanOptions, model: str, version: str | None, window: str | None, *, sort: bool
) -> Profile:
    """Build from a topic: calibrated where the rows are sorted, since partitions keep no order among them."""
    blocks = _blocks("--sort" if sort else None, window)
    version = version or NO_VERSION
    log = open_log(config.log, now=time.time, monotonic=time.monotonic)
    rows = SpanRows(config, span, log, model=model, version=version, sort=sort)
    return build_profile(
        rows, model=model, version=version, blocks=blocks, limits=config.limits, source=f"topic {span.topic}"
    )


def _blocks(timestamp: str | None, window: str | None) -> BlockRule | None:
    if window is None:
        return BlockRule() if timestamp is not None else None
    if timestamp is None:
        raise ConfigurationError("--window", window, "needs --timestamp, or --sort with --topic")
    try:
        span_ms = parse_duration_ms(window)
    except ValueError as error:
        raise ConfigurationError("--window", window, str(error)) from None
    if span_ms == 0:
        raise ConfigurationError("--window", window, "must be longer than 0")
    return BlockRule(span_ms=span_ms)


def _build(table: Table | EventsFile, rows: RowSpan, blocks: BlockRule | None) -> Profile:
    start, stop = rows
    expected = stop - start if stop is not None else table.row_hint and max(table.row_hint - start, 1)
    span = f" rows {start}:{stop if stop is not None else ''}" if rows != (0, None) else ""
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        length=2 * (expected or 1), label=f"Reading {table.name}", file=sys.stderr, hidden=hidden
    ) as bar:
        return build_profile(
            lambda: table.rows(start, stop),
            model=table.model,
            version=table.version,
            blocks=blocks,
            progress=bar.update,
            source=f"{table.name}{span}",
        )


def _masked(built: Profile, hashed: Iterable[str], hidden: Iterable[str]) -> Profile:
    """Mask the columns named; of two options for a column --hide holds."""
    for option, columns, shown in (("--hash", hashed, Shown.HASH), ("--hide", hidden, Shown.HIDE)):
        settings = dict.fromkeys(columns, shown)
        for name in unknown_names(built, settings):
            known = ", ".join(column.key.name for column in built.columns)
            raise ConfigurationError(option, name, f"must be a column of the profile: {known}")
        built = mask(built, settings)
    return built


def _summarise(built: Profile, output: Path) -> None:
    numeric = sum(column.kind == "numeric" for column in built.columns)
    calibration = built.calibration
    learnt = (
        f"calibrated on {calibration.blocks} blocks of {calibration.block_rows:.0f} rows"
        if calibration is not None
        else "not calibrated: give --timestamp where the rows are in time order"
    )
    click.echo(
        f"{output}: {built.model}/{built.version}, {built.rows} rows, {numeric} numeric and"
        f" {len(built.columns) - numeric} categorical columns, {learnt}; reference {built.reference_id}",
        err=True,
    )
    for column, reason in built.left_out.items():
        click.echo(f"left out: {column}: {reason}", err=True)
