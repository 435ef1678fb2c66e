"""From the newest picture of the daemon to the lines of every metric, at each scrape."""

import platform
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import ProcessCollector
from prometheus_client.core import Metric as Family

from driftd import __version__
from driftd.metrics.catalogue import BUILD_INFO, CHECKPOINT_DURATION, SERIES_SHED
from driftd.metrics.durations import CheckpointDurations, HistogramSample
from driftd.metrics.lines import lines_of_samples
from driftd.metrics.prepared import PreparedMonitors
from driftd.metrics.samples import Sample, daemon_samples
from driftd.metrics.settings import Export
from driftd.values.view import DaemonView


class Collected(NamedTuple):
    """What is on a page: lines by name of the metric, the histogram of checkpoints, and what is told of the process."""

    lines: Mapping[str, Sequence[bytes]]
    checkpoints: tuple[HistogramSample, ...]
    process: tuple[Family, ...]


class Collector:
    """Collects what is on a page; safe in several threads.

    ``export`` is asked at each scrape: a page, what is told of the process included, has at most ``export().series``
    samples, as far as leaving out series of columns can bring that about. Series that are not in a picture, such as
    those of a monitor that is gone, are not in its scrape. ``kernel`` is the implementation that sums the events.
    """

    def __init__(
        self, view: Callable[[], DaemonView], export: Callable[[], Export] = Export, *, kernel: str = "python"
    ) -> None:
        self._view = view
        self._export = export
        self._build = Sample(BUILD_INFO, (__version__, kernel, platform.python_version()), 1)
        self._durations = CheckpointDurations(CHECKPOINT_DURATION.buckets)
        self._process = ProcessCollector(registry=None)
        self._monitors = PreparedMonitors()

    def collect(self) -> Collected:
        """Return what the newest picture has to show."""
        view, export = self._view(), self._export()
        self._durations.add(view.checkpoint)
        checkpoints = tuple(self._durations.samples(CHECKPOINT_DURATION.name))
        process = tuple(self._process.collect())
        samples = [self._build, *daemon_samples(view)]
        always = len(samples) + 1 + len(checkpoints) + sum(len(family.samples) for family in process)
        of_monitors, shed = self._monitors.lines(view.monitors, export.columns, export.series - always)

        found: defaultdict[str, list[bytes]] = defaultdict(list)
        for lines in (lines_of_samples([*samples, Sample(SERIES_SHED, (), shed)]), *of_monitors):
            for name, written in lines.items():
                found[name].append(written)
        return Collected(found, checkpoints, process)
