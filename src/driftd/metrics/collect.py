"""From the newest picture of the daemon to Prometheus' metric families, at each scrape."""

import platform
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from driftd import __version__
from driftd.metrics.catalogue import BUILD_INFO, CATALOGUE, CHECKPOINT_DURATION, Metric, MetricType
from driftd.metrics.durations import CheckpointDurations
from driftd.metrics.samples import Sample, samples_of
from driftd.values.view import DaemonView

#: A family's name is that of its samples without this.
_SUFFIX = {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}


def build_registry(view: Callable[[], DaemonView]) -> CollectorRegistry:
    """Return a registry that exports the newest picture and the process itself.

    Series that are not in a picture, such as those of a monitor that is gone, are not in its scrape.
    """
    registry = CollectorRegistry()
    registry.register(DaemonCollector(view))
    ProcessCollector(registry=registry)
    return registry


class DaemonCollector(Collector):
    """Makes a picture's samples families, in the order of the catalogue; safe in several threads."""

    def __init__(self, view: Callable[[], DaemonView]) -> None:
        self._view = view
        self._durations = CheckpointDurations(CHECKPOINT_DURATION.buckets)

    def collect(self) -> Iterator[Family]:
        """Yield every metric of the catalogue, those without samples too: their help and type."""
        view = self._view()
        families = {metric.name: _family(metric) for metric in CATALOGUE}
        for metric, labels, value in (_build(), *samples_of(view)):
            families[metric.name].add_sample(metric.name, dict(zip(metric.labels, labels, strict=True)), value)
        self._durations.add(view.checkpoint)
        for sample in self._durations.samples(CHECKPOINT_DURATION.name):
            families[CHECKPOINT_DURATION.name].add_sample(*sample)
        yield from families.values()

    def describe(self) -> Iterator[Family]:
        """Name the families: registering needs their names, and takes no picture."""
        return map(_family, CATALOGUE)


def _build() -> Sample:
    return Sample(BUILD_INFO, (__version__, "python", platform.python_version()), 1)


def _family(metric: Metric) -> Family:
    return Family(metric.name.removesuffix(_SUFFIX.get(metric.type, "")), metric.help, metric.type)
