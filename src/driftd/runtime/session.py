"""A session: one life of the pipeline within the process, from restoring the state to closing the source.

A daemon has one after the other: a new one begins where a configuration was loaded anew, and where the one
before ended in a failure. What a session opens is closed in reverse order; HTTP outlives it.
"""

import gc
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from uuid import uuid4

from driftd.config.judgement import judgement_of
from driftd.config.model import Config
from driftd.errors import SnapshotError
from driftd.kafka.source import KafkaSource
from driftd.logs.stream import Log
from driftd.runtime.acceptance import accept
from driftd.runtime.build import build_pipeline
from driftd.runtime.clock import Clock
from driftd.runtime.engine import Engine
from driftd.runtime.observatory import Board, Observatory, Totals
from driftd.runtime.outbox import Sink
from driftd.runtime.ports import PolledTopics, SnapshotFile
from driftd.runtime.receivers import Receivers, open_receivers
from driftd.runtime.reference_library import ReferenceLibrary
from driftd.runtime.requests import Acceptance
from driftd.snapshot.codec import decode
from driftd.snapshot.restoring import restoring
from driftd.snapshot.store import StateDirectory
from driftd.values.acceptance import Accepted, NotAccepted, Obstacle
from driftd.values.part import Ledger
from driftd.values.state import State

