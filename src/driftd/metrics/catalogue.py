"""Every metric that driftd exports, in one place. docs/metrics.md is generated from it.

Process metrics (``process_*``) come from prometheus_client and are not listed. A monitor is named by the
labels ``model``, ``version`` and ``segment``, a column of it by ``role`` and ``column`` as well.
"""

from driftd.metrics.metric import Metric, MetricType, Source
from driftd.values.keys import Channel, LateReason, Reason, Role
from driftd.values.verdict import ColumnState, MonitorState, Within

_TOPIC = ("topic",)
_PARTITION = ("topic", "partition")
_MONITOR = ("model", "version", "segment")
_COLUMN = (*_MONITOR, "role", "column")
_DESTINATION = ("destination",)
_ROLES = {"role": tuple(Role)}

DISTANCES = ("psi", "js", "ks", "wasserstein")
DIRECTIONS = ("up", "down", "changed")  # as values.verdict.Effect has them

EVENTS_READ = Metric(
    "driftd_events_read_total",
    MetricType.COUNTER,
    Source.EVENTS,
    "Events read: observed, late, rejected or pending.",
    _TOPIC,
)
EVENTS_OBSERVED = Metric(
    "driftd_events_observed_total",
    MetricType.COUNTER,
    Source.EVENTS,
    "Events summed into a window that is closed.",
    _TOPIC,
)
EVENTS_LATE = Metric(
    "driftd_events_late_total",
    MetricType.COUNTER,
    Source.EVENTS,
    "Sound events that came after their window had passed or closed.",
    (*_TOPIC, "reason"),
    {"reason": tuple(LateReason)},
)
EVENTS_REJECTED = Metric(
    "driftd_events_rejected_total",
    MetricType.COUNTER,
    Source.EVENTS,
    "Events that could not be used.",
    (*_TOPIC, "reason"),
    {"reason": tuple(Reason)},
)
EVENTS_PENDING = Metric(
    "driftd_events_pending", MetricType.GAUGE, Source.EVENTS, "Events read whose window is still open.", _TOPIC
)

CONSUMER_LAG = Metric(
    "driftd_consumer_lag", MetricType.GAUGE, Source.PARTITIONS, "Records of the partition not read yet.", _PARTITION
)
WATERMARK = Metric(
    "driftd_watermark_timestamp_seconds",
    MetricType.GAUGE,
    Source.PARTITIONS,
    "Event time up to which the partition has passed: its newest event less windows.lateness.",
    _PARTITION,
)
PARTITION_PAUSED = Metric(
    "driftd_partition_paused",
    MetricType.GAUGE,
    Source.PARTITIONS,
    "1 while the partition is not read because it is too far ahead of the slowest.",
    _PARTITION,
)
PARTITION_UNREACHABLE = Metric(
    "driftd_partition_unreachable",
    MetricType.GAUGE,
    Source.PARTITIONS,
    "1 while no broker answers for the partition.",
    _PARTITION,
)

GAP_RECORDS = Metric(
    "driftd_gap_records_total",
    MetricType.COUNTER,
    Source.PARTITIONS,
    "Offsets of the partition that were gone before they could be read: taken by retention, or deleted.",
    _PARTITION,
)

MONITOR_EVENTS = Metric(
    "driftd_monitor_events_total",
    MetricType.COUNTER,
    Source.MONITORS,
    "Events in the monitor's closed windows.",
    _MONITOR,
)
MONITOR_LAST_EVENT = Metric(
    "driftd_monitor_last_event_timestamp_seconds",
    MetricType.GAUGE,
    Source.MONITORS,
    "Largest event time of the events in closed windows of the monitor.",
    _MONITOR,
)
WINDOWS_CLOSED = Metric(
    "driftd_windows_closed_total",
    MetricType.COUNTER,
    Source.MONITORS,
    "Windows closed that had events of the monitor.",
    _MONITOR,
)
WINDOWS_INCOMPLETE = Metric(
    "driftd_windows_incomplete_total",
    MetricType.COUNTER,
    Source.MONITORS,
    "Windows of the monitor that were closed without a silent or unreachable partition.",
    _MONITOR,
)
MONITOR_STATE = Metric(
    "driftd_monitor_state",
    MetricType.GAUGE,
    Source.MONITORS,
    "1 for the state that the monitor is in, 0 for the others.",
    (*_MONITOR, "state"),
    {"state": tuple(MonitorState)},
)
MONITOR_EVIDENCE = Metric(
    "driftd_monitor_evidence",
    MetricType.GAUGE,
    Source.MONITORS,
    "Evidence of drift in the monitor by its newest window, as log10; absent while it is calibrating.",
    _MONITOR,
)
MONITOR_EVIDENCE_THRESHOLD = Metric(
    "driftd_monitor_evidence_threshold",
    MetricType.GAUGE,
    Source.MONITORS,
    "Evidence that pages, as log10: it follows from the monitor's part of the budget.",
    _MONITOR,
)
MONITOR_CALIBRATION_REMAINING = Metric(
    "driftd_monitor_calibration_remaining_windows",
    MetricType.GAUGE,
    Source.MONITORS,
    "Windows that the monitor must still see before evidence pages; until then gross drift does.",
    _MONITOR,
)
MONITOR_COLUMNS = Metric(
    "driftd_monitor_columns", MetricType.GAUGE, Source.MONITORS, "Columns that the monitor watches.", _MONITOR
)
MONITOR_COLUMNS_DRIFTING = Metric(
    "driftd_monitor_columns_drifting",
    MetricType.GAUGE,
    Source.MONITORS,
    "Columns of the monitor in state drift.",
    _MONITOR,
)
REFERENCE_INFO = Metric(
    "driftd_reference_info",
    MetricType.INFO,
    Source.MONITORS,
    "The reference profile that the monitor is held against, and what it was built from.",
    (*_MONITOR, "reference_id", "source"),
)

