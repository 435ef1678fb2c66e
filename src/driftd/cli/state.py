"""``driftd state``: what survives a restart."""

import os
from pathlib import Path

import click
import orjson

from driftd.config.load import load_config
from driftd.errors import SnapshotError
from driftd.snapshot.codec import decode
from driftd.snapshot.store import StateDirectory

config_option = click.option(
    "--config", type=click.Path(path_type=Path), help="Configuration file; else DRIFTD_CONFIG names it."
)


@click.group(
    epilog="""\
Examples:
  driftd state inspect --config driftd.yaml
  driftd state inspect --config driftd.yaml --record sources
  driftd state reset --config driftd.yaml --yes""",
)
def state() -> None:
    """Inspect or reset the state that survives a restart."""


@state.command()
@config_option
@click.option("--record", metavar="NAME", help="Print one record as JSON instead of the list.")
def inspect(config: Path | None, record: str | None) -> None:
    """List the snapshot's records with their sizes, or print one of them."""
    directory = StateDirectory(load_config(config, os.environ).state.directory)
    data = directory.read()
    if data is None:
        raise SnapshotError(str(directory.path), "does not exist", "the daemon writes it when it has read something")
    records = decode(data, str(directory.path))
    if record is None:
        for name in sorted(records):
            click.echo(f"{len(orjson.dumps(records[name])):>10}  {name}")
        return
    if record not in records:
        raise SnapshotError(str(directory.path), f"has no record {record!r}", "list them with `driftd state inspect`")
    click.echo(orjson.dumps(records[record], option=orjson.OPT_INDENT_2).decode())


@state.command()
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(config: Path | None, *, yes: bool) -> None:
    """Remove the snapshot: the next start reads from kafka.start on and remembers nothing."""
    with StateDirectory(load_config(config, os.environ).state.directory) as directory:
        if not yes:
            click.confirm(f"Remove {directory.path}, with all detectors' memory and open incidents?", abort=True)
        click.echo(f"{directory.path}: removed" if directory.reset() else f"{directory.path}: there was none")
