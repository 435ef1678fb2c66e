"""Which monitors are watched: no more than the limits allow, each until it has been silent for too long."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from driftd.values.closed import Expired
from driftd.values.keys import MonitorKey
from driftd.values.settings import LimitSettings


class Seat(NamedTuple):
    """What is known of a watched monitor: the end of its newest window, and whether its version has a profile."""

    newest_ms: int
    own: bool


class Roster:
    """The watched monitors. Each call is O(1) for a monitor that is watched already.

    A function of the windows in the order of event time, and in each of them of the set of its monitors:

    * A monitor expires at the first end of a window that lies more than ``limits.expire_after`` behind the end
      of its newest one. What expires at such a moment does so before the windows that end there are closed.
    * Of a window's newcomers those whose versions have profiles of their own come first, then the others, each
      by key, as long as the limits allow. Where ``limits.monitors`` are watched, one with a profile of its own
      takes the seat of the one without that has been silent for longest, the least key of several.
    """

    def __init__(self, limits: LimitSettings, duration_ms: int) -> None:
        self._limits = limits
        self._duration_ms = duration_ms
        self._seats: dict[MonitorKey, Seat] = {}  # by newest window: a monitor moves to the end with each
        self._models: Counter[str] = Counter()

    def __contains__(self, monitor: MonitorKey) -> bool:
        return monitor in self._seats

    @property
    def monitors(self) -> frozenset[MonitorKey]:
        """The watched monitors."""
        return frozenset(self._seats)

    def expire(self, until_ms: int) -> list[Expired]:
        """Remove the monitors that expire by then; return them in the order of event time, then by key."""
        expired: list[Expired] = []
        for monitor, seat in self._seats.items():
            after_ms = seat.newest_ms + self._limits.expire_after
            at_ms = after_ms // self._duration_ms * self._duration_ms + self._duration_ms
            if at_ms > until_ms:
                break
            expired.append(Expired(monitor, at_ms))
        for one in expired:
            self._leave(one.monitor)
        return sorted(expired, key=lambda one: (one.at_ms, one.monitor))

    def seat(self, own: Mapping[MonitorKey, bool], end_ms: int) -> list[Expired]:
        """Take in the monitors of a window, by whether each one's version has a profile of its own.

        Returns those that had to make room, in the order in which they did.
        """
        newcomers = [monitor for monitor in own if monitor not in self._seats]
        for monitor in own.keys() & self._seats.keys():
            self._sit(monitor, Seat(end_ms, own[monitor]))
        gone: list[Expired] = []
        for monitor in sorted(newcomers, key=lambda monitor: (not own[monitor], monitor)):
            if self._make_room(monitor, end_ms, gone, own=own[monitor]):
                self._sit(monitor, Seat(end_ms, own[monitor]))
        return gone

    def _make_room(self, monitor: MonitorKey, end_ms: int, gone: list[Expired], *, own: bool) -> bool:
        if monitor.model not in self._models and len(self._models) >= self._limits.models:
            return False
        if len(self._seats) < self._limits.monitors:
            return True
        without = [(seat.newest_ms, other) for other, seat in self._seats.items() if not seat.own] if own else []
        if not without:
            return False
        _, silent = min(without)
        self._leave(silent)
        gone.append(Expired(silent, end_ms))
        return True

    def _sit(self, monitor: MonitorKey, seat: Seat) -> None:
        if self._seats.pop(monitor, None) is None:
            self._models[monitor.model] += 1
        self._seats[monitor] = seat

    def _leave(self, monitor: MonitorKey) -> None:
        del self._seats[monitor]
        self._models[monitor.model] -= 1
        if not self._models[monitor.model]:
            del self._models[monitor.model]

    def seats(self) -> list[tuple[MonitorKey, Seat]]:
        """Return the watched monitors by key."""
        return sorted(self._seats.items())

    def restore(self, seats: Iterable[tuple[MonitorKey, Seat]]) -> None:
        """Take back what ``seats`` gave. Limits that are lower by now hold for newcomers only."""
        for monitor, seat in sorted(seats, key=lambda item: (item[1].newest_ms, item[0])):
            self._sit(monitor, seat)
