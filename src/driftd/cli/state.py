"""``driftd state``: what survives a restart."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import orjson

from driftd.cli.printable import printable
from driftd.config.load import load_config
from driftd.errors import SnapshotError
from driftd.runtime.inspection import overview
from driftd.snapshot.codec import FORMAT, read_snapshot
from driftd.snapshot.restoring import restoring
from driftd.snapshot.store import StateDirectory

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNREADABLE = ["not of the form that this release writes"]

config_option = click.option(
    "--config", type=click.Path(path_type=Path), help="Configuration file; else DRIFTD_CONFIG names it."
)


@click.group(
    epilog="""\
Examples:
  driftd state inspect --config driftd.yaml
  driftd state inspect --config driftd.yaml --json
  driftd state inspect --config driftd.yaml --record sources
  driftd state reset --config driftd.yaml --yes""",
)
def state() -> None:
    """Inspect or reset the state that survives a restart."""


@state.command()
@config_option
@click.option("--record", metavar="NAME", help="Print one record as JSON instead.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def inspect(config: Path | None, record: str | None, *, as_json: bool) -> None:
    """Tell what the snapshot holds: positions, monitors with open incidents, references, what waits to be told.

    No broker is needed, and a daemon that uses the directory is not disturbed. A snapshot of the release
    before is shown as this release would have written it.
    """
    directory = StateDirectory(load_config(config, os.environ).state.directory)
    path = str(directory.path)
    data = directory.read()
    if data is None:
        raise SnapshotError(path, "does not exist", "the daemon writes it when it has read something")
    snapshot = read_snapshot(data, path)
    if record is not None:
        if record not in snapshot.records:
            raise SnapshotError(path, f"has no record {record!r}", "list them with `driftd state inspect`")
        with restoring(path):
            shown = _as_json(snapshot.records[record])
        click.echo(shown)
        return
    about = {
        "path": path,
        "release": snapshot.release,
        "format": snapshot.format,
        "bytes": len(data),
        "written_ms": directory.written_ms(),
    }
    with restoring(path):
        found = {**about, **overview(snapshot.records)}
        shown = _as_json(found) if as_json else "\n".join(_text(found))
    click.echo(shown)


@state.command()
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(config: Path | None, *, yes: bool) -> None:
    """Remove the snapshot: the next start reads from kafka.start on and remembers nothing."""
    with StateDirectory(load_config(config, os.environ).state.directory) as directory:
        if not yes:
            click.confirm(f"Remove {directory.path}, with all detectors' memory and open incidents?", abort=True)
        click.echo(f"{directory.path}: removed" if directory.reset() else f"{directory.path}: there was none")


def _as_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _text(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines for people. Names come from events: they are shown without what a terminal would obey."""
    read_as = "" if found["format"] == FORMAT else f", read as format {FORMAT}"
    yield f"{found['path']}"
    yield f"written {_time(found['written_ms'])} by release {found['release']} in format {found['format']}{read_as}"
    sections = {
        "partitions": map(_partition, found["partitions"] or ()),
        "monitors": map(_monitor, found["monitors"] or ()),
        "references": map(_reference, found["references"] or ()),
        "outbox": _outbox(found["outbox"]) if found["outbox"] else (),
    }
    for name, lines in sections.items():
        shown = _UNREADABLE if found[name] is None else list(lines)
        yield f"\n{name}: {'' if shown else 'none'}".rstrip()
        yield from (f"  {printable(line)}" for line in shown)
    yield f"\nrecords: {found['bytes']} bytes"
    yield from (f"{size:>10}  {printable(name)}" for name, size in found["records"].items())


def _partition(ledger: dict[str, Any]) -> str:
    counts = ", ".join(f"{name} {ledger[name]}" for name in ("position", "rewind", "read", "late", "rejected"))
    return f"{ledger['topic']}/{ledger['partition']}: {counts}, watermark {_time(ledger['watermark_ms'])}"


def _monitor(monitor: dict[str, Any]) -> str:
    name = f"{monitor['model']}/{monitor['version']}/{monitor['segment']}"
    open_incidents = ", ".join(map(str, monitor["incidents"])) or "none"
    return f"{name}: newest window until {_time(monitor['newest_window_ms'])}, open incidents: {open_incidents}"


def _reference(in_force: dict[str, Any]) -> str:
    since = "the beginning" if in_force["from_ms"] is None else _time(in_force["from_ms"])
    return f"from {since} on: {', '.join(map(str, in_force['profiles'])) or 'none'}"


def _outbox(outbox: dict[str, Any]) -> Iterator[str]:
    yield f"drift events {outbox['events']}, window lines {outbox['windows']}, dead letters {outbox['dead_letters']}"
    yield from (f"{events} drift events wait for {name}" for name, events in outbox["waiting"].items())


def _time(ms: Any) -> str:
    if ms is None:
        return "unknown"
    try:
        return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, TypeError):
        return f"{ms} ms"
