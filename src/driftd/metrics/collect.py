"""From the newest picture of the daemon to Prometheus' metric families, at each scrape."""

import platform
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from driftd import __version__
from driftd.metrics.catalogue import BUILD_INFO, CATALOGUE, CHECKPOINT_DURATION, SERIES_SHED, Metric, MetricType
from driftd.metrics.columns import samples_within, wanted_columns
from driftd.metrics.durations import CheckpointDurations
from driftd.metrics.samples import Sample, samples_of
from driftd.metrics.settings import Export
from driftd.values.view import DaemonView

#: A family's name is that of its samples without this.
_SUFFIX = {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}


def build_registry(view: Callable[[], DaemonView], export: Callable[[], Export] = Export) -> CollectorRegistry:
    """Return a registry that exports the newest picture and the process itself.

    ``export`` is asked at each scrape. Series that are not in a picture, such as those of a monitor that is
    gone, are not in its scrape.
    """
    registry = CollectorRegistry()
    registry.register(DaemonCollector(view, export))
    return registry


class DaemonCollector(Collector):
    """Makes a picture's samples families, in the order of the catalogue; safe in several threads.

    All of a scrape, what is told of the process included, has at most ``export().series`` samples, as far as
    leaving out series of columns can bring that about.
    """

    def __init__(self, view: Callable[[], DaemonView], export: Callable[[], Export]) -> None:
        self._view = view
        self._export = export
        self._durations = CheckpointDurations(CHECKPOINT_DURATION.buckets)
        self._process = ProcessCollector(registry=None)

    def collect(self) -> Iterator[Family]:
        """Yield every metric of the catalogue, those without samples too: their help and type; then the process's."""
        view, export = self._view(), self._export()
        self._durations.add(view.checkpoint)
        durations = tuple(self._durations.samples(CHECKPOINT_DURATION.name))
        process = tuple(self._process.collect())
        samples = [_build(), *samples_of(view)]
        always = len(samples) + 1 + len(durations) + sum(len(family.samples) for family in process)
        of_columns, shed = samples_within(export.series - always, wanted_columns(view.monitors, export.columns))

        families = {metric.name: _family(metric) for metric in CATALOGUE}
        for metric, labels, value in (*samples, *of_columns, Sample(SERIES_SHED, (), shed)):
            families[metric.name].add_sample(metric.name, dict(zip(metric.labels, labels, strict=True)), value)
        for sample in durations:
            families[CHECKPOINT_DURATION.name].add_sample(*sample)
        yield from families.values()
        yield from process

    def describe(self) -> Iterator[Family]:
        """Name the families: registering needs their names, and takes no picture."""
        yield from map(_family, CATALOGUE)
        yield from self._process.collect()


def _build() -> Sample:
    return Sample(BUILD_INFO, (__version__, "python", platform.python_version()), 1)


def _family(metric: Metric) -> Family:
    return Family(metric.name.removesuffix(_SUFFIX.get(metric.type, "")), metric.help, metric.type)
