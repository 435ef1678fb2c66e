"""The lines about monitors, kept as bytes from scrape to scrape."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from threading import Lock

from driftd.metrics.column_lines import GROUPS, LabelledColumn
from driftd.metrics.columns import WantedColumns, allotted
from driftd.metrics.lines import Lines, lines_of, lines_of_samples
from driftd.metrics.samples import monitor_samples
from driftd.metrics.settings import ColumnChoice
from driftd.values.keys import MonitorKey
from driftd.values.view import MonitorView


class PreparedMonitors:
    """The lines of the monitors that were on the newest page; safe in several threads.

    Pictures of monitors are frozen, and replaced where there is news: without news, nothing is written again. What is
    kept is what was shown, so it is bounded by ``limits.series``; a monitor that is gone takes its lines with it.
    """

    def __init__(self) -> None:
        self._prepared: dict[MonitorKey, _PreparedMonitor] = {}
        self._lock = Lock()  # what one scrape writes is there for the next one

    def lines(self, monitors: Iterable[MonitorView], choice: ColumnChoice, room: int) -> tuple[Iterator[Lines], int]:
        """Return the lines of each monitor, and how many series of columns are left out: all beyond ``room`` series."""
        with self._lock:
            self._prepared = {view.key: self._of(view, choice) for view in monitors}
            prepared = self._prepared.values()
            room -= sum(monitor.series for monitor in prepared)
            kept, shed = allotted(room, [monitor.columns for monitor in prepared])
            written = [monitor.lines(columns) for monitor, columns in zip(prepared, kept, strict=True)]
        return chain.from_iterable(written), shed

    def _of(self, view: MonitorView, choice: ColumnChoice) -> "_PreparedMonitor":
        former = self._prepared.get(view.key)
        return former if former is not None and former.shows(view, choice) else _PreparedMonitor(view, choice)


class _PreparedMonitor:
    """The lines of one picture of a monitor. ``series`` is how many are not those of columns: they are always shown."""

    def __init__(self, view: MonitorView, choice: ColumnChoice) -> None:
        samples = tuple(monitor_samples(view))
        self.series = len(samples)
        self.columns = WantedColumns(view, choice)
        self._view, self._choice = view, choice
        self._always = lines_of_samples(samples)
        self._kept = [0] * len(GROUPS)  # columns whose lines are in the groups
        self._groups: list[Lines] = [{} for _ in GROUPS]

    def shows(self, view: MonitorView, choice: ColumnChoice) -> bool:
        """Tell whether this is that very picture."""
        return self._view is view and self._choice == choice

    def lines(self, kept: Sequence[int]) -> tuple[Lines, ...]:
        """Return the lines: of each group, those of so many of the foremost columns."""
        if self._kept != kept:
            foremost = self.columns.foremost(max(kept))
            for place, columns in enumerate(kept):
                if self._kept[place] != columns:
                    self._kept[place] = columns
                    self._groups[place] = self._written(place, foremost[:columns])
        return (self._always, *self._groups)

    def _written(self, place: int, columns: Sequence[LabelledColumn]) -> Lines:
        return {metric.name: lines_of(metric, rows(columns), self._view.key) for metric, rows in GROUPS[place].rows}
