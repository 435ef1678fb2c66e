"""A limit on repeated lines: a broker that is down must not fill the disk with the same sentence."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

#: Log lines of libraries are not from a closed set, so the memory of names is bounded.
_NAMES_KEPT = 1_000


@dataclass(slots=True)
class _Spell:
    """One event name's lines since ``began``."""

    began: float
    passed: int
    suppressed: int = 0


class RepeatLimit:
    """Lets the first lines of an event name pass in each interval and counts the others.

    An interval begins with a name's first line. ``admit`` and ``due`` may be called from any thread.
    ``clock`` gives monotonic seconds. Memory is bounded: of more than 1,000 names the one that has been
    quiet longest is forgotten.
    """

    def __init__(self, clock: Callable[[], float], *, first: int = 5, interval_seconds: float = 60.0) -> None:
        self._clock = clock
        self._first = first
        self._interval = interval_seconds
        self._spells: OrderedDict[str, _Spell] = OrderedDict()
        self._lock = Lock()

    def admit(self, name: str) -> int | None:
        """Return None when the line must not be shown, else how many lines before it were suppressed."""
        now = self._clock()
        with self._lock:
            spell = self._spells.get(name)
            if spell is None or now - spell.began >= self._interval:
                suppressed = spell.suppressed if spell else 0
                self._remember(name, _Spell(now, passed=1))
                return suppressed
            self._spells.move_to_end(name)
            if spell.passed < self._first:
                spell.passed += 1
                return 0
            spell.suppressed += 1
            return None

    def due(self, *, every: bool = False) -> list[tuple[str, int]]:
        """Return, and forget, the names whose interval is over with the number of lines suppressed in it.

        ``every`` returns those whose interval still runs too: for the last words of a process.
        """
        now = self._clock()
        with self._lock:
            over = [n for n, spell in self._spells.items() if every or now - spell.began >= self._interval]
            counts = [(name, self._spells.pop(name).suppressed) for name in over]
        return sorted((name, count) for name, count in counts if count)

    def _remember(self, name: str, spell: _Spell) -> None:
        self._spells[name] = spell
        self._spells.move_to_end(name)
        if len(self._spells) > _NAMES_KEPT:
            self._spells.popitem(last=False)