CONFLICT_SECONDS = 30.0
LAST_DELIVERY_MS = 2_000
CLOSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What outlives a session."""

    log: Log
    clock: Clock
    sink: Sink
    board: Board


@contextmanager
def open_session(config: Config, around: Surroundings, totals: Totals, heed: Callable[[], None]) -> Iterator["Session"]:
    """Restore the state, connect, and hand out a session that is ready to turn; close it all behind it.

    ``totals`` are fresh, or those of a session before that ended in order. ``heed`` is called now and then
    while a broker is waited for; what it raises ends the wait.
    Raises a DriftdError where the session cannot begin.
    """
    settings = config.source()
    log, clock, board = around.log, around.clock, around.board
    with ExitStack() as stack:
        # 1. what was known when the last session ended
        board.not_ready("restoring state")
        state = stack.enter_context(StateDirectory(config.state.directory))
        records = _read_snapshot(state)
        library = ReferenceLibrary(config, state, log.logger)
        with restoring(str(state.path)):
            board.book = library.open(records)
            pipeline = build_pipeline(config, settings.topics, board.book)
            observatory = Observatory(pipeline, board, config.incidents_of, records, log.logger, totals=totals)
        library.redact(totals.tallies)
        # 2. who reads and who is told
        board.not_ready("connecting to kafka")
        instance = state.instance(f"{socket.gethostname()}-{uuid4().hex[:8]}")
        kafka = KafkaSource(settings, instance, log.logger, clock.wall_ms, on_gap=config.state.on_gap)
        stack.callback(kafka.close)
        receivers = open_receivers(config, log.logger, clock)
        stack.callback(receivers.close, CLOSE_SECONDS)
        topics = PolledTopics(kafka, log)
        engine = Engine(
            pipeline,
            topics,
            around.sink,
            SnapshotFile(state, clock, observatory),
            observatory,
            checkpoint_ms=config.state.checkpoint_interval,
            monotonic_ms=clock.monotonic_ms(),
            destinations=receivers.destinations,
            backlog=config.delivery.backlog,
            letters=receivers.letters,
        )
        # 3. from where on: nobody else may be at work for this group
        with restoring(str(state.path)):
            ledgers = [] if records is None else engine.restore(records, settings.topics)
        known = {ledger.source: ledger for ledger in ledgers}
        judged_from_ms = pipeline.adopt_judgement(judgement_of(config))
        kafka.start(
            engine.letters.starts(known.values()),
            settings.connect_timeout / 1000,
            reached={source: ledger.position for source, ledger in known.items()},
            heed=heed,
            needed={source: ledger.rewind for source, ledger in known.items()},
            topic_ids=pipeline.topic_ids,
        )
        kafka.check_other_instance(CONFLICT_SECONDS)
        pipeline.topic_ids |= kafka.topic_ids
        starts = kafka.positions
        engine.start([known.get(source, Ledger(source, start, start)) for source, start in sorted(starts.items())])
        observatory.started()
        engine.checkpoint(clock.monotonic_ms())  # the commit with it claims the group for this instance
        if judged_from_ms is not None:
            log.logger.info("what decides verdicts has changed", from_ms=judged_from_ms)
        log.logger.info("started", partitions=len(starts), restored=records is not None, instance=instance)
        gc.collect()
        gc.freeze()  # what is loaded by now stays: the collector need not look at it again
        stack.callback(gc.unfreeze)
        yield Session(
            config=config,
            around=around,
            engine=engine,
            kafka=kafka,
            receivers=receivers,
            references=library,
            observatory=observatory,
        )


@dataclass(slots=True, kw_only=True)
class Session:
    """Turns the engine, looks for new references, publishes pictures."""

    config: Config
    around: Surroundings
    engine: Engine
    kafka: KafkaSource
    receivers: Receivers
    references: ReferenceLibrary
    observatory: Observatory
    polled_ms: int = 0

    def turn_until(self, over: Callable[[], bool], asked: Callable[[], Iterable[Acceptance]] = tuple) -> None:
        """Turn until it is over; the turn that is under way is finished.

        ``asked`` returns the requests to accept incidents since its last call.
        """
        self._publish()
        while not over():
            now_ms = self.around.clock.monotonic_ms()
            self.engine.turn(now_ms)
            if now_ms - self.polled_ms >= self.config.references.poll_interval:
                self.polled_ms = now_ms
                self._refresh_references(now_ms)
                self.around.log.report_suppressed()
            for request in asked():
                self._accept(request, now_ms)
            if self.observatory.outdated(self.engine.unreachable, self._reference_counts):
                self._publish()

    def stop(self) -> None:
        """Save everything; wait a little for the receivers, so that as little as possible is delivered again."""
        clock, outbox = self.around.clock, self.engine.outbox
        self.engine.stop(clock.monotonic_ms())
        until_ms = clock.monotonic_ms() + LAST_DELIVERY_MS
        while (outbox.waiting or self.engine.letters.waiting) and clock.monotonic_ms() < until_ms:
            time.sleep(0.02)
            if outbox.offer() | self.engine.letters.poll():
                self.engine.changed()
        self.engine.stop(clock.monotonic_ms())

    def _refresh_references(self, now_ms: int) -> None:
        """Put new profiles in force at the next window that nothing has been read of, and save that at once."""
        pipeline = self.engine.pipeline
        pipeline.forget_references()
        pipeline.forget_judgements()
        try:
            profiles = self.references.refresh(pipeline.book)
        except SnapshotError as error:  # no room for their copies: tried again at the next look
            self.observatory.not_saved(error)
            return
        if profiles is None:
            return
        from_ms = pipeline.adopt(profiles, self.references.accepted)
        self.engine.changed()
        self.engine.checkpoint(now_ms)
        self.around.log.logger.info("references changed", profiles=len(profiles), from_ms=from_ms)

    def _accept(self, request: Acceptance, now_ms: int) -> None:
        """Accept an incident, and answer when that is saved."""
        if not request.claim():
            return
        try:
            self._refresh_references(now_ms)  # what the directory holds by now comes first
            answer = accept(request.incident, self.engine, self.references, now_ms)
        except BaseException:  # it ends the session: what becomes of that is not for who asked
            request.answer(NotAccepted(Obstacle.UNAVAILABLE, "it failed; the log says why"))
            raise
        told = self.around.log.logger
        if isinstance(answer, Accepted):
            self.observatory.renew()
            told.info(
                "incident accepted",
                incident=answer.incident,
                reference=answer.reference_id,
                from_ms=answer.from_ms,
                windows=answer.windows,
                events=answer.events,
            )
        else:
            told.warning("incident not accepted", incident=request.incident, reason=answer.reason)
        request.answer(answer)

    @property
    def _reference_counts(self) -> tuple[int, int]:
        """How many are loaded, and how many failed to load."""
        return len(self.around.board.book.sets[-1].profiles), self.references.failed

    def _publish(self) -> None:
        self.engine.pipeline.topic_ids |= self.kafka.topic_ids  # one that was unknown at the start may come later
        self.observatory.publish(
            unreadable=self.kafka.unreadable,
            lag=self.kafka.lag(),
            paused=self.engine.paused,
            unreachable=self.engine.unreachable,
            references=self._reference_counts,
            delivery=self.engine.outbox.views(),
            dead_letters=self.receivers.dead_letters(),
        )


def _read_snapshot(state: StateDirectory) -> Mapping[str, State] | None:
    data = state.read()
    return None if data is None else decode(data, str(state.path))
