from driftd.metrics.durations import CheckpointDurations
from driftd.values.view import CheckpointView


def values(histogram: CheckpointDurations) -> dict[str, float]:
    """The samples by upper bound, sum or count."""
    return {labels.get("le", name): value for name, labels, value in histogram.samples("d")}


def test_buckets_are_cumulative_and_bounds_inclusive() -> None:
    """A bucket counts the durations up to and including its bound."""
    histogram = CheckpointDurations((0.5, 1.0))
    histogram.add(CheckpointView(count=4, durations_seconds=(0.25, 0.5, 1.0, 2.0)))
    assert values(histogram) == {"0.5": 2, "1.0": 3, "+Inf": 4, "d_count": 4, "d_sum": 3.75}


def test_each_checkpoint_counts_once_over_pictures() -> None:
    """Pictures overlap in their durations; a checkpoint is counted by the first one only."""
    histogram = CheckpointDurations((1.0,))
    histogram.add(CheckpointView(count=2, durations_seconds=(0.25, 0.5)))
    histogram.add(CheckpointView(count=2, durations_seconds=(0.25, 0.5)))
    histogram.add(CheckpointView(count=3, durations_seconds=(0.25, 0.5, 2.0)))
    assert values(histogram) == {"1.0": 2, "+Inf": 3, "d_count": 3, "d_sum": 2.75}


def test_older_picture_after_a_newer_one_adds_nothing() -> None:
    """Two scrapes at once may bring their pictures in the wrong order."""
    histogram = CheckpointDurations((1.0,))
    histogram.add(CheckpointView(count=2, durations_seconds=(0.25, 0.5)))
    histogram.add(CheckpointView(count=1, durations_seconds=(0.25,)))
    histogram.add(CheckpointView(count=2, durations_seconds=(0.25, 0.5)))
    assert values(histogram)["d_count"] == 2


def test_durations_that_no_picture_held_are_left_out() -> None:
    """After a long time without scrapes the histogram has what the picture still has."""
    histogram = CheckpointDurations((1.0,))
    histogram.add(CheckpointView(count=1_000, durations_seconds=(0.5, 0.5)))
    assert values(histogram)["d_count"] == 2


def test_nothing_written_yet_is_all_zero() -> None:
    """The histogram is there before the first checkpoint."""
    assert set(values(CheckpointDurations((1.0,))).values()) == {0}
