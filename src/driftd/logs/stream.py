"""The log: a structlog logger on a stream, and the standard library's loggers led into it."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger

from driftd.logs.limit import RepeatLimit
from driftd.logs.render import EventDict, as_console, as_json, mask_secrets, rfc3339
from driftd.logs.settings import LogSettings

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
#: Field by which a line of a library names what is repeated: its logger and unformatted message.
_REPEATS = "_repeats"


@dataclass(frozen=True, slots=True)
class Log:
    """The process's log. ``logger`` is passed to whoever has something to say.

    Warnings and errors that repeat are limited by event name (see RepeatLimit). The number of those left
    out is told by ``suppressed`` on the next line of that name, or by ``report_suppressed``, which the
    owner of the loop calls now and then.
    """

    logger: FilteringBoundLogger
    limit: RepeatLimit

    def report_suppressed(self, *, last: bool = False) -> None:
        """Say for each event name whose interval is over how many of its lines were left out."""
        for name, count in self.limit.due(every=last):
            self.logger.info("repeats suppressed", of=name, suppressed=count)


def open_log(
    settings: LogSettings,
    *,
    now: Callable[[], float],
    monotonic: Callable[[], float],
    stream: TextIO | None = None,
) -> Log:
    """Open a log on ``stream`` (default: stderr), one event one line.

    ``now`` gives the wall clock in seconds since the epoch, ``monotonic`` the clock for repeats. Nothing
    global is touched: several logs may be open in one process.
    """
    limit = RepeatLimit(monotonic)

    def stamp(_logger: object, method: str, event: EventDict) -> EventDict:
        return {"timestamp": rfc3339(now()), "level": method} | dict(event)

    def drop_repeats(_logger: object, method: str, event: EventDict) -> EventDict:
        name = str(event.pop(_REPEATS, event["event"]))
        if _LEVELS.get(method, logging.CRITICAL) < logging.WARNING:
            return event
        suppressed = limit.admit(name)
        if suppressed is None:
            raise structlog.DropEvent
        if suppressed:
            event["suppressed"] = suppressed
        return event

    logger = structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        processors=[
            drop_repeats,
            structlog.processors.format_exc_info,
            stamp,
            mask_secrets,
            as_json if settings.format == "json" else as_console,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.level]),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return Log(cast("FilteringBoundLogger", logger.bind()), limit)


class _Lead(logging.Handler):
    """Hands the records of the standard library's loggers to a structlog logger."""

    def __init__(self, logger: FilteringBoundLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record under its level, with the name of its logger."""
        try:
            self._logger.log(
                min(record.levelno // 10 * 10, logging.ERROR),
                record.getMessage(),
                logger=record.name,
                exc_info=record.exc_info,
                **{_REPEATS: f"{record.name}: {record.msg}"},
            )
        except Exception:  # noqa: BLE001 -- a library's broken log call must not end the daemon
            self.handleError(record)


@contextmanager
def standard_library_led_into(log: Log, settings: LogSettings) -> Iterator[None]:
    """Lead the standard library's root logger, and warnings, into the log for the length of a ``with``."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lead = _Lead(log.logger)
    root.handlers = [lead]
    root.setLevel(_LEVELS[settings.level])
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers = handlers
        root.setLevel(level)
