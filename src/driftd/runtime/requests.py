"""What the outside asks of the loop: to stop, and to load the configuration again."""

import time
from collections import deque
from collections.abc import Callable
from threading import Event

_SLICE_SECONDS = 0.1


class Reload:
    """One request to load the configuration again, and its answer."""

    def __init__(self) -> None:
        self._answered = Event()
        self._failure: str | None = None

    def answer(self, failure: str | None) -> None:
        """Say what became of it: None, or why it was refused."""
        self._failure = failure
        self._answered.set()

    def wait(self, seconds: float) -> str | None:
        """Return the answer; a sentence if there is none in time."""
        if not self._answered.wait(seconds):
            return f"not done within {seconds:g} s; /api/v1/status tells what becomes of it"
        return self._failure


class Requests:
    """Requests from signal handlers and from the HTTP threads, looked at by the loop.

    ``stop`` and ``reload`` may be called from a signal handler: they take no lock that the interrupted
    thread could hold.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._reloads: deque[Reload] = deque(maxlen=16)

    def stop(self) -> None:
        """Ask for the end."""
        self.stopping = True

    def reload(self) -> Reload:
        """Ask for the configuration to be loaded again."""
        request = Reload()
        self._reloads.append(request)
        return request

    @property
    def waiting(self) -> bool:
        """Whether somebody asked for a reload."""
        return bool(self._reloads)

    def take_reloads(self) -> list[Reload]:
        """Return the requests so far: one loading of the configuration answers them all."""
        return [self._reloads.popleft() for _ in range(len(self._reloads))]

    def wait(self, seconds: float, each: Callable[[], None]) -> None:
        """Wait so long, or until something is asked; ``each`` is called ten times a second meanwhile."""
        deadline = time.monotonic() + seconds
        while not (self.stopping or self.waiting) and time.monotonic() < deadline:
            each()
            time.sleep(_SLICE_SECONDS)
