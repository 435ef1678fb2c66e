"""What the outside asks of the loop: to stop, to load the configuration again, to accept an incident."""

import time
from collections import deque
from collections.abc import Callable
from threading import Event, Lock

from driftd.values.acceptance import Accepted, NotAccepted, Obstacle

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


class Acceptance:
    """One request to accept an incident, and its answer.

    Whoever has waited long enough withdraws it, unless the loop has claimed it by then: what was answered holds.
    """

    def __init__(self, incident: str) -> None:
        self.incident = incident
        self._lock = Lock()
        self._claimed = self._withdrawn = False
        self._answered = Event()
        self._answer: Accepted | NotAccepted | None = None

    def claim(self) -> bool:
        """Begin to see to it; return whether anybody still waits for it. Who claims it must answer."""
        with self._lock:
            self._claimed = not self._withdrawn
            return self._claimed

    def answer(self, answer: Accepted | NotAccepted) -> None:
        """Say what became of it."""
        self._answer = answer
        self._answered.set()

    def wait(self, seconds: float) -> Accepted | NotAccepted:
        """Return the answer; where nobody has begun to see to it in time, that nothing will come of it."""
        if not self._answered.wait(seconds):
            with self._lock:
                self._withdrawn = not self._claimed
            if self._withdrawn:
                reason = f"the loop did not come to it within {seconds:g} s, and nothing has changed"
                return NotAccepted(Obstacle.UNAVAILABLE, reason)
            self._answered.wait()
        assert self._answer is not None
        return self._answer


class Requests:
    """Requests from signal handlers and from the HTTP threads, looked at by the loop.

    ``stop`` and ``reload`` may be called from a signal handler: they take no lock that the interrupted
    thread could hold.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._reloads: deque[Reload] = deque(maxlen=16)
        self._acceptances: deque[Acceptance] = deque()

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

    def accept(self, incident: str) -> Acceptance:
        """Ask for an incident to be accepted. Whoever asks bounds how many wait."""
        request = Acceptance(incident)
        self._acceptances.append(request)
        return request

    def take_acceptances(self) -> list[Acceptance]:
        """Return the requests so far, also those that were withdrawn."""
        return [self._acceptances.popleft() for _ in range(len(self._acceptances))]

    def wait(self, seconds: float, each: Callable[[], None]) -> None:
        """Wait so long, or until something is asked; ``each`` is called ten times a second meanwhile."""
        deadline = time.monotonic() + seconds
        while not (self.stopping or self.waiting) and time.monotonic() < deadline:
            each()
            time.sleep(_SLICE_SECONDS)
