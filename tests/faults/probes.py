"""Both probes of a daemon, asked without a pause by a thread of its own while a fault lasts."""

import re
import time
from collections import Counter
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self

from daemon_process import DaemonProcess

PAUSE_SECONDS = 0.05
OK = 200
UNAVAILABLE = 503
_PATH = re.compile(r"/\S*/")  # of a test's folder, which is nobody's business in a table


class Probes:
    """What /-/healthy and /-/ready answered between entering and leaving.

    Meant for a daemon that answers all the time: one that does not counts as not live.
    """

    def __init__(self, process: DaemonProcess) -> None:
        self._process = process
        self._stop = Event()
        self._thread = Thread(target=self._ask, name="probes", daemon=True)
        self.asked = 0
        self.not_live: list[str] = []
        self.reasons: Counter[str] = Counter()
        self.not_ready_seconds = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def live(self) -> bool:
        """Whether the daemon was asked, and every answer said that it lives."""
        return self.asked > 0 and not self.not_live

    def __str__(self) -> str:
        live = "live" if self.live else f"not live: {self.not_live[:1]}"
        if not self.reasons:
            return f"{live}, ready"
        reasons = "; ".join(_PATH.sub("", reason.split(";")[0]) for reason in self.reasons)
        return f"{live}, not ready for {self.not_ready_seconds:.1f} s: {reasons}"

    def _ask(self) -> None:
        last = time.monotonic()
        while True:
            was_ready = self._ask_both()
            now = time.monotonic()
            if not was_ready:
                self.not_ready_seconds += now - last
            last = now
            if self._stop.wait(PAUSE_SECONDS):
                return

    def _ask_both(self) -> bool:
        try:
            healthy = self._process.get("/-/healthy")
            ready = self._process.get("/-/ready")
        except OSError as error:
            self.not_live.append(repr(error))
            return False
        self.asked += 1
        if healthy[0] != OK:
            self.not_live.append(healthy[1].strip())
        if ready[0] == UNAVAILABLE:
            self.reasons.update(line.removeprefix("not ready: ") for line in ready[1].splitlines())
        elif ready[0] != OK:
            self.not_live.append(f"/-/ready answered {ready[0]}")
        return ready[0] == OK


def seconds_until(process: DaemonProcess, condition: Callable[[], bool], what: str, seconds: float = 60.0) -> float:
    """Wait for a condition, as long as the process lives; return how long it took."""
    began = time.monotonic()
    process.wait_until(condition, what, seconds)
    return time.monotonic() - began


def not_ready(process: DaemonProcess, *words: str) -> Callable[[], bool]:
    """Return the condition that the daemon says it is not ready, and that these words are in its reasons."""

    def holds() -> bool:
        status, body = process.get("/-/ready")
        return status == UNAVAILABLE and all(word in body for word in words)

    return holds


def seconds_to_end(process: DaemonProcess, seconds: float) -> float:
    """Wait for the end of a process; return how long it took. AssertionError if it lives longer than so."""
    began = time.monotonic()
    assert not process.lives_for(seconds), f"it has not ended within {seconds:g} s"
    return time.monotonic() - began
