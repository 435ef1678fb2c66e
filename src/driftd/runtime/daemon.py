"""The daemon. ``run_daemon`` is the composition root.

What it opens is closed in reverse order: the consumer, the state directory, and last the HTTP server, so
that a daemon on its way down can still be scraped.
"""

import gc
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event
from uuid import uuid4

from driftd.config.model import Config
from driftd.kafka.source import KafkaSource
from driftd.logs.stream import Log
from driftd.metrics.collect import build_registry
from driftd.metrics.render import render
from driftd.runtime.build import build_pipeline
from driftd.runtime.clock import Clock
from driftd.runtime.engine import Engine, Sink
from driftd.runtime.observatory import Board, Observatory
from driftd.runtime.ports import PolledTopics, SnapshotFile
from driftd.runtime.reference_library import ReferenceLibrary
from driftd.snapshot.codec import decode
from driftd.snapshot.store import StateDirectory
from driftd.values.part import Ledger
from driftd.values.state import State
from driftd.web.app import Served, build_app
from driftd.web.server import HttpServer

CONFLICT_SECONDS = 30.0


def run_daemon(
    config: Config,
    log: Log,
    clock: Clock,
    stop: Event,
    *,
    sink: Sink,
    board: Board,
) -> None:
    """Run until ``stop`` is set, then finish the batch, save, and close everything.

    What comes to light goes to ``sink``; ``board`` holds the pictures of it that HTTP serves.

    Raises a DriftdError where the daemon cannot start or go on.
    """
    settings = config.source()
    with ExitStack() as stack:
        # 1. HTTP: live from the first moment on, ready when all below is done
        _serve(stack, config, log, board)
        # 2. what was known when the last process ended
        board.not_ready("restoring state")
        state = stack.enter_context(StateDirectory(config.state.directory))
        records = _read_snapshot(state)
        library = ReferenceLibrary(config.references, config.limits, state, log.logger)
        board.book = library.open(records)
        pipeline = build_pipeline(config, settings.topics, board.book)
        observatory = Observatory(pipeline, board, config.incidents_of, records, log.logger)
        # 3. the source; nobody else may be at work for this group
        board.not_ready("connecting to kafka")
        instance = state.instance(f"{socket.gethostname()}-{uuid4().hex[:8]}")
        kafka = KafkaSource(settings, instance, log.logger, clock.wall_ms)
        stack.callback(kafka.close)
        store = SnapshotFile(state, clock, observatory)
        topics = PolledTopics(kafka, log)
        engine = Engine(
            pipeline,
            topics,
            sink,
            store,
            observatory,
            checkpoint_ms=config.state.checkpoint_interval,
            monotonic_ms=clock.monotonic_ms(),
        )
        known = (
            {ledger.source: ledger for ledger in engine.restore(records, settings.topics)}
            if records is not None
            else {}
        )
        try:
            kafka.start(
                {source: ledger.rewind for source, ledger in known.items()},
                settings.connect_timeout / 1000,
                reached={source: ledger.position for source, ledger in known.items()},
                heed=lambda: _heed(stop),
            )
        except _ToldToStop:
            log.logger.info("stopped")
            return
        kafka.check_other_instance(CONFLICT_SECONDS)
        starts = kafka.positions
        engine.start([known.get(source, Ledger(source, start, start)) for source, start in sorted(starts.items())])
        observatory.started()
        engine.checkpoint(clock.monotonic_ms())  # the commit with it claims the group for this instance
        log.logger.info("started", partitions=len(starts), restored=records is not None, instance=instance)
        gc.collect()
        gc.freeze()  # what is loaded by now stays: the collector need not look at it again
        # 4. turn until told to stop
        daemon = Daemon(
            config=config,
            log=log,
            clock=clock,
            engine=engine,
            kafka=kafka,
            references=library,
            observatory=observatory,
            board=board,
        )
        daemon.turn_until(stop)
        # 5. on the way down: not ready, save, then close in reverse order
        board.not_ready("stopping")
        engine.stop(clock.monotonic_ms())
        log.logger.info("stopped")


class _ToldToStop(Exception):
    """Told to stop before a broker was found."""


def _heed(stop: Event) -> None:
    if stop.is_set():
        raise _ToldToStop


@dataclass(slots=True, kw_only=True)
class Daemon:
    """Turns the engine, looks for new references, publishes pictures."""

    config: Config
    log: Log
    clock: Clock
    engine: Engine
    kafka: KafkaSource
    references: ReferenceLibrary
    observatory: Observatory
    board: Board
    polled_ms: int = 0

    def turn_until(self, stop: Event) -> None:
        """Turn until told to stop; the turn that is under way is finished."""
        self._publish()
        while not stop.is_set():
            now_ms = self.clock.monotonic_ms()
            self.engine.turn(now_ms)
            if now_ms - self.polled_ms >= self.config.references.poll_interval:
                self.polled_ms = now_ms
                self._refresh_references(now_ms)
                self.log.report_suppressed()
            self._publish()

    def _refresh_references(self, now_ms: int) -> None:
        """Put new profiles in force at the next window that nothing has been read of, and save that at once."""
        pipeline = self.engine.pipeline
        pipeline.forget_references()
        profiles = self.references.refresh(pipeline.book)
        if profiles is None:
            return
        from_ms = pipeline.adopt(profiles)
        self.engine.changed()
        self.engine.checkpoint(now_ms)
        self.log.logger.info("references changed", profiles=len(profiles), from_ms=from_ms)

    def _publish(self) -> None:
        self.observatory.publish(
            lag=self.kafka.lag(),
            paused=self.engine.paused,
            unreachable=self.engine.unreachable,
            references=(len(self.board.book.sets[-1].profiles), self.references.failed),
        )


def _serve(stack: ExitStack, config: Config, log: Log, board: Board) -> None:
    registry = build_registry(lambda: board.view)
    served = Served(lambda: board.view, board.profile_of, lambda accept: render(registry, accept), board.healthy)
    server = HttpServer(config.http.listen, build_app(served, log.logger), log.logger)
    server.start()
    stack.callback(server.stop)
    log.logger.info("listening", address=str(config.http.listen), port=server.port)


def _read_snapshot(state: StateDirectory) -> Mapping[str, State] | None:
    data = state.read()
    return None if data is None else decode(data, str(state.path))
