"""The rules on the daemon's own trouble, and on traffic that stays away."""

from collections.abc import Mapping

from driftd.alerts.rule import Alert, Group, Severity
from driftd.values.settings import format_duration

#: Checkpoints may be late by so many intervals, and by five minutes in any case.
_LATE_CHECKPOINTS = 30


def daemon_rules(job: str, checkpoint_ms: int) -> Group:
    """Return the alerts on the daemons of a scrape job.

    They are sums over its instances in a namespace, so they do not change with the pod.
    """
    stale_seconds = max(300, _LATE_CHECKPOINTS * checkpoint_ms // 1000)
    up = f'up{{job="{_quoted(job)}"}}'
    return Group(
        "driftd-daemon",
        (
            Alert(
                "DriftdDown",
                f"max without (instance, pod) ({up}) == 0 or absent({up})",
                Severity.WARNING,
                summary="No driftd of {{ $labels.job }} can be scraped",
                description="For five minutes Prometheus has reached no instance of {{ $labels.job }}: drift is not"
                " watched. Pages that were open stay so for an hour.",
                pending="5m",
            ),
            Alert(
                "DriftdNotConsuming",
                "max without (instance, pod) (driftd_ready) == 0\nor\n"
                "sum without (instance, pod, topic, partition) (driftd_consumer_lag) > 0\n"
                "  and sum without (instance, pod, topic) (rate(driftd_events_read_total[10m])) == 0",
                Severity.WARNING,
                summary="driftd of {{ $labels.job }} reads no events",
                description="It is not ready, or there are events that it does not read. /-/ready and the log say why.",
                pending="10m",
            ),
            Alert(
                "DriftdLagging",
                "sum without (instance, pod, topic, partition) (driftd_consumer_lag)\n"
                "  / sum without (instance, pod, topic) (rate(driftd_events_read_total[10m])) > 300 < Inf",
                Severity.WARNING,
                summary="driftd of {{ $labels.job }} is {{ $value | humanizeDuration }} behind",
                description="At its present pace it takes so long to read what waits in Kafka: drift is found that much"
                " later.",
                pending="15m",
            ),
            Alert(
                "DriftdRejectingEvents",
                "sum without (instance, pod, reason) (rate(driftd_events_rejected_total[15m]))\n"
                "  / sum without (instance, pod) (rate(driftd_events_read_total[15m])) > 0.01",
                Severity.WARNING,
                summary="{{ $value | humanizePercentage }} of the events of {{ $labels.topic }} cannot be used",
                description="The reason of driftd_events_rejected_total says why. What is rejected is not watched.",
                pending="15m",
            ),
            Alert(
                "DriftdCheckpointStale",
                "time() - max without (instance, pod) (driftd_checkpoint_last_success_timestamp_seconds)"
                f" > {stale_seconds}\nor\n"
                "sum without (instance, pod) (increase(driftd_checkpoint_failures_total[15m])) > 3",
                Severity.WARNING,
                summary="driftd of {{ $labels.job }} cannot save its state",
                description="Nothing is lost yet: it goes on, but what it finds now is told late, and a restart would"
                " read again from the newest checkpoint. Mostly the disk is full or cannot be written.",
                pending="5m",
            ),
            Alert(
                "DriftdGap",
                "sum without (instance, pod, partition) (\n"
                "  increase(driftd_gap_records_total[1h]) > 0\n"
                "  or (driftd_gap_records_total > 0 unless driftd_gap_records_total offset 1h)\n"
                ")",
                Severity.WARNING,
                summary="About {{ $value | humanize }} events of {{ $labels.topic }} were gone before driftd read them",
                description="Retention overtook driftd's position, or records were deleted. Their windows were judged"
                " without them.",
            ),
            Alert(
                "DriftdSeriesShed",
                "max without (instance, pod) (driftd_series_shed) > 0",
                Severity.WARNING,
                summary="driftd of {{ $labels.job }} leaves {{ $value | humanize }} series out",
                description="There are more series than limits.series allows, so figures of columns are missing from"
                " dashboards and from the alerts on columns. Pages do not depend on them.",
                pending="15m",
            ),
        ),
    )


def traffic_rules(job: str, expect_every_ms: Mapping[str, int], delay_ms: int) -> Group:
    """Return an alert for each model of which events are to come so often.

    ``delay_ms`` is what an event takes at most from its time to the gauge, in a daemon that keeps up.
    """
    return Group(
        "driftd-traffic",
        tuple(_traffic_absent(job, model, every_ms, delay_ms) for model, every_ms in sorted(expect_every_ms.items())),
    )


def _traffic_absent(job: str, model: str, every_ms: int, delay_ms: int) -> Alert:
    series = f'driftd_monitor_last_event_timestamp_seconds{{job="{_quoted(job)}",model="{_quoted(model)}"}}'
    return Alert(
        "DriftdTrafficAbsent",
        f"time() - max without (instance, pod, version, segment) ({series}) > {(every_ms + delay_ms) / 1000:g}\n"
        f"or\nabsent({series})",
        Severity.WARNING,
        summary="No events of {{ $labels.model }}",
        description=f"They are expected every {format_duration(every_ms)}, and none came in any version or segment: its"
        " callers, its logging or the topic are broken, if driftd itself is well.",
        pending="5m",
    )


def _quoted(text: str) -> str:
    """Return a text as it stands between the quotes of PromQL."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
