"""What prometheus_client writes of the same samples is the oracle."""

import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest as write_text
from prometheus_client.openmetrics.exposition import generate_latest as write_openmetrics
from prometheus_client.registry import Collector

from driftd.metrics.catalogue import CATALOGUE
from driftd.metrics.lines import escaped, lines_of, lines_of_samples, numbers
from driftd.metrics.metric import Metric as Catalogued
from driftd.metrics.metric import MetricType
from driftd.metrics.samples import Sample

METRICS = [metric for metric in CATALOGUE if metric.type is not MetricType.HISTOGRAM]
WRITERS = [write_text, write_openmetrics]

texts = st.text() | st.text('"\\\n{}%#, =s\r\t\u2028')
figures = st.floats() | st.integers(-(10**18), 10**18) | st.booleans()


class OneFamily(Collector):
    """What prometheus_client is given to write."""

    def __init__(self, family: Metric) -> None:
        self.family = family

    def collect(self) -> list[Metric]:
        """Return the family."""
        return [self.family]


def by_prometheus_client(samples: list[Sample], write: Callable[[CollectorRegistry], bytes]) -> str:
    """The lines of one metric's samples."""
    metric = samples[0].metric
    family = Metric(metric.name, metric.help, "unknown")
    for _, labels, value in samples:
        family.add_sample(metric.name, dict(zip(metric.labels, labels, strict=True)), value)
    registry = CollectorRegistry()
    registry.register(OneFamily(family))
    comments, end = 2, "# EOF\n"
    return write(registry).decode().split("\n", comments)[comments].removesuffix(end)


@st.composite
def samples_of_one_metric(draw: st.DrawFn) -> list[Sample]:
    """Samples of a metric with labels of every kind."""
    metric = draw(st.sampled_from(METRICS))
    labels = st.tuples(*(texts for _ in metric.labels))
    return draw(st.lists(st.builds(Sample, st.just(metric), labels, figures), min_size=1, max_size=5))


@pytest.mark.parametrize("write", WRITERS)
@given(samples_of_one_metric())
def test_lines_are_those_of_prometheus_client(
    write: Callable[[CollectorRegistry], bytes], samples: list[Sample]
) -> None:
    """Names, the order of labels, escapes and numbers: to the byte, in both formats."""
    (lines,) = lines_of_samples(samples).values()
    assert by_prometheus_client(samples, write) == lines.decode()


@given(samples_of_one_metric(), st.integers(0, 5))
def test_labels_that_all_lines_share_may_be_given_once(samples: list[Sample], shared: int) -> None:
    """The lines are those that have them among their own."""
    metric, first, _ = samples[0]
    known, own = first[:shared], first[shared:]
    alike = [Sample(metric, known + own, sample.value) for sample in samples]
    rows = [(*map(escaped, own), sample.value) for sample in samples]
    assert lines_of_samples(alike)[metric.name] == lines_of(metric, rows, known)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_no_rows_are_no_lines(metric: Catalogued) -> None:
    """A metric without samples has none."""
    assert lines_of(metric, []) == b""


# where a number gets an exponent: in Python, in Go, in orjson
EDGES = [
    edge * sign for power in (-6, -5, -4, 5, 6, 7, 15, 16, 17, 21, 22) for edge in (10.0**power,) for sign in (1, -1)
]
NEAR_EDGES = [math.nextafter(edge, to) for edge in EDGES for to in (-math.inf, math.inf)]
ODD = [0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 2.0**53, 0.1 + 0.2]


@given(st.lists(figures | st.floats(-10, 10) | st.floats(1e-5, 1e7)))
@example([*EDGES, *NEAR_EDGES, *ODD])
def test_numbers_are_those_of_prometheus_client(values: list[float]) -> None:
    """Shortest digits, +Inf, -Inf and NaN, and exponents where Go has them."""
    samples = [Sample(CATALOGUE[0], ("t",), value) for value in values]
    expected = [line.split()[-1] for line in by_prometheus_client(samples, write_text).splitlines()] if values else []
    assert expected == list(numbers(values))
