"""How the daemon itself is doing, as plain data."""

from driftd import __version__
from driftd.values.view import DaemonView, DeadLettersView, DeliveryView, PartitionView, TopicAccounts
from driftd.web.documents import Document, time_text


def status_document(view: DaemonView) -> Document:
    """Return everything about the daemon that is not about a monitor."""
    checkpoint, reload = view.checkpoint, view.reload
    return {
        "version": __version__,
        "ready": not view.not_ready,
        "not_ready": list(view.not_ready),
        "configuration": {"loaded": time_text(reload.loaded_ms or None), "failure": reload.failure},
        "topics": [_topic(name, accounts) for name, accounts in sorted(view.topics.items())],
        "partitions": [_partition(partition) for partition in view.partitions],
        "checkpoint": {
            "last_success": time_text(checkpoint.last_success_ms),
            "bytes": checkpoint.last_bytes,
            "count": checkpoint.count,
            "failures": checkpoint.failures,
        },
        "delivery": [_receiver(receiver) for receiver in view.delivery],
        "dead_letters": None if view.dead_letters is None else _dead_letters(view.dead_letters),
        "references": {"loaded": view.references_loaded, "failed": view.references_failed},
    }


def in_trouble(receiver: DeliveryView) -> bool:
    """Tell whether a receiver has lost drift events, or keeps them waiting after attempts that failed."""
    return receiver.dropped > 0 or (receiver.waiting > 0 and receiver.failures > 0)


def _topic(name: str, accounts: TopicAccounts) -> Document:
    return {
        "topic": name,
        "read": accounts.read,
        "observed": accounts.observed,
        "late": {reason.value: count for reason, count in sorted(accounts.late.items())},
        "rejected": {reason.value: count for reason, count in sorted(accounts.rejected.items())},
        "pending": accounts.pending,
    }


def _partition(partition: PartitionView) -> Document:
    return {
        "topic": partition.source.topic,
        "partition": partition.source.partition,
        "position": partition.position,
        "lag": partition.lag,
        "watermark": time_text(partition.watermark_ms),
        "paused": partition.paused,
        "unreachable": partition.unreachable,
        "gap_records": partition.gap_records,
    }


def _receiver(receiver: DeliveryView) -> Document:
    return {
        "destination": receiver.destination,
        "waiting": receiver.waiting,
        "delivered": receiver.delivered,
        "dropped": receiver.dropped,
        "failures": receiver.failures,
        "last_success": time_text(receiver.last_success_ms),
    }


def _dead_letters(dead: DeadLettersView) -> Document:
    return {"written": dead.written, "lost": dead.lost, "waiting": dead.waiting}
