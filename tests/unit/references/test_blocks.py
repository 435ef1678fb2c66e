"""Cutting training rows into blocks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftd.references.blocks import BlockCutter, BlockRule, Blocks
from driftd.values.layout import HEADER


def cut(rule: BlockRule, times: list[int], slots: list[int], sizes: list[int]) -> Blocks:
    """Feed one column of 3 test bins in chunks of the given sizes, over and over."""
    cutter = BlockCutter(rule, [3], at_least=256)
    at = 0
    while at < len(times):
        size = sizes[at % len(sizes)]
        cutter.add(np.array(times[at : at + size]), [(None, np.array(slots[at : at + size]))])
        at += size
    return cutter.blocks()


@given(
    st.lists(st.integers(1, HEADER + 2).filter(lambda s: s != 3), max_size=60), st.lists(st.integers(1, 9), min_size=1)
)
def test_blocks_do_not_depend_on_the_chunks(slots: list[int], sizes: list[int]) -> None:
    """Runs of 5 rows hold the counts of a plain loop, however the rows arrive; under half a block is dropped."""
    expected: list[list[int]] = []
    for start in range(0, len(slots), 5):
        block = slots[start : start + 5]
        if len(block) >= 2.5 or not expected:
            counts = [block.count(slot) for slot in range(HEADER + 3)]
            expected.append([len(block), *counts[1:]])
    blocks = cut(BlockRule(rows=5), list(range(len(slots))), slots, sizes)
    assert blocks.runs[0].tolist() == expected


def test_span_blocks_follow_the_grid_of_time() -> None:
    """Blocks of a span hold the rows of one window each; windows without rows leave no block."""
    times = [0, 10, 59, 60, 119, 300, 330]
    blocks = cut(BlockRule(span_ms=60), times, [HEADER] * 7, [2])
    assert blocks.rows.tolist() == [3, 2, 2]
    assert blocks.start_ms.tolist() == [0, 60, 300]
    assert blocks.end_ms.tolist() == [59, 119, 330]
    assert blocks.span_ms == 150


def test_column_that_is_not_due_is_not_counted() -> None:
    """A label that is known for some rows counts these rows alone, in their blocks."""
    cutter = BlockCutter(BlockRule(rows=2), [1, 1], at_least=256)
    everywhere = np.full(4, HEADER)
    cutter.add(np.arange(4), [(None, everywhere), (np.array([0, 2, 3]), everywhere[:3])])
    assert [runs[:, 0].tolist() for runs in cutter.blocks().runs] == [[2, 2], [1, 2]]
