"""The outbox: documents that came to light, until everybody who is to know them has them.

It is part of every snapshot, and nothing leaves it that is not in a saved one: so nothing is told that a
restart could take back, and nothing is forgotten that was not told.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from driftd.values.delivery import Destination
from driftd.values.state import State
from driftd.values.view import DeliveryView

MOST_LINES_WAITING = 10_000
FILE = "file"  # the sink's name among those who wait


@dataclass(slots=True)
class Delivery:
    """Documents on their way out: drift events and window lines."""

    events: list[State] = field(default_factory=list)
    windows: list[State] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.events or self.windows)


class Sink(Protocol):
    """Where documents go at once: files."""

    wants_windows: bool

    def deliver(self, delivery: Delivery) -> None:
        """Write documents out; they have left the process when this returns. Raises DataError: none has."""
        ...


@dataclass(slots=True)
class _Receiver:
    """How far one destination has come; places are numbers of drift events since the process began."""

    destination: Destination
    next: int  # the first not offered yet
    dropped: int = 0
    under_way: deque[int] = field(default_factory=deque)
    settled: int = 0  # of those offered

    @property
    def first(self) -> int:
        """The first document that it still needs."""
        return self.under_way[0] if self.under_way else self.next

    def offer(self, documents: Sequence[State], base: int) -> None:
        """Hand over what it has room for; ``documents`` begin at place ``base``."""
        while self.next - base < len(documents) and self.destination.offer(documents[self.next - base]):
            self.under_way.append(self.next)
            self.next += 1

    def settle(self) -> None:
        """Take note of what it has acknowledged."""
        settled = self.destination.progress().settled
        while self.settled < settled:
            self.under_way.popleft()
            self.settled += 1

    def drop(self, least: int) -> None:
        """Give up what lies before a place and was not offered yet."""
        if self.next < least:
            self.dropped += least - self.next
            self.next = least


class Outbox:
    """Holds documents for the sink and for each destination until they have them, in order.

    The sink is waited for: ``full`` says that nothing more should come to light until it takes some. A
    destination is not: of more than ``backlog`` documents that wait for it the oldest are dropped and counted.
    """

    def __init__(self, sink: Sink, destinations: Iterable[Destination] = (), backlog: int = 10_000) -> None:
        self.wants_windows = sink.wants_windows
        self._sink = sink
        self._backlog = backlog
        self._events: list[State] = []
        self._windows: list[State] = []
        self._base = 0  # place of the first event held
        self._saved = 0  # place behind the last event that is in a snapshot
        self._saved_windows = 0  # as many lines are in a snapshot
        self._written = 0  # place of the first event that the sink has not got
        self._receivers = [_Receiver(destination, 0) for destination in destinations]

    def add(self, events: Iterable[State], windows: Iterable[State]) -> None:
        """Take in what came to light."""
        self._events += events
        self._windows += windows
        for receiver in self._receivers:
            receiver.drop(self._end - self._backlog)

    @property
    def unsaved(self) -> bool:
        """Whether something is in no snapshot yet."""
        return self._saved < self._end or self._saved_windows < len(self._windows)

    @property
    def waiting(self) -> bool:
        """Whether a destination has not got everything that is saved."""
        return any(receiver.first < self._saved for receiver in self._receivers)

    @property
    def full(self) -> bool:
        """Whether so much waits for the sink that nothing more should come."""
        return len(self._windows) > MOST_LINES_WAITING or self._end - self._written > self._backlog

    def saved(self) -> None:
        """Take note that a snapshot now holds everything in here."""
        self._saved, self._saved_windows = self._end, len(self._windows)

    def write(self) -> bool:
        """Give the sink what is saved; return whether there was anything. Raises DataError: it is tried again."""
        events = self._events[self._written - self._base : self._saved - self._base]
        delivery = Delivery(events, self._windows[: self._saved_windows])
        if not delivery:
            return False
        self._sink.deliver(delivery)
        self._written = self._saved
        del self._windows[: self._saved_windows]
        self._saved_windows = 0
        self._forget()
        return True

    def offer(self) -> bool:
        """Offer the destinations what is saved, take note of what they have; return whether anything is done with."""
        saved = self._events[: self._saved - self._base]
        for receiver in self._receivers:
            receiver.settle()
            receiver.offer(saved, self._base)
        return self._forget()

    def views(self) -> tuple[DeliveryView, ...]:
        """Return how each destination fares."""
        return tuple(self._view(receiver) for receiver in self._receivers)

    def to_state(self) -> State:
        """Return what is held, and for how many of the newest events each still waits."""
        waiting = {receiver.destination.name: self._end - receiver.first for receiver in self._receivers}
        waiting[FILE] = self._end - self._written
        return {
            "events": list(self._events),
            "windows": list(self._windows),
            "waiting": {name: events for name, events in sorted(waiting.items()) if events},
        }

    def restore(self, state: State) -> None:
        """Take up a snapshot's outbox; whoever was not told then gets it again. Newcomers get what comes next."""
        self._events, self._windows = list(state["events"]), list(state["windows"])
        self._written = self._end - state["waiting"].get(FILE, 0)
        for receiver in self._receivers:
            receiver.next = self._end - state["waiting"].get(receiver.destination.name, 0)
        self.saved()
        self._forget()

    @property
    def _end(self) -> int:
        return self._base + len(self._events)

    def _forget(self) -> bool:
        """Drop the events that everybody has."""
        needed = min([self._written, *(receiver.first for receiver in self._receivers)])
        done = needed - self._base
        del self._events[:done]
        self._base = needed
        return done > 0

    def _view(self, receiver: _Receiver) -> DeliveryView:
        progress = receiver.destination.progress()
        return DeliveryView(
            destination=receiver.destination.name,
            waiting=self._end - receiver.first,
            delivered=progress.settled - progress.refused,
            dropped=receiver.dropped + progress.refused,
            failures=progress.failures,
            last_success_ms=progress.last_success_ms,
        )
