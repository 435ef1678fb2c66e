"""What the catalogue says of each metric."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class MetricType(StrEnum):
    """The types of Prometheus that are used here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


class Source(StrEnum):
    """What a metric is about: the part of the picture that it is read from."""

    EVENTS = "Events"
    PARTITIONS = "Source partitions"
    MONITORS = "Monitors"
    COLUMNS = "Columns"
    INCIDENTS = "Incidents"
    DAEMON = "The daemon"
    DELIVERY = "Delivery"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name as exported, and the closed sets that some of its labels take values from."""

    name: str
    type: MetricType
    source: Source
    help: str
    labels: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
