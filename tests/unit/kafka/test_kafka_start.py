import pytest

from driftd.errors import PositionBeyondEnd
from driftd.kafka.start import Gap, resume
from driftd.values.keys import SourcePartition

A, B = SourcePartition("t", 0), SourcePartition("t", 1)


@pytest.mark.parametrize("position", [10, 15, 20])
def test_a_position_within_the_log_is_kept(position: int) -> None:
    """The first offset and the end are both sound positions."""
    start = resume({A: position}, {A: (10, 20)})
    assert (start.offsets, start.gaps) == ({A: position}, ())


def test_a_position_overtaken_by_retention_leaves_a_gap() -> None:
    """Reading continues at the first offset there is, and the gap says what is missing."""
    start = resume({A: 4, B: 12}, {A: (10, 20), B: (10, 20)})
    assert (start.offsets, start.gaps) == ({A: 10, B: 12}, (Gap(A, 4, 10),))


def test_a_position_beyond_the_end_is_refused() -> None:
    """A log that ends before it was read is not the log that was read."""
    with pytest.raises(PositionBeyondEnd) as refused:
        resume({A: 21}, {A: (0, 20)})
    error = refused.value
    assert (error.topic, error.partition, error.position, error.end) == ("t", 0, 21, 20)


def test_a_partition_that_gives_no_answer_is_taken_at_its_word() -> None:
    """Without a leader nothing can be checked, and nothing is forgotten either."""
    start = resume({A: 7}, {})
    assert (start.offsets, start.gaps) == ({A: 7}, ())