COLUMN_STATE = Metric(
    "driftd_column_state",
    MetricType.GAUGE,
    Source.COLUMNS,
    "1 for the state that the column is in, 0 for the others.",
    (*_COLUMN, "state"),
    {**_ROLES, "state": tuple(ColumnState)},
)
COLUMN_DISTANCE = Metric(
    "driftd_column_distance",
    MetricType.GAUGE,
    Source.COLUMNS,
    "Distance of the column's newest window from the reference, over the test bins.",
    (*_COLUMN, "distance"),
    {**_ROLES, "distance": DISTANCES},
)
COLUMN_EVIDENCE = Metric(
    "driftd_column_evidence",
    MetricType.GAUGE,
    Source.COLUMNS,
    "Evidence of drift in the column by its newest window, as log10; absent while the monitor is calibrating.",
    _COLUMN,
    _ROLES,
)
COLUMN_SHIFT = Metric(
    "driftd_column_shift",
    MetricType.GAUGE,
    Source.COLUMNS,
    "Mean of u less 1/2 in the newest window, u being the reference's distribution function: 0 without drift.",
    _COLUMN,
    _ROLES,
)
COLUMN_DETECTABLE = Metric(
    "driftd_column_detectable_shift",
    MetricType.GAUGE,
    Source.COLUMNS,
    "Smallest lasting shift of the mean of u that would be paged within the span in half of the cases, at the present"
    " traffic; absent while that is not known, and where no shift would be.",
    (*_COLUMN, "within"),
    {**_ROLES, "within": tuple(Within)},
)
COLUMN_MISSING = Metric(
    "driftd_column_missing_ratio",
    MetricType.GAUGE,
    Source.COLUMNS,
    "Share of the newest window's events in which the column was null or absent.",
    _COLUMN,
    _ROLES,
)
COLUMN_UNSEEN = Metric(
    "driftd_column_unseen_ratio",
    MetricType.GAUGE,
    Source.COLUMNS,
    "Share of the newest window's events with a category that the reference has never seen.",
    _COLUMN,
    _ROLES,
)
COLUMN_INVALID = Metric(
    "driftd_column_invalid_ratio",
    MetricType.GAUGE,
    Source.COLUMNS,
    "Share of the newest window's events in which the column was of the wrong type, NaN or infinite.",
    _COLUMN,
    _ROLES,
)
DETECTIONS = Metric(
    "driftd_detections_total",
    MetricType.COUNTER,
    Source.COLUMNS,
    "Windows in which a detector spoke about the channel of the column, whether it pages or not.",
    (*_COLUMN, "channel", "detector"),
    {**_ROLES, "channel": tuple(Channel)},
)

INCIDENTS = Metric("driftd_incidents_total", MetricType.COUNTER, Source.INCIDENTS, "Incidents opened.", _MONITOR)
INCIDENT_FIRING = Metric(
    "driftd_incident_firing",
    MetricType.GAUGE,
    Source.INCIDENTS,
    "The paging gauge: 1 while the incident is open, 0 for an hour of event time after it.",
    (*_MONITOR, "incident"),
)
INCIDENT_ONSET = Metric(
    "driftd_incident_onset_timestamp_seconds",
    MetricType.GAUGE,
    Source.INCIDENTS,
    "Estimated time since when the data of the open incident have been different.",
    (*_MONITOR, "incident"),
)
INCIDENT_SUSPECT_SHARE = Metric(
    "driftd_incident_suspect_share",
    MetricType.GAUGE,
    Source.INCIDENTS,
    "What each of the ten foremost suspects contributes to the open incident, 0 to 1: its part of the evidence.",
    (*_MONITOR, "incident", "role", "column"),
    _ROLES,
)
INCIDENT_SUSPECT = Metric(
    "driftd_incident_suspect_info",
    MetricType.INFO,
    Source.INCIDENTS,
    "Where each of the ten foremost suspects of the open incident moved most, and in which direction.",
    (*_MONITOR, "incident", "role", "column", "channel", "direction"),
    {**_ROLES, "channel": tuple(Channel), "direction": DIRECTIONS},
)

