"""``driftd incidents``: what a running daemon has found, and the operator's word on it."""

import os
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import orjson

from driftd.cli.daemon_api import DaemonApi, address_of, basic, bearer, trusted
from driftd.cli.printable import printable
from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.errors import NO_VALUE, ConfigurationError
from driftd.web.settings import check_url

INCIDENTS = "/api/v1/incidents"
STATES = ("firing", "resolved", "superseded")

_OPTIONS = (
    click.option("--url", help="Where the daemon serves HTTP.  [default: http.listen of the configuration]"),
    click.option("--config", type=click.Path(path_type=Path), help="Configuration file; else DRIFTD_CONFIG names it."),
    click.option("--ca-file", type=click.Path(path_type=Path), help="Certificates that an https address is held to."),
    click.option("--json", "as_json", is_flag=True, help="Print what the daemon answers."),
)


def _asks_a_daemon(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which daemon is meant; the command gets it as ``daemon``."""

    @wraps(command)
    def run(url: str | None, config: Path | None, ca_file: Path | None, **rest: Any) -> None:
        settings = load_config(config, os.environ) if url is None or config is not None else None
        tls = None if ca_file is None else trusted(ca_file)
        command(daemon=DaemonApi(_checked(url, settings), tls=tls), settings=settings, **rest)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


@click.group(
    epilog="""\
Examples:
  driftd incidents list --url http://localhost:9108
  driftd incidents list --config driftd.yaml --state firing --json
  driftd incidents accept 4f1c2a9b --config driftd.yaml
  driftd incidents accept 4f1c2a9b --url https://driftd.example.org --token-file /run/secrets/driftd-admin""",
)
def incidents() -> None:
    """List the incidents of a running daemon, and accept what is the new normal."""


@incidents.command(name="list")
@click.option("--state", type=click.Choice(STATES), help="Only incidents in this state.")
@click.option("--user", help="Whom the daemon lets read, where it asks for a name and a password.")
@click.option("--password-file", type=click.Path(path_type=Path), help="Holds that user's password.")
@_asks_a_daemon
def list_incidents(
    daemon: DaemonApi,
    settings: Config | None,  # noqa: ARG001 -- all commands of the group get it
    state: str | None,
    user: str | None,
    password_file: Path | None,
    *,
    as_json: bool,
) -> None:
    """List the incidents that are open or ended within the last hour, the newest first."""
    if user is not None or password_file is not None:
        daemon = _as_reader(daemon, user, password_file)
    found = daemon.call(INCIDENTS if state is None else f"{INCIDENTS}?state={state}")
    click.echo(_as_json(found) if as_json else "\n".join(_lines(found["incidents"])))


@incidents.command()
@click.argument("incident", metavar="ID")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help="Holds the admin token.  [default: http.admin_token_file of the configuration]",
)
@_asks_a_daemon
def accept(
    daemon: DaemonApi, settings: Config | None, incident: str, token_file: Path | None, *, as_json: bool
) -> None:
    """Say that what the monitor of incident ID sees since then is the new normal.

    The daemon makes it the reference of that model version, from the next window on that nothing was read of. The
    monitor's open incidents then end as superseded, and its detectors begin anew.
    """
    token_file = token_file or (settings.http.admin_token_file if settings else None)
    if token_file is None:
        raise ConfigurationError("--token-file", NO_VALUE, "it takes the file with the daemon's admin token")
    allowed = DaemonApi(daemon.url, bearer(token_file), daemon.tls)
    done = allowed.call(f"{INCIDENTS}/{quote(incident, safe='')}/accept", "POST")
    if as_json:
        click.echo(_as_json(done))
        return
    click.echo(
        printable(
            f"{done['incident']}: accepted; reference {done['reference_id']}, made of {done['events']} events "
            f"in {done['windows']} windows, is in force from {done['from']} on"
        )
    )


def _checked(url: str | None, settings: Config | None) -> str:
    if url is None:
        assert settings is not None, "without an address there is a configuration"
        return address_of(settings)
    try:
        return str(check_url(url))
    except ValueError as error:
        raise ConfigurationError("--url", url, str(error)) from None


def _as_reader(daemon: DaemonApi, user: str | None, password_file: Path | None) -> DaemonApi:
    if user is None or password_file is None:
        missing = "--user" if user is None else "--password-file"
        raise ConfigurationError(missing, NO_VALUE, "--user and --password-file go together")
    return DaemonApi(daemon.url, basic(user, password_file), daemon.tls)


def _lines(found: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines for people."""
    if not found:
        yield "no incident is open or ended within the last hour"
    for incident in found:
        monitor = "/".join(incident["monitor"].values())
        suspects = ", ".join(f"{suspect['role']}:{suspect['name']}" for suspect in incident["suspects"])
        yield printable(f"{incident['id']}  {incident['state']}  {monitor}  since {incident['onset']}: {suspects}")
        yield printable(f"    {_outlook(incident['acceptance'])}")


def _outlook(outlook: dict[str, Any] | None) -> str:
    if outlook is None or not outlook["possible"]:
        return f"cannot be accepted: {outlook['reason'] if outlook else 'unknown'}"
    return (
        f"can be accepted: {outlook['observations']} observations in {outlook['windows']} windows "
        f"since {outlook['since']}"
    )


def _as_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
