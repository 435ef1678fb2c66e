"""The page that Prometheus scrapes, in the format that it asks for."""

import re
from collections.abc import Iterable, Sequence

from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector as Families

from driftd.metrics.catalogue import CATALOGUE, CHECKPOINT_DURATION
from driftd.metrics.collect import Collector
from driftd.metrics.metric import Metric, MetricType

# All names here need no escaping, yet prometheus_client rewrites them under these two schemes.
_REWRITING = re.compile(r";\s*escaping=(?:dots|values)\b")
#: A family's name is that of its samples without this.
_SUFFIX = {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}
_END = b"# EOF\n"  # of a page in OpenMetrics


def render(collector: Collector, accept: str) -> tuple[bytes, str]:
    """Return the page and its content type: OpenMetrics or text, as the Accept header prefers.

    Every metric of the catalogue is on it, in its order, those without samples too, and then the process. Lines of
    samples are alike in all formats; prometheus_client writes what is not: help, types and the end.
    """
    encode, content_type = choose_encoder(_REWRITING.sub("", accept))
    lines, checkpoints, process = collector.collect()
    parts: list[bytes] = []
    for metric in CATALOGUE:
        family = _family(metric)
        if metric is CHECKPOINT_DURATION:
            for sample in checkpoints:
                family.add_sample(*sample)
        parts += (encode(_Families([family])).removesuffix(_END), *lines.get(metric.name, ()))
    return b"".join((*parts, encode(_Families(process)))), content_type


class _Families(Families):
    """What prometheus_client encodes."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        """Return the families."""
        return self._families


def _family(metric: Metric) -> Family:
    return Family(metric.name.removesuffix(_SUFFIX.get(metric.type, "")), metric.help, metric.type)
