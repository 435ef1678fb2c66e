"""``driftd run``: the daemon."""

import os
import signal
import time
from contextlib import closing
from pathlib import Path

import click

from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.logs.stream import open_log, standard_library_led_into
from driftd.runtime.clock import SystemClock
from driftd.runtime.daemon import run_daemon
from driftd.runtime.observatory import Board
from driftd.runtime.requests import Requests
from driftd.runtime.sinks import FileSink
from driftd.summarise.choice import kernel_in_use


@click.command(
    epilog="""\
Examples:
  driftd run --config driftd.yaml
  DRIFTD_KAFKA__BOOTSTRAP_SERVERS=broker:9092 driftd run --config driftd.yaml
  driftd run --config driftd.yaml --events-out events.jsonl --windows-out windows.jsonl""",
)
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file; else DRIFTD_CONFIG names it.")
@click.option("--events-out", type=click.Path(path_type=Path), help="Append drift events to this file.")
@click.option("--windows-out", type=click.Path(path_type=Path), help="Append a line per closed window and column.")
def run(config: Path | None, events_out: Path | None, windows_out: Path | None) -> None:
    """Watch the events of a Kafka cluster and serve what is found.

    Runs until SIGTERM or SIGINT, then saves its state and ends with exit code 0. SIGHUP loads the configuration
    again.
    """
    settings = load_config(config, os.environ)
    kernel = kernel_in_use()
    log = open_log(settings.log, now=time.time, monotonic=time.monotonic)
    if kernel.name == "python":
        log.logger.info("events are read in Python", reason=kernel.reason)
    requests = Requests()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: requests.stop())
    signal.signal(signal.SIGHUP, lambda *_: requests.reload())
    clock = SystemClock()

    def load() -> Config:
        return load_config(config, os.environ)

    with standard_library_led_into(log, settings.log), closing(FileSink(events_out, windows_out)) as sink:
        run_daemon(settings, log, clock, requests, sink=sink, board=Board(clock), load=load)
    log.report_suppressed(last=True)