BUILD_INFO = Metric(
    "driftd_build_info",
    MetricType.INFO,
    Source.DAEMON,
    "What runs: the release, what sums the events, and the version of Python.",
    ("version", "kernel", "python"),
)
READY = Metric("driftd_ready", MetricType.GAUGE, Source.DAEMON, "1 while the daemon is ready.")
LOOP_LAST_TURN = Metric(
    "driftd_loop_last_turn_timestamp_seconds",
    MetricType.GAUGE,
    Source.DAEMON,
    "When the loop last turned, by the wall clock.",
)
SERIES_SHED = Metric(
    "driftd_series_shed",
    MetricType.GAUGE,
    Source.DAEMON,
    "Series of columns left out of this page because of limits.series.",
)
RELOAD_SUCCESSFUL = Metric(
    "driftd_config_last_reload_successful",
    MetricType.GAUGE,
    Source.DAEMON,
    "1 if the newest attempt to load the configuration succeeded, 0 while an older one stays in force.",
)
RELOAD_SUCCESS_TIME = Metric(
    "driftd_config_last_reload_success_timestamp_seconds",
    MetricType.GAUGE,
    Source.DAEMON,
    "When the configuration in force was loaded, by the wall clock.",
)
REFERENCES_LOADED = Metric("driftd_references_loaded", MetricType.GAUGE, Source.DAEMON, "Reference profiles in force.")
REFERENCES_FAILED = Metric(
    "driftd_references_failed",
    MetricType.GAUGE,
    Source.DAEMON,
    "Files in the reference directory that are no usable profile.",
)
CHECKPOINT_DURATION = Metric(
    "driftd_checkpoint_duration_seconds",
    MetricType.HISTOGRAM,
    Source.DAEMON,
    "How long writing a checkpoint took.",
    buckets=(0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
CHECKPOINT_FAILURES = Metric(
    "driftd_checkpoint_failures_total", MetricType.COUNTER, Source.DAEMON, "Checkpoints that could not be written."
)
CHECKPOINT_LAST_SUCCESS = Metric(
    "driftd_checkpoint_last_success_timestamp_seconds",
    MetricType.GAUGE,
    Source.DAEMON,
    "When the newest checkpoint was written, by the wall clock.",
)
CHECKPOINT_SIZE = Metric(
    "driftd_checkpoint_size_bytes", MetricType.GAUGE, Source.DAEMON, "Size of the newest checkpoint."
)

DELIVERY_DELIVERED = Metric(
    "driftd_delivery_events_total",
    MetricType.COUNTER,
    Source.DELIVERY,
    "Drift events that the receiver has acknowledged.",
    _DESTINATION,
)
DELIVERY_FAILURES = Metric(
    "driftd_delivery_failures_total",
    MetricType.COUNTER,
    Source.DELIVERY,
    "Attempts to deliver a drift event that failed; it is tried again.",
    _DESTINATION,
)
DELIVERY_DROPPED = Metric(
    "driftd_delivery_dropped_total",
    MetricType.COUNTER,
    Source.DELIVERY,
    "Drift events that the receiver will never get: beyond delivery.backlog, or refused by it for good.",
    _DESTINATION,
)
DELIVERY_WAITING = Metric(
    "driftd_delivery_waiting", MetricType.GAUGE, Source.DELIVERY, "Drift events waiting for the receiver.", _DESTINATION
)
DELIVERY_LAST_SUCCESS = Metric(
    "driftd_delivery_last_success_timestamp_seconds",
    MetricType.GAUGE,
    Source.DELIVERY,
    "When the receiver last acknowledged a drift event, by the wall clock.",
    _DESTINATION,
)
DEAD_LETTERS_WRITTEN = Metric(
    "driftd_dead_letters_total", MetricType.COUNTER, Source.DELIVERY, "Rejected events in the dead-letter topic."
)
DEAD_LETTERS_LOST = Metric(
    "driftd_dead_letters_lost_total",
    MetricType.COUNTER,
    Source.DELIVERY,
    "Rejected events that could not be written to the dead-letter topic.",
)
DEAD_LETTERS_WAITING = Metric(
    "driftd_dead_letters_waiting",
    MetricType.GAUGE,
    Source.DELIVERY,
    "Rejected events on their way to the topic.",
)

#: All of them, in the order in which they are exported.
CATALOGUE: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
