"""The daemon: HTTP from the first moment to the last, and one session after the other behind it."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from driftd.config.model import Config
from driftd.errors import ConfigurationError, DriftdError, InstanceConflict, StateLocked
from driftd.logs.stream import Log
from driftd.metrics.collect import Collector
from driftd.metrics.render import render
from driftd.metrics.settings import Export
from driftd.runtime.clock import Clock
from driftd.runtime.observatory import Board, Totals
from driftd.runtime.outbox import Sink
from driftd.runtime.reload import check_reload
from driftd.runtime.requests import Reload, Requests
from driftd.runtime.session import Surroundings, open_session
from driftd.snapshot.store import SNAPSHOT
from driftd.summarise.choice import kernel_in_use
from driftd.values.acceptance import NotAccepted, Obstacle
from driftd.web.app import Served, build_app
from driftd.web.protection import Protection, load_protection
from driftd.web.server import HttpServer

RETRY_SECONDS = 5.0
RELOAD_SECONDS = 60.0
ACCEPT_SECONDS = 30.0


def run_daemon(
    config: Config,
    log: Log,
    clock: Clock,
    requests: Requests,
    *,
    sink: Sink,
    board: Board,
    load: Callable[[], Config] | None = None,
) -> None:
    """Run until asked to stop, then finish the batch, save, and close everything.

    What comes to light goes to ``sink``; ``board`` holds the pictures of it that HTTP serves. ``load`` reads
    the configuration again.

    A daemon that has a snapshot once worked as it is, so it does not end because of trouble: it stays live
    and can be scraped, says what is wrong, and tries again from the snapshot. Raises a DriftdError where a
    fresh daemon cannot start, and where another instance is at work.
    """
    config.source()  # without brokers and topics there is nothing to run
    with ExitStack() as stack:
        protection = load_protection(config.http)
        server = _serve(stack, config, log, board, requests, protection)
        around = Surroundings(log, clock, sink, board)
        Daemon(config, around, requests, server, load or (lambda: config), protection).run()
        log.logger.info("stopped")


class _Interrupted(Exception):
    """Something was asked before the session had begun."""


@dataclass(slots=True)
class Daemon:
    """Runs sessions until asked to stop, each with the configuration in force."""

    config: Config
    around: Surroundings
    requests: Requests
    server: HttpServer
    load: Callable[[], Config]
    protection: Protection
    unproved: bool = False  # whether no session has begun yet with the configuration
    former: tuple[Config, Protection] | None = None  # to go back to, should that fail
    asked: tuple[Reload, ...] = ()  # who waits to hear of it
    totals: Totals = field(default_factory=Totals)
    worked: bool = False  # whether any session has begun
    refusal: str = ""  # what was told last

    def run(self) -> None:
        """Run to the end."""
        self.around.board.reloaded(None)
        while not self.requests.stopping:
            try:
                self._run_session()
            except _Interrupted:
                pass
            except DriftdError as error:
                if self._ends_it(error):
                    raise
                self._refused(error)
            if self.requests.waiting:
                self._reload()
        for request in (*self.asked, *self.requests.take_reloads()):
            request.answer("driftd is stopping")
        for acceptance in self.requests.take_acceptances():
            acceptance.answer(NotAccepted(Obstacle.UNAVAILABLE, "driftd is stopping, and nothing has changed"))

    def _run_session(self) -> None:
        board, config = self.around.board, self.config
        board.turned_ms = None  # a session that begins is given its time
        board.export = Export(config.metrics.columns, config.limits.series)
        # a session that fails takes its counts with it, but for those that are not of its snapshot
        totals, self.totals = self.totals, self.totals.anew()
        with open_session(config, self.around, totals, self._heed) as session:
            self._proved()
            session.turn_until(
                lambda: self.requests.stopping or (self.requests.waiting and self._reload()),
                self.requests.take_acceptances,
            )
            board.not_ready("stopping" if self.requests.stopping else "loading the configuration")
            session.stop()
            self.totals = totals

    def _heed(self) -> None:
        if self.requests.stopping or self.requests.waiting:
            raise _Interrupted

    def _ends_it(self, error: DriftdError) -> bool:
        """Tell whether to give up: nothing has ever worked here, or somebody else is at work."""
        if isinstance(error, InstanceConflict):
            return True
        if self.worked:
            return False
        known = (self.config.state.directory / SNAPSHOT).exists()
        return not known or isinstance(error, StateLocked | ConfigurationError)

    def _refused(self, error: DriftdError) -> None:
        """Go back to the configuration before, if that one worked; else say what is wrong and wait a little."""
        if self.former is not None:
            (self.config, self.protection), self.former, self.unproved = self.former, None, False
            self.server.protect(self.protection)
            self._answer(str(error))
            return
        board = self.around.board
        board.trouble = tuple(str(error).splitlines())
        board.not_ready()
        if self.refusal != str(error):
            self.refusal = str(error)
            self.around.log.logger.error("cannot go on", reason=self.refusal, retry_seconds=RETRY_SECONDS)
        if self.unproved:  # it is in force all the same: the one before did not work either
            self.unproved = False
            self._answer(None)
        self.requests.wait(RETRY_SECONDS, board.alive)

    def _reload(self) -> bool:
        """Load the configuration, and return whether the next session shall begin with it.

        What can fail fails here, while everything goes on as it was, or in that session.
        """
        self.asked = (*self.asked, *self.requests.take_reloads())
        try:
            fresh = self.load()
            protection = check_reload(self.config, fresh, self.around.log.logger)
        except DriftdError as error:
            self._answer(str(error))
            return False
        if protection != self.protection:
            self.server.protect(protection)
        if fresh.models != self.config.models:  # values may have become private: what is shown was made before
            self.around.board.hide_monitors()
        self.former = None if self.refusal else (self.config, self.protection)
        self.config, self.protection, self.unproved = fresh, protection, True
        return True

    def _proved(self) -> None:
        """Let go of the configuration before: this one works."""
        self.worked, self.former, self.refusal = True, None, ""
        self.around.board.trouble = ()
        if self.unproved:
            self.unproved = False
            self._answer(None)

    def _answer(self, failure: str | None) -> None:
        """Tell everybody what became of a reload."""
        for request in self.asked:
            request.answer(failure)
        self.asked = ()
        self.around.board.reloaded(failure)
        if failure is None:
            self.around.log.logger.info("configuration loaded")
        else:
            self.around.log.logger.error("configuration not loaded", reason=failure)


def _serve(  # noqa: PLR0917 -- what is shown, and to whom
    stack: ExitStack, config: Config, log: Log, board: Board, requests: Requests, protection: Protection
) -> HttpServer:
    collector = Collector(lambda: board.view, lambda: board.export, kernel=kernel_in_use().name)
    served = Served(
        lambda: board.view,
        board.profile_of,
        lambda accept: render(collector, accept),
        board.healthy,
        lambda: requests.reload().wait(RELOAD_SECONDS),
        lambda incident: requests.accept(incident).wait(ACCEPT_SECONDS),
    )
    server = HttpServer(config.http.listen, build_app(served, log.logger), log.logger, protection)
    server.start()
    stack.callback(server.stop)
    log.logger.info("listening", address=str(config.http.listen), port=server.port)
    return server
