"""``driftd probe``: whether the daemon on this machine is alive, for whoever supervises it by commands."""

import os
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import click

from driftd.cli.daemon_api import address_of
from driftd.config.load import load_config
from driftd.errors import CallError

SECONDS = 5.0


@click.command(
    epilog="""\
Examples:
  driftd probe --config driftd.yaml
  driftd probe --config driftd.yaml --ready""",
)
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file; else DRIFTD_CONFIG names it.")
@click.option("--ready", is_flag=True, help="Ask whether it is ready, too, and not only whether it is alive.")
def probe(config: Path | None, *, ready: bool) -> None:
    """Ask the daemon that runs with this configuration on this machine whether it is alive.

    Exit code 0 if it is, else 1, with its reasons. Needs no password where those are asked for; where the daemon
    wants a client's certificate from everybody, it cannot be probed.
    """
    url = f"{address_of(load_config(config, os.environ))}/-/{'ready' if ready else 'healthy'}"
    click.echo(ask(url))


def ask(url: str) -> str:
    """Return what a probe's address answers; CallError if that is no success, or does not come within SECONDS."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(host, port, timeout=SECONDS, context=_of_whatever_name())
    else:
        connection = HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        told = answer.read().decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        raise CallError(url, f"no answer: {str(error) or type(error).__name__}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise CallError(url, told, answer.status)
    return told


def _of_whatever_name() -> ssl.SSLContext:
    """Return a context that takes any certificate: it is made out to the name that others know, and nothing is told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
