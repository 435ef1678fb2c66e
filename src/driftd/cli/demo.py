"""``driftd demo``: the daemon at work on a made-up model."""

import signal
import socket
import sys
import time
from threading import Event

import click

from driftd.logs.settings import LogSettings
from driftd.logs.stream import open_log
from driftd.runtime.clock import SystemClock
from driftd.runtime.demo import Show


@click.command(
    epilog="""\
Examples:
  driftd demo
  driftd demo --seconds 60 --keep
  driftd demo --bootstrap-servers localhost:9092""",
)
@click.option("--seconds", type=click.FloatRange(min=15), default=40.0, show_default=True, help="Longest it may take.")
@click.option("--keep", is_flag=True, help="Go on serving metrics and API until Ctrl-C.")
@click.option(
    "--bootstrap-servers", metavar="HOST:PORT", help="Use these brokers instead of a mock inside the process."
)
@click.option("--verbose", is_flag=True, help="Show the daemon's log on stderr, too.")
def demo(seconds: float, *, keep: bool, bootstrap_servers: str | None, verbose: bool) -> None:
    """Watch a made-up model drift half-way, and driftd find it; needs no server.

    Exit code 0 if the drift was paged and nothing else was, else 3.
    """
    settings = LogSettings.model_validate({"level": "info" if verbose else "error", "format": "console"})
    log = open_log(settings, now=time.time, monotonic=time.monotonic)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    show = Show(click.echo, log, SystemClock(), seconds, free_port(9108), bootstrap_servers)
    if not show.run(Event() if keep else None):
        sys.exit(3)


def free_port(wanted: int) -> int:
    """Return the wanted port of the loopback interface if it is free, else one that is."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free on the loopback interface")
