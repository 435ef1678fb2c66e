"""Carries documents to one receiver on a thread of its own, so that the receiver can never hold up the loop."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Thread

from structlog.typing import FilteringBoundLogger

from driftd.values.delivery import Progress, Reply, ReplyKind, Sender
from driftd.values.state import State

ROOM = 64
LONGEST_ASKED_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait after failures in a row: drawn evenly from zero to a bound that doubles up to ``longest``.

    The whole range is drawn from (full jitter), so that many daemons that lost the same receiver at once do
    not come back to it at once.
    """

    first_seconds: float = 0.5
    longest_seconds: float = 60.0

    def after(self, failures: int, asked_seconds: float | None) -> float:
        """Return the seconds to wait, never less than the receiver asked for, within a bound of five minutes."""
        bound = min(self.first_seconds * 2 ** min(failures - 1, 30), self.longest_seconds)
        drawn = random.uniform(0, bound)  # noqa: S311 -- nobody gains by guessing it
        return max(drawn, min(asked_seconds or 0.0, LONGEST_ASKED_SECONDS))


PAUSES = Pauses()


class Courier:
    """A Destination: sends documents in order, one at a time, each until its receiver has taken or refused it.

    What fails is tried again for ever, and what was offered later waits for it. At most ROOM documents are
    held; more are not taken. ``clock`` is the wall clock in milliseconds. The thread begins with the first
    document. The log tells the first failure of a series, each new reason, its end, and every refusal.
    """

    def __init__(
        self,
        name: str,
        sender: Sender,
        log: FilteringBoundLogger,
        clock: Callable[[], int],
        pauses: Pauses = PAUSES,
    ) -> None:
        self._name = name
        self._sender = sender
        self._log = log.bind(destination=name)
        self._clock = clock
        self._pauses = pauses
        self._waiting: deque[State] = deque()  # the first one is under way
        self._progress = Progress()
        self._closing = False
        self._abandoned = False
        self._thread: Thread | None = None
        self._changed = Condition()

    @property
    def name(self) -> str:
        """What this destination is called."""
        return self._name

    def offer(self, document: State) -> bool:
        """Take a document; False while there is no room, and after ``close``."""
        with self._changed:
            if self._closing or len(self._waiting) >= ROOM:
                return False
            self._waiting.append(document)
            if self._thread is None:
                self._thread = Thread(target=self._run, name=f"delivery-{self._name}", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return True

    def progress(self) -> Progress:
        """Return how far this has come."""
        with self._changed:
            return self._progress

    def close(self, wait_seconds: float) -> None:
        """End: after what was offered, at the next failure, or after ``wait_seconds``, whichever comes first.

        A receiver that fails is not waited for. An attempt that hangs is left to its own time limit.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is None:
            self._sender.close()
            return
        thread.join(wait_seconds)
        with self._changed:
            self._abandoned = True

    def _run(self) -> None:
        failures, told = 0, ""
        while (document := self._next()) is not None:
            reply = self._attempt(document)
            if reply.kind is not ReplyKind.FAILED:
                self._settle(document, reply)
                if failures:
                    self._log.info("delivery works again", failures=failures)
                failures, told = 0, ""
                continue
            failures += 1
            pause_seconds = self._pauses.after(failures, reply.retry_after_seconds)
            if reply.reason != told:
                self._log.warning("delivery failed", reason=reply.reason, retry_seconds=round(pause_seconds, 3))
                told = reply.reason
            if not self._pause(pause_seconds):
                break
        self._sender.close()

    def _next(self) -> State | None:
        """Wait for a document; None when it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return self._waiting[0] if self._waiting and not self._abandoned else None

    def _attempt(self, document: State) -> Reply:
        try:
            return self._sender.send(document)
        except Exception as error:  # noqa: BLE001 -- without this thread nothing would ever be delivered again
            # the text of an exception may hold what was sent, secrets too
            return Reply(ReplyKind.FAILED, f"internal error: {type(error).__name__}")

    def _settle(self, document: State, reply: Reply) -> None:
        refused = reply.kind is ReplyKind.REFUSED
        if refused:
            self._log.warning("drift event refused", id=document.get("id"), reason=reply.reason)
        with self._changed:
            self._waiting.popleft()
            before = self._progress
            self._progress = before._replace(
                settled=before.settled + 1,
                refused=before.refused + refused,
                last_success_ms=before.last_success_ms if refused else self._clock(),
            )

    def _pause(self, seconds: float) -> bool:
        """Count a failure and wait; return False when it is time to end."""
        with self._changed:
            self._progress = self._progress._replace(failures=self._progress.failures + 1)
            return not self._changed.wait_for(lambda: self._closing, seconds)
