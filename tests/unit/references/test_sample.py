"""Sampling a stream of numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftd.references.profile import Floats
from driftd.references.sample import Sample


def sampled(values: Floats, capacity: int, chunk: int) -> list[float]:
    """Sample a stream that arrives in chunks."""
    sample = Sample("x", capacity)
    for start in range(0, len(values), chunk):
        sample.add(values[start : start + chunk])
    return list(sample.values())


@given(st.integers(1, 60), st.integers(1, 40), st.integers(1, 40))
def test_sample_does_not_depend_on_the_chunks(capacity: int, chunk: int, other: int) -> None:
    """The same stream gives the same sample of the right size, in the stream's order."""
    values = np.arange(100.0)
    sample = sampled(values, capacity, chunk)
    assert sample == sampled(values, capacity, other)
    assert len(sample) == capacity
    assert sample == sorted(sample)


def test_all_values_are_kept_while_they_fit() -> None:
    """A sample that has room is the stream itself."""
    assert sampled(np.arange(50.0), 50, 7) == list(range(50))


def test_shrunk_sample_is_the_smaller_sample() -> None:
    """Shrinking half-way gives what a smaller sample would have given from the start."""
    sample = Sample("x", 80)
    sample.add(np.arange(100.0))
    sample.shrink(20)
    sample.add(np.arange(100.0, 200.0))
    assert list(sample.values()) == sampled(np.arange(200.0), 20, 200)


def test_sample_is_uniform() -> None:
    """The mean of a sample of 2,000 of 100,000 values lies within 4 standard errors."""
    mean = float(np.mean(sampled(np.arange(100_000.0), 2_000, 4_096)))
    assert abs(mean - 49_999.5) < 4 * 100_000 / 12**0.5 / 2_000**0.5
