"""What the demonstration tells while it happens, and its verdict."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from driftd.runtime.demo_traffic import DRIFTED, WINDOW_MS, Timetable
from driftd.values.state import State
from driftd.values.view import DaemonView

HEARTBEAT_WINDOWS = 25


class Story:
    """Follows the daemon's documents, says what matters, and remembers it for the verdict."""

    def __init__(self, say: Callable[[str], None], timetable: Timetable, start_ms: int) -> None:
        self._say = say
        self._timetable = timetable
        self._start_ms = start_ms
        self._windows: set[int] = set()
        self._told: set[tuple[str, str]] = set()
        self._pages: list[State] = []
        self._paged: set[str] = set()
        self._open: set[str] = set()
        self._concluded = False

    @property
    def over(self) -> bool:
        """Whether every incident is resolved again."""
        return bool(self._pages) and not self._open

    def producing(self, window: int) -> None:
        """Say what changes in the traffic."""
        at = self._start_ms + window * WINDOW_MS
        if window == self._timetable.drift_from:
            self._line(at, "TRAFFIC", "from here on amounts are 1.6 times as large, and come from other countries")
        elif window == self._timetable.healthy_from:
            self._line(at, "TRAFFIC", "the cause is mended: the traffic is as it was in training")

    def window(self, line: State) -> None:
        """Take in one column of a closed window."""
        if self._concluded:
            return
        end_ms = line["window"]["end_ms"]
        if end_ms not in self._windows:
            self._windows.add(end_ms)
            if len(self._windows) % HEARTBEAT_WINDOWS == 0:
                self._line(end_ms, "windows", f"{len(self._windows)} closed, {line['events']} events in the last one")
        for detection in line["detections"]:
            what = (line["column"], detection["detector"])
            if what not in self._told:
                self._told.add(what)
                psi, shift = line["distances"]["psi"], line["shift"]
                self._line(
                    end_ms,
                    "detected",
                    f"{line['column']}: {detection['detector']} on its {detection['channel']}"
                    f" (psi {psi:.2f}, shift {shift:+.2f})",
                )

    def event(self, event: State) -> None:
        """Take in a drift event."""
        data, kind = event["data"], event["type"].split(".")[-2]
        at = time_ms(event)
        incident, names = data["incident"], [s["column"] for s in data["suspects"]]
        if kind == "firing":
            self._pages.append(event)
            self._open.add(incident)
            onset = datetime.fromisoformat(data["onset"]["time"]).strftime("%H:%M")
            self._line(at, "PAGE", f"incident {incident}, since about {onset}; suspects:")
        elif kind == "updated":
            self._line(at, "updated", f"incident {incident}; suspects: {', '.join(names)}")
        else:
            self._open.discard(incident)
            self._line(at, kind.upper(), f"incident {incident}")
        if kind in {"firing", "updated"}:
            for suspect in data["suspects"]:
                if suspect["column"] not in self._paged:
                    self._say(f"                    {_suspect(suspect)}")
            self._paged.update(names)

    def conclude(self, view: DaemonView) -> bool:
        """Say what came of it; return whether the drift was paged and nothing else."""
        accounts = list(view.topics.values())
        read, observed = sum(a.read for a in accounts), sum(a.observed for a in accounts)
        lost = sum(sum(a.late.values()) + sum(a.rejected.values()) for a in accounts)
        pending = sum(a.pending for a in accounts)
        self._concluded = True
        self._say("")
        where = f"{observed:,} observed + {lost} late or rejected + {pending} in open windows"
        self._say(f"Events   {read:,} read = {where}")
        pages = len(self._pages)
        self._say(f"Pages    {pages}, naming {', '.join(sorted(self._paged)) or 'nothing'}")
        if pages == 1 and self._paged == set(DRIFTED) and self.over:
            self._say("Verdict  the drift was paged once, with its two features, and resolved; nothing else was paged")
            return True
        wanted = f"one page that names {' and '.join(DRIFTED)}, and its resolution"
        self._say(f"Verdict  not as it should be: {wanted} was expected")
        return False

    def _line(self, at_ms: int, what: str, text: str) -> None:
        clock = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M")
        self._say(f"{clock}  {what:<11} {text}")


def time_ms(event: State) -> int:
    """Return a drift event's time."""
    return int(datetime.fromisoformat(event["time"]).timestamp() * 1000)


def _suspect(suspect: State) -> str:
    before, after = suspect["before"], suspect["after"]
    if "quantiles" in before:
        change = f"median {_median(before):.4g} -> {_median(after):.4g}"
    else:
        change = "; ".join(
            f"{b['category']} {b['before']:.0%} -> {b['after']:.0%}" for b in suspect["bins"][:2] if "category" in b
        )
    return f"{suspect['column']:<10} {suspect['direction']:<8} {change}   share {suspect['share']:.0%}"


def _median(values: dict[str, Any]) -> float:
    return float(values["quantiles"]["0.5"])
