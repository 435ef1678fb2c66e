"""Those who are to be told do not listen: receivers and topics that are dead, slow or missing."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from daemon_process import DaemonProcess, values
from fault_ground import Ground, caught_up
from fault_row import Fault
from fault_traffic import records
from probes import Probes, seconds_until
from receivers import receiver

from broker import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

DELIVERED_SECONDS = 90.0
SLOW_SECONDS = 0.5


def expected_ids(ground: Ground) -> list[str]:
    """Return the ids of the drift events, in their order."""
    return [json.loads(line)["id"] for line in ground.undisturbed.events]


def without_repeats(ids: Sequence[str]) -> list[str]:
    """Remove repeated ids; the first of each keeps its place."""
    return list(dict.fromkeys(ids))


def webhook(url: str) -> dict[str, Any]:
    """Return the settings of one receiver."""
    return {"delivery": {"webhooks": {"oncall": {"url": url, "timeout": "2s"}}}}


def waiting(process: DaemonProcess) -> int:
    """Return how many drift events wait for a receiver."""
    return int(sum(values(process.scrape(), "driftd_delivery_waiting").values()))


@pytest.mark.parametrize("trouble", ["dead", "refusing", "slow"])
def test_a_receiver_in_trouble_delays_nothing_and_is_told_everything_in_the_end(
    trouble: str, ground: Ground, tmp_path: Path, fault: Fault
) -> None:
    """Detection goes on as undisturbed; every drift event reaches the receiver, in order."""
    (port,) = free_ports(1)
    settings = webhook(f"http://127.0.0.1:{port}/drift")
    topic = ground.topic_with(records())
    with ground.daemon_on(tmp_path, topic, more=settings) as process:
        process.wait_until(process.ready, "it is ready")
        with Probes(process) as probes:
            recovery, told = delivered_after(trouble, port, process, len(expected_ids(ground)))
        assert probes.live
        aftermath = ground.compare(ground.finish(process, topic))
    assert expected_ids(ground) == without_repeats(told)
    fault.tell(
        f"webhook receiver {trouble}",
        "all is read and judged meanwhile; every drift event arrives, in order",
        probes=probes,
        recovery_seconds=recovery,
        aftermath=f"{aftermath}; {len(told) - len(expected_ids(ground))} posted again",
    )


def delivered_after(trouble: str, port: int, process: DaemonProcess, count: int) -> tuple[float, list[str]]:
    """Let the daemon read everything while the receiver is in trouble, then end that; return seconds and ids."""

    def everything_is_read() -> bool:
        return process.ready() and caught_up(process)

    if trouble == "dead":
        process.wait_until(everything_is_read, "all is read")
        assert waiting(process) == count
        with receiver(port) as oncall:
            took = seconds_until(process, lambda: waiting(process) == 0, "all is delivered", DELIVERED_SECONDS)
        return took, oncall.ids
    pause_seconds = SLOW_SECONDS if trouble == "slow" else 0.0
    with receiver(port, pause_seconds, refusing=trouble == "refusing") as oncall:
        process.wait_until(everything_is_read, "all is read")
        process.wait_until(lambda: trouble == "slow" or oncall.refused > 0, "it is refused")
        oncall.refusing = False
        took = seconds_until(process, lambda: waiting(process) == 0, "all is delivered", DELIVERED_SECONDS)
    return took, oncall.ids


def test_nothing_that_a_dead_receiver_missed_is_lost_with_the_process(
    ground: Ground, tmp_path: Path, fault: Fault
) -> None:
    """Killed while drift events wait: the next process delivers them all, in order."""
    (port,) = free_ports(1)
    topic = ground.topic_with(records())
    with ground.daemon_on(tmp_path, topic, more=webhook(f"http://127.0.0.1:{port}/drift")) as process:
        process.wait_until(lambda: process.ready() and caught_up(process), "all is read")
        process.kill()
        with receiver(port) as oncall:
            process.start()
            recovery = seconds_until(
                process, lambda: process.ready() and waiting(process) == 0 and oncall.ids != [], "all is delivered"
            )
            aftermath = ground.compare(ground.finish(process, topic))
    assert expected_ids(ground) == without_repeats(oncall.ids)
    fault.tell(
        "kill -9 while drift events wait for a dead receiver",
        "the next process delivers them all, in order",
        probes="gone; live and ready after",
        recovery_seconds=recovery,
        aftermath=aftermath,
    )


@pytest.mark.parametrize("trouble", ["there", "missing at first"])
def test_drift_events_reach_their_topic_in_order(trouble: str, ground: Ground, tmp_path: Path, fault: Fault) -> None:
    """Also where the topic is created only after they were found."""
    topic = ground.topic_with(records())
    drift = f"{topic}-drift"
    if trouble == "there":
        ground.cluster.create_topic(1, name=drift)
    with ground.daemon_on(tmp_path, topic, more={"delivery": {"topic": drift}}) as process:
        process.wait_until(process.ready, "it is ready")
        with Probes(process) as probes:
            process.wait_until(lambda: process.ready() and caught_up(process), "all is read")
            if trouble != "there":
                assert waiting(process) == len(expected_ids(ground))
                ground.cluster.create_topic(1, name=drift)
            recovery = seconds_until(process, lambda: waiting(process) == 0, "all is delivered", DELIVERED_SECONDS)
        assert probes.live
        aftermath = ground.compare(ground.finish(process, topic))
    told = [json.loads(record)["id"] for record in contents_of(ground, drift)]
    assert expected_ids(ground) == without_repeats(told)
    fault.tell(
        f"topic of the drift events {trouble}",
        "all is read and judged meanwhile; every drift event arrives, in order",
        probes=probes,
        recovery_seconds=recovery,
        aftermath=f"{aftermath}; {len(told) - len(expected_ids(ground))} written again",
    )


def test_every_rejected_record_reaches_the_dead_letter_topic(ground: Ground, tmp_path: Path, fault: Fault) -> None:
    """At least once, also when the process is killed on the way."""
    topic = ground.topic()
    letters = ground.cluster.create_topic(1, {"max.message.bytes": "16777216"}, name=f"{topic}-rejected")
    more = {"delivery": {"dead_letter_topic": letters}}
    with ground.daemon_on(tmp_path, topic, more=more) as process, ground.stream(topic, 4) as stream:
        process.wait_until(lambda: letters_written(process) > 0, "some are there")
        process.kill()
        process.start()
        recovery = seconds_until(process, process.ready, "it is ready again")
        stream.finish()
        aftermath = ground.compare(ground.finish(process, topic))
    written = contents_of(ground, letters)
    expected = ground.undisturbed_rejections.total()
    assert len(written) >= expected
    fault.tell(
        "kill -9 while rejected records are on their way to the dead-letter topic",
        f"all {expected} arrive",
        probes="gone; live and ready after",
        recovery_seconds=recovery,
        aftermath=f"{aftermath}; {len(written) - expected} rejected records written again",
    )


def letters_written(process: DaemonProcess) -> float:
    """Return how many rejected records are in their topic."""
    return sum(values(process.scrape(), "driftd_dead_letters_total").values())


def contents_of(ground: Ground, topic: str) -> list[bytes]:
    """Read a topic of one partition from its start to its end."""
    consumer = Consumer({"bootstrap.servers": ground.broker.bootstrap_servers, "group.id": "reader"})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        consumer.assign([TopicPartition(topic, 0, 0)])
        deadline = time.monotonic() + 30
        found: list[bytes] = []
        while end > 0:
            assert time.monotonic() < deadline, f"{len(found)} of {end} records read"
            for message in consumer.consume(500, 0.2):
                assert message.error() is None
                found.append(message.value() or b"")
                if message.offset() == end - 1:
                    return found
        return found
    finally:
        consumer.close()
