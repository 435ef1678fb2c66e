"""The training rows cut into consecutive blocks: the reference's own windows."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from driftd.references.profile import Ints
from driftd.values.layout import HEADER, N
from driftd.values.windows import Window

BLOCK_ROWS = 200
COUNTS_KEPT = 2**26  # over all blocks and columns: what the newest blocks may take, 4 bytes each


@dataclass(frozen=True, slots=True)
class BlockRule:
    """How rows are cut: every ``rows`` of them, or where ``span_ms`` is given by the grid of event time."""

    rows: int = BLOCK_ROWS
    span_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Blocks:
    """Per column and block, oldest first: a run ``[n, missing, invalid, unseen, counts per test bin…]``."""

    runs: tuple[Ints, ...]  # per column: blocks x run
    rows: Ints
    start_ms: Ints  # time of the first row
    end_ms: Ints  # time of the last row

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def span_ms(self) -> int:
        """Median time from one block's start to the next one's; 0 where there is no next one."""
        return int(np.median(np.diff(self.start_ms))) if len(self) > 1 else 0


class BlockCutter:
    """Sums slots (values.layout, over test bins) per block, chunk of rows by chunk of rows.

    Keeps the newest blocks, at most COUNTS_KEPT counts but never fewer than ``at_least`` blocks. A last
    block of fewer than half the rows of the others is dropped.
    """

    def __init__(self, rule: BlockRule, test_bins: Sequence[int], at_least: int) -> None:
        self._rule = rule
        widths = [HEADER + bins for bins in test_bins]
        self._starts = np.concatenate(([0], np.cumsum(widths, dtype=np.int64)))
        width = int(self._starts[-1])
        kept = max(COUNTS_KEPT // max(width, 1), at_least)
        # from the first row to the last, number of rows, runs
        self._closed: deque[tuple[Window, int, NDArray[np.int32]]] = deque(maxlen=kept)
        self._open: tuple[Window, int, Ints] | None = None
        self._open_block = -1
        self._rows = 0

    def add(self, times_ms: Ints, slots: Sequence[tuple[Ints | None, Ints]]) -> None:
        """Take in a chunk of rows: for each column the places of the rows it is due in, and their slots."""
        block = self._block_of(times_ms)
        firsts = np.flatnonzero(np.diff(block, prepend=block[0] - 1))
        local = np.repeat(np.arange(len(firsts)), np.diff(firsts, append=len(block)))
        sums = np.zeros((len(firsts), int(self._starts[-1])), dtype=np.int64)
        for (due, column), (start, stop) in zip(slots, pairwise(self._starts.tolist()), strict=True):
            width = stop - start
            at = (local if due is None else local[due]) * width + column
            sums[:, start:stop] = np.bincount(at, minlength=len(firsts) * width).reshape(len(firsts), width)
            sums[:, start + N] = sums[:, start:stop].sum(axis=1)
        sizes = np.diff(firsts, append=len(block))
        for first, size, runs in zip(firsts.tolist(), sizes.tolist(), sums, strict=True):
            span = Window(int(times_ms[first]), int(times_ms[first + size - 1]))
            self._append(int(block[first]), span, size, runs)

    def _block_of(self, times_ms: Ints) -> Ints:
        if self._rule.span_ms is not None:
            return times_ms // self._rule.span_ms
        numbers = np.arange(self._rows, self._rows + len(times_ms)) // self._rule.rows
        self._rows += len(times_ms)
        return numbers

    def _append(self, block: int, span: Window, rows: int, runs: Ints) -> None:
        if self._open is not None and block == self._open_block:
            begun, before, sums = self._open
            self._open = (Window(begun.start_ms, span.end_ms), before + rows, sums + runs)
            return
        self._close()
        self._open, self._open_block = (span, rows, runs), block

    def _close(self) -> None:
        if self._open is not None:
            span, rows, runs = self._open
            self._closed.append((span, rows, runs.astype(np.int32)))
            self._open = None

    def blocks(self) -> Blocks:
        """Return the blocks, the last one closed or dropped."""
        usual = float(np.median([rows for _, rows, _ in self._closed])) if self._closed else 0.0
        if self._open is not None and self._open[1] < usual / 2:
            self._open = None
        self._close()
        width = int(self._starts[-1])
        sums = np.array([runs for _, _, runs in self._closed], dtype=np.int64).reshape(len(self._closed), width)
        return Blocks(
            runs=tuple(sums[:, start:stop] for start, stop in pairwise(self._starts.tolist())),
            rows=np.array([rows for _, rows, _ in self._closed], dtype=np.int64),
            start_ms=np.array([span.start_ms for span, _, _ in self._closed], dtype=np.int64),
            end_ms=np.array([span.end_ms for span, _, _ in self._closed], dtype=np.int64),
        )
