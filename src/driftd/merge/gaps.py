"""Windows that may lack records because a source had lost them."""

from collections import defaultdict

from driftd.values.keys import SourcePartition
from driftd.values.part import Gap, Ledger
from driftd.values.state import State
from driftd.values.windows import Window


class Gaps:
    """The gaps of all partitions (values.part.Gap), until the windows that they cover are closed.

    Memory: a partition's gaps that are open windows apart, so at most one for each open window.
    """

    def __init__(self) -> None:
        self._gaps: defaultdict[SourcePartition, dict[int | None, Gap]] = defaultdict(dict)  # by their beginning

    def hear(self, ledger: Ledger) -> None:
        """Take note of a partition's newest gap. It may have grown since: its beginning stays."""
        if ledger.gap is not None:
            self._gaps[ledger.source][ledger.gap.from_ms] = ledger.gap

    def cover(self, window: Window) -> bool:
        """Say whether a window may lack records."""
        return any(gap.covers(window) for gaps in self._gaps.values() for gap in gaps.values())

    def forget(self, frontier_ms: int) -> None:
        """Drop the gaps whose windows are closed."""
        for source, gaps in list(self._gaps.items()):
            left = {at: gap for at, gap in gaps.items() if gap.until_ms is None or gap.until_ms >= frontier_ms}
            if left:
                self._gaps[source] = left
            else:
                del self._gaps[source]

    def to_state(self) -> State:
        """Return the gaps by partition, oldest first."""
        return {
            "gaps": [[list(source), [list(g) for g in gaps.values()]] for source, gaps in sorted(self._gaps.items())]
        }

    def restore(self, state: State) -> None:
        """Take the gaps back."""
        for source, gaps in state["gaps"]:
            self._gaps[SourcePartition(*source)] = {gap[0]: Gap(*gap) for gap in gaps}
