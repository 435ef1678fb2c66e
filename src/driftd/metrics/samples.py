"""The samples of a picture that are always shown: pure functions from the view to values by metric."""

from collections.abc import Iterator
from typing import NamedTuple

from driftd.metrics import catalogue as c
from driftd.metrics.metric import Metric
from driftd.values.verdict import ColumnState
from driftd.values.view import DaemonView, MonitorView

SUSPECTS_SHOWN = 10


class Sample(NamedTuple):
    """One value of one metric; label values in the order of the catalogue."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


def daemon_samples(view: DaemonView) -> Iterator[Sample]:
    """Yield the samples of a picture that are about no monitor, but those of the checkpoints' durations."""
    yield from _events(view)
    yield from _partitions(view)
    yield from _daemon(view)
    yield from _delivery(view)


def monitor_samples(monitor: MonitorView) -> Iterator[Sample]:
    """Yield the samples of a monitor and its incidents, but those of its columns."""
    yield from _monitor(monitor)
    yield from _incidents(monitor)


def _events(view: DaemonView) -> Iterator[Sample]:
    for topic, accounts in view.topics.items():
        yield Sample(c.EVENTS_READ, (topic,), accounts.read)
        yield Sample(c.EVENTS_OBSERVED, (topic,), accounts.observed)
        yield Sample(c.EVENTS_PENDING, (topic,), accounts.pending)
        late = {str(reason): events for reason, events in accounts.late.items()}
        for reason in c.EVENTS_LATE.values["reason"]:
            yield Sample(c.EVENTS_LATE, (topic, reason), late.get(reason, 0))
        rejected = {str(reason): events for reason, events in accounts.rejected.items()}
        for reason in c.EVENTS_REJECTED.values["reason"]:
            yield Sample(c.EVENTS_REJECTED, (topic, reason), rejected.get(reason, 0))


def _partitions(view: DaemonView) -> Iterator[Sample]:
    for partition in view.partitions:
        labels = (partition.source.topic, str(partition.source.partition))
        if partition.lag is not None:
            yield Sample(c.CONSUMER_LAG, labels, partition.lag)
        if partition.watermark_ms is not None:
            yield Sample(c.WATERMARK, labels, partition.watermark_ms / 1000)
        yield Sample(c.PARTITION_PAUSED, labels, partition.paused)
        yield Sample(c.PARTITION_UNREACHABLE, labels, partition.unreachable)
        yield Sample(c.GAP_RECORDS, labels, partition.gap_records)


def _monitor(monitor: MonitorView) -> Iterator[Sample]:
    labels = tuple(monitor.key)
    yield Sample(c.MONITOR_EVENTS, labels, monitor.events)
    if monitor.last_event_ms is not None:
        yield Sample(c.MONITOR_LAST_EVENT, labels, monitor.last_event_ms / 1000)
    yield Sample(c.WINDOWS_CLOSED, labels, monitor.windows_closed)
    yield Sample(c.WINDOWS_INCOMPLETE, labels, monitor.windows_incomplete)
    for state in c.MONITOR_STATE.values["state"]:
        yield Sample(c.MONITOR_STATE, (*labels, state), state == monitor.state)
    if monitor.evidence is not None:
        yield Sample(c.MONITOR_EVIDENCE, labels, monitor.evidence)
    if monitor.threshold is not None:
        yield Sample(c.MONITOR_EVIDENCE_THRESHOLD, labels, monitor.threshold)
    yield Sample(c.MONITOR_CALIBRATION_REMAINING, labels, monitor.calibrating)
    drifting = sum(column.state is ColumnState.DRIFT for column in monitor.columns)
    yield Sample(c.MONITOR_COLUMNS, labels, len(monitor.columns))
    yield Sample(c.MONITOR_COLUMNS_DRIFTING, labels, drifting)
    yield Sample(c.REFERENCE_INFO, (*labels, monitor.reference_id, monitor.reference_source), 1)


def _incidents(monitor: MonitorView) -> Iterator[Sample]:
    labels = tuple(monitor.key)
    yield Sample(c.INCIDENTS, labels, monitor.incidents_opened)
    for incident in monitor.incidents:
        firing = incident.state == "firing"
        if incident.id in monitor.paging:
            yield Sample(c.INCIDENT_FIRING, (*labels, incident.id), firing)
        if firing:
            yield Sample(c.INCIDENT_ONSET, (*labels, incident.id), incident.onset_ms / 1000)
            for suspect in incident.suspects[:SUSPECTS_SHOWN]:
                role, name = suspect.key
                column = (*labels, incident.id, str(role), name)
                moved = (str(suspect.effect.channel), suspect.effect.direction)
                yield Sample(c.INCIDENT_SUSPECT_SHARE, column, suspect.share)
                yield Sample(c.INCIDENT_SUSPECT, (*column, *moved), 1)


def _daemon(view: DaemonView) -> Iterator[Sample]:
    yield Sample(c.READY, (), not view.not_ready)
    if view.loop_turned_ms:
        yield Sample(c.LOOP_LAST_TURN, (), view.loop_turned_ms / 1000)
    yield Sample(c.RELOAD_SUCCESSFUL, (), view.reload.failure is None)
    if view.reload.loaded_ms:
        yield Sample(c.RELOAD_SUCCESS_TIME, (), view.reload.loaded_ms / 1000)
    yield Sample(c.REFERENCES_LOADED, (), view.references_loaded)
    yield Sample(c.REFERENCES_FAILED, (), view.references_failed)
    checkpoint = view.checkpoint
    yield Sample(c.CHECKPOINT_FAILURES, (), checkpoint.failures)
    if checkpoint.last_success_ms is not None:
        yield Sample(c.CHECKPOINT_LAST_SUCCESS, (), checkpoint.last_success_ms / 1000)
        yield Sample(c.CHECKPOINT_SIZE, (), checkpoint.last_bytes)


def _delivery(view: DaemonView) -> Iterator[Sample]:
    for receiver in view.delivery:
        labels = (receiver.destination,)
        yield Sample(c.DELIVERY_DELIVERED, labels, receiver.delivered)
        yield Sample(c.DELIVERY_FAILURES, labels, receiver.failures)
        yield Sample(c.DELIVERY_DROPPED, labels, receiver.dropped)
        yield Sample(c.DELIVERY_WAITING, labels, receiver.waiting)
        if receiver.last_success_ms is not None:
            yield Sample(c.DELIVERY_LAST_SUCCESS, labels, receiver.last_success_ms / 1000)
    if view.dead_letters is not None:
        yield Sample(c.DEAD_LETTERS_WRITTEN, (), view.dead_letters.written)
        yield Sample(c.DEAD_LETTERS_LOST, (), view.dead_letters.lost)
        yield Sample(c.DEAD_LETTERS_WAITING, (), view.dead_letters.waiting)
