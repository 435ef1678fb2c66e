"""The topic is deleted, recreated, truncated by retention, or given more partitions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from daemon_process import DaemonProcess, value, values
from end_to_end_traffic import PARTITIONS
from fault_ground import Ground, accounted, caught_up, drained, outcome_of, read, reset_state, same
from fault_row import Fault
from fault_traffic import last_records, records
from probes import Probes, not_ready, seconds_until

from kafka_cluster import Record

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

ALL = len(records())
RECREATED = {"fewer": ALL // 2, "as many": ALL, "more": ALL + 400}
ADDED = 202
FOUND_SECONDS = 10.0
STOPPING = {"state": {"checkpoint_interval": "200ms", "on_gap": "stop"}}


@contextmanager
def read_to_the_end(ground: Ground, folder: Path) -> Iterator[tuple[DaemonProcess, str]]:
    """Yield a daemon that has read and saved the whole traffic of a topic."""
    topic = ground.topic_with(records())
    with ground.daemon_on(folder, topic) as process:
        process.wait_until(lambda: process.ready() and caught_up(process), "all is read")
        yield process, topic


@pytest.mark.parametrize("count", RECREATED)
@pytest.mark.parametrize("meanwhile", ["running", "down"])
def test_a_recreated_topic_is_refused_until_the_state_is_reset(
    meanwhile: str, count: str, ground: Ground, tmp_path: Path, fault: Fault
) -> None:
    """However many records it holds: live, not ready with the remedy; after a reset it is read from its start."""
    contents = [*records(), *records()[:400]][: RECREATED[count]]
    with read_to_the_end(ground, tmp_path) as (process, topic):
        if meanwhile == "down":
            assert process.stop() == 0
        ground.recreate(topic)
        ground.produce(topic, contents)
        if meanwhile == "down":
            process.start()
        refused = seconds_until(process, not_ready(process, topic, "driftd state reset"), "it refuses the topic")
        with Probes(process) as probes:
            process.lives_for(2)
            process.scrape()
            reset_state(process)
            recovery = seconds_until(process, lambda: process.ready() and drained(process), "it reads the new topic")
        assert probes.live
        assert process.stop() == 0
    outcome = outcome_of(process, topic)
    same(ground.undisturbed.windows, outcome.windows)  # the same once more: told apart from news by their ids
    same(ground.undisturbed.events, outcome.events)
    fault.tell(
        f"topic recreated with {count} records, the daemon {meanwhile}",
        f"refused after {refused:.1f} s with the remedy; after `driftd state reset` read from its start",
        probes=probes,
        recovery_seconds=recovery,
        aftermath="a new topic: nothing to lose; known ids again",
    )


def test_a_deleted_topic_is_waited_for(ground: Ground, tmp_path: Path, fault: Fault) -> None:
    """Live and not ready, with the topic named; what had been told stays told."""
    with read_to_the_end(ground, tmp_path) as (process, topic):
        ground.cluster.delete_topic(topic)
        with Probes(process) as probes:
            took = seconds_until(process, not_ready(process), "it says so")
            process.lives_for(3)
            process.scrape()
        assert probes.live
        assert process.stop() == 0
    outcome = outcome_of(process, topic)
    same(ground.undisturbed.windows, outcome.windows)
    same(ground.undisturbed.events, outcome.events)
    fault.tell(
        "topic deleted while running",
        f"not ready after {took:.1f} s; ends with exit code 0 when told to",
        probes=probes,
        recovery_seconds=None,
        aftermath="0 lost, 0 repeated",
    )


def truncate(ground: Ground, topic: str) -> None:
    """Remove three quarters of each partition's records, the oldest, as retention would."""
    for partition in range(PARTITIONS):
        held = sum(record.partition == partition for record in records())
        ground.cluster.delete_records(topic, partition, held * 3 // 4)


@pytest.mark.parametrize("meanwhile", ["down", "running"])
def test_reading_goes_on_behind_a_gap_and_the_gap_is_counted(
    meanwhile: str, ground: Ground, tmp_path: Path, fault: Fault
) -> None:
    """With state.on_gap continue: every record is read or counted as lost, and the rest adds up."""
    half = ALL // 2
    topic = ground.topic_with(records()[:half])
    with ground.daemon_on(tmp_path, topic) as process:
        process.wait_until(lambda: process.ready() and drained(process), "the first half is read")
        interrupt(process, meanwhile)
        ground.produce(topic, records()[half:])
        truncate(ground, topic)
        resume(process, meanwhile)
        recovery = seconds_until(process, lambda: process.ready() and caught_up(process), "it reads on")
        scrape = process.scrape()
        gap = sum(values(scrape, "driftd_gap_records_total").values())
        assert accounted(scrape)
        incomplete = sum(values(scrape, "driftd_windows_incomplete_total").values())
        assert process.stop() == 0
    ledgers = outcome_of(process, topic).memory["sources"]["ledgers"]
    assert gap > 0
    assert ALL == sum(ledger["read"] for ledger in ledgers) + gap
    fault.tell(
        f"retention overtakes the position while the daemon is {meanwhile}, on_gap: continue",
        f"reads on behind the gap; windows marked incomplete: {incomplete:.0f}",
        probes="live, ready",
        recovery_seconds=recovery,
        aftermath=f"{gap:.0f} records gone with retention, each counted",
    )


@pytest.mark.parametrize("meanwhile", ["down", "running"])
def test_a_gap_stops_the_reading_where_it_is_told_to(
    meanwhile: str, ground: Ground, tmp_path: Path, fault: Fault
) -> None:
    """With state.on_gap stop: live, not ready with the remedy; after a reset it reads what is left."""
    half = ALL // 2
    topic = ground.topic_with(records()[:half])
    with ground.daemon_on(tmp_path, topic, more=STOPPING) as process:
        process.wait_until(lambda: process.ready() and drained(process), "the first half is read")
        interrupt(process, meanwhile)
        ground.produce(topic, records()[half:])
        truncate(ground, topic)
        resume(process, meanwhile)
        refused = seconds_until(process, not_ready(process, "on_gap"), "it refuses to go on")
        with Probes(process) as probes:
            process.lives_for(2)
            reset_state(process)
            recovery = seconds_until(process, lambda: process.ready() and caught_up(process), "it reads on")
        assert probes.live
        assert process.stop() == 0
    fault.tell(
        f"retention overtakes the position while the daemon is {meanwhile}, on_gap: stop",
        f"stops after {refused:.1f} s with the remedy; after `driftd state reset` reads what is left",
        probes=probes,
        recovery_seconds=recovery,
        aftermath="what retention took, said beforehand",
    )


def interrupt(process: DaemonProcess, meanwhile: str) -> None:
    """Stop a daemon, or freeze it where it is to be running."""
    if meanwhile == "down":
        assert process.stop() == 0
    else:
        process.freeze()


def resume(process: DaemonProcess, meanwhile: str) -> None:
    """Let a daemon go on."""
    if meanwhile == "down":
        process.start()
    else:
        process.thaw()


@pytest.mark.parametrize("meanwhile", ["running", "down"])
def test_added_partitions_are_found_and_read_from_their_start(
    meanwhile: str, ground: Ground, tmp_path: Path, fault: Fault
) -> None:
    """Within 10 s, also where kafka.start is latest; what comes too late for closed windows counts as late."""
    # the last record of each partition is pending, and a process counts what it takes over as read
    before = PARTITIONS if meanwhile == "down" else ALL
    with read_to_the_end(ground, tmp_path) as (process, topic):
        if meanwhile == "down":
            assert process.stop() == 0
        ground.cluster.add_partitions(topic, PARTITIONS + 2)
        ground.produce(topic, added_records())
        if meanwhile == "down":
            process.settings["DRIFTD_KAFKA__START"] = "latest"
            process.start()
        took = seconds_until(
            process, lambda: process.ready() and read(process) == before + ADDED, "they are read", FOUND_SECONDS
        )
        scrape = process.scrape()
        assert accounted(scrape)
        closed = value(scrape, "driftd_events_late_total", topic=topic, reason="closed")
        assert process.stop() == 0
    assert closed > 0.9 * ADDED  # all that was sound
    same(ground.undisturbed.windows, outcome_of(process, topic).windows)
    fault.tell(
        f"2 partitions added while {meanwhile}, with events older than what is closed",
        f"found and read from their start after {took:.1f} s; {closed:.0f} events late, reason closed",
        probes="live, ready",
        recovery_seconds=None,
        aftermath="0 lost, 0 repeated",
    )


def added_records() -> list[Record]:
    """Return records for two more partitions: old events, and one that closes the windows before it."""
    old = [replace(record, partition=PARTITIONS + number % 2) for number, record in enumerate(records()[: ADDED - 2])]
    return [*old, *list(last_records(PARTITIONS + 2))[PARTITIONS:]]
