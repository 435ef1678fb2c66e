"""``driftd check-config``: what would be in force, and the false pages that it allows."""

import os
from collections.abc import Iterator
from math import log10
from pathlib import Path

import click
import orjson

from driftd.cli.printable import printable
from driftd.config.forecast import MONTH_DAYS, Allowance, Forecast, forecast
from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.config.show import effective_yaml
from driftd.references.directory import ProfileDirectory
from driftd.values.settings import format_duration


@click.command(
    name="check-config",
    epilog="""\
Examples:
  driftd check-config --config driftd.yaml
  DRIFTD_WINDOWS__DURATION=5m driftd check-config --config driftd.yaml
  DRIFTD_CONFIG=driftd.yaml driftd check-config > effective.yaml
  driftd check-config --config driftd.yaml --json | jq .false_pages""",
)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration file.  [default: the one that DRIFTD_CONFIG names, else none]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the forecast of false pages alone, as JSON.")
def check_config(path: Path | None, *, as_json: bool) -> None:
    """Check the configuration that `driftd run` would have, and print every setting in force as YAML.

    Settings come from the file, and over it from variables such as DRIFTD_WINDOWS__DURATION. Secrets are
    masked. The false pages a month that the budgets allow are told on stderr. Whatever is wrong is listed on
    stderr, one line each, with exit code 2.
    """
    config = load_config(path, os.environ)
    config.source()
    found, unread = _forecast(config)
    if as_json:
        click.echo(orjson.dumps(found.document(), option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo(effective_yaml(config), nl=False)
        _tell(_table(found))
        _tell(_notes(found))
    _tell(f"Not counted: {line}" for line in unread)


def _tell(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(printable(line), err=True)


def _forecast(config: Config) -> tuple[Forecast, list[str]]:
    """Return the forecast with the models that have a profile now, and what of the profiles cannot be read."""
    directory = config.references.directory
    if directory is None:
        return forecast(config, {}, is_complete=False), []
    polled = ProfileDirectory(directory, config.limits).poll()
    versions: dict[str, list[str]] = {}
    for profile in polled.profiles:
        versions.setdefault(profile.model, []).append(profile.version_or_none)
    return forecast(config, versions, is_complete=not polled.errors), [str(error) for error in polled.errors]


_HEAD = ("model", "budget", "false pages", "windows to one", "log10 of the threshold")


def _table(found: Forecast) -> Iterator[str]:
    """Yield a line for each model, and one for all together where that is known."""
    length = format_duration(found.window_ms)
    yield f"False pages in {MONTH_DAYS} days that the budgets allow, at windows of {length}:"
    rows = [_HEAD, *(_row(model, len(found.models)) for model in found.models), *_sum(found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [f"{text:<{width}}" for text, width in zip(row[:2], widths, strict=False)]
        cells += [f"{text:>{width}}" for text, width in zip(row[2:], widths[2:], strict=True)]
        yield f"  {'  '.join(cells)}".rstrip()


def _row(model: Allowance, rows: int) -> tuple[str, ...]:
    name = printable(model.model or ("each model" if rows == 1 else "each other model"))
    windows = f"{model.threshold:,.0f}" if model.false_pages else "-"
    return name, str(model.budget), _number(model.false_pages), windows, f"{model.log10_threshold:.2f}"


def _sum(found: Forecast) -> Iterator[tuple[str, ...]]:
    pages = found.false_pages
    if pages is not None:
        windows = f"{found.windows_a_month / pages:,.0f}" if pages else "-"
        yield "all together", "", _number(pages), windows, ""


def _notes(found: Forecast) -> Iterator[str]:
    """Yield what the table does not tell."""
    if found.fleet_pages is not None:
        models = len(found.models)
        yield (
            f"incidents.fleet_budget, {found.fleet}: {_number(found.fleet_pages)} for all together, the same part "
            f"for each model: at most {_number(found.fleet_pages / models)} where there are {models}."
        )
    if shared := [model.model for model in found.models if model.model and len(model.versions) > 1]:
        yield (
            f"{', '.join(shared)}: several versions; those that are live at the same time share the budget, "
            f"and one with half of it has a threshold {log10(2):.2f} higher."
        )
    if unbound := dict.fromkeys(rule for model in found.models for rule in model.unbound):
        yield f"Pages by {', '.join(unbound)} come on top: no budget binds them (incidents.page_on)."


def _number(pages: float) -> str:
    return f"{pages:,.0f}" if pages >= 10 else f"{pages:.2g}"
