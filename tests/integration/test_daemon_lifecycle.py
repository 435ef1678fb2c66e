"""The daemon as a process among others: signals, a second instance, a broker that is gone."""

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from daemon_process import daemon, driftd, value, values, write_config
from small_world import EVENTS_PER_WINDOW, PARTITIONS, SmallWorld, small_world

from broker import LocalBroker, free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

WINDOWS = 100
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)


@pytest.fixture(scope="module")
def world(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> SmallWorld:
    """A topic with more events than a daemon reads between two checks of its signals."""
    return small_world(tmp_path_factory.mktemp("lifecycle"), kafka_bootstrap, WINDOWS)


@SIGNALS
def test_a_signal_drains_and_loses_nothing(number: signal.Signals, world: SmallWorld, tmp_path: Path) -> None:
    """In the midst of reading: exit code 0 within 10 s, and the next start goes on where this one stopped."""
    with daemon(tmp_path, world.config, DRIFTD_KAFKA__GROUP_ID=f"{world.topic}-{number.name}") as process:
        process.wait_until(lambda: process.logged("started") is not None, "it reads")
        assert process.stop(number) == 0
        assert process.logged("stopped") is not None
        assert process.snapshot.exists()
        process.start()
        process.wait_until_all_is_told(PARTITIONS)
        restored = process.logged("started")
        assert restored is not None
        assert restored["restored"] is True
        assert process.stop(number) == 0
        process.start()  # nothing is left to be told
        process.wait_until_all_is_told(PARTITIONS)
        assert value(process.scrape(), "driftd_events_read_total", topic=world.topic) == 0
        process.stop(number)


def test_a_second_instance_with_the_same_state_is_refused(world: SmallWorld, tmp_path: Path) -> None:
    """The message names the process that holds the directory; the first one is not disturbed."""
    with daemon(tmp_path / "first", world.config) as first:
        first.wait_until(first.ready, "it is ready")
        state = tmp_path / "first" / "state"
        with daemon(tmp_path / "second", world.config, DRIFTD_STATE__DIRECTORY=str(state)) as second:
            assert not second.lives_for(30)
            assert second.exit_code == 1
            assert second.lines()[-1]["event"] == (
                f"driftd: error: {state}: is in use by process {first.pid}; "
                "stop that driftd, or give this one a state.directory of its own"
            )
        assert first.stop() == 0


def test_a_second_instance_of_the_same_group_is_refused(world: SmallWorld, tmp_path: Path) -> None:
    """The message names the other instance; once that has stopped, a successor without its state may start."""
    group = f"{world.topic}-contended"
    own_group = {"DRIFTD_KAFKA__GROUP_ID": group}
    with daemon(tmp_path / "first", world.config, **own_group) as first:
        first.wait_until(lambda: committed(world, group), "it has committed")
        started = first.logged("started")
        assert started is not None
        with daemon(tmp_path / "second", world.config, **own_group) as second:
            assert not second.lives_for(30)
            assert second.exit_code == 1
            message = (
                f"driftd: error: group '{group}' is in use by instance '{started['instance']}', which committed "
                r"\d+ s ago: stop that instance, or give this one a kafka.group_id of its own"
            )
            assert re.fullmatch(message, second.lines()[-1]["event"])
        assert first.stop() == 0
    with daemon(tmp_path / "successor", world.config, **own_group) as successor:
        successor.wait_until(successor.ready, "it is ready")
        assert successor.stop() == 0


def committed(world: SmallWorld, group: str) -> bool:
    """Whether a group has committed offsets."""
    consumer = Consumer({"bootstrap.servers": world.bootstrap_servers, "group.id": group})
    try:
        (first, *_) = consumer.committed([TopicPartition(world.topic, 0)], timeout=10)
        return bool(first.offset >= 0)
    finally:
        consumer.close()


@SIGNALS
def test_a_signal_ends_the_wait_for_a_broker(number: signal.Signals, world: SmallWorld, tmp_path: Path) -> None:
    """A daemon that has not found its broker yet drains as well: exit code 0 within 10 s."""
    (port,) = free_ports(1)
    nowhere = {"DRIFTD_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{port}", "DRIFTD_KAFKA__CONNECT_TIMEOUT": "60s"}
    with daemon(tmp_path, world.config, **nowhere) as process:
        process.wait_until(
            lambda: process.get("/-/ready") == (503, "not ready: connecting to kafka\n"), "it looks for its broker"
        )
        assert process.get("/-/healthy") == (200, "healthy\n")
        assert process.stop(number) == 0


def test_a_signal_drains_while_the_broker_is_silent(start_broker: Callable[..., LocalBroker], tmp_path: Path) -> None:
    """A frozen broker answers no commit: the snapshot is written all the same, and the exit is clean."""
    broker = start_broker()
    world = small_world(tmp_path, broker.bootstrap_servers, 20)
    with daemon(tmp_path / "daemon", world.config) as process:
        process.wait_until_all_is_told(PARTITIONS)
        broker.freeze()
        try:
            assert process.stop() == 0
        finally:
            broker.thaw()
        process.start()
        process.wait_until_all_is_told(PARTITIONS)
        assert value(process.scrape(), "driftd_events_read_total", topic=world.topic) == 0


def test_a_torn_snapshot_is_told_until_the_state_is_reset(world: SmallWorld, tmp_path: Path) -> None:
    """The daemon stays live and can be scraped; then it starts afresh by itself, from kafka.start on."""
    own_group = {"DRIFTD_KAFKA__GROUP_ID": f"{world.topic}-torn"}
    snapshot = tmp_path / "state" / "snapshot.jsonl"
    snapshot.parent.mkdir()
    snapshot.write_bytes(b'{"driftd_snapshot":2,"release":"0.1.0"}\n["sources",{"led')
    with daemon(tmp_path, world.config, **own_group) as process:
        process.wait_until(lambda: "is torn" in process.get("/-/ready")[1], "it says what is wrong")
        assert process.get("/-/ready")[0] == 503
        assert process.get("/-/healthy") == (200, "healthy\n")
        assert value(process.scrape(), "driftd_ready") == 0
        refused = process.logged("cannot go on")
        assert refused is not None
        assert str(snapshot) in refused["reason"]
        where = {"DRIFTD_STATE__DIRECTORY": str(snapshot.parent)}
        reset = driftd("state", "reset", "--yes", "--config", world.config, env=where)
        assert reset.returncode == 0, reset.stderr
        process.wait_until_all_is_told(PARTITIONS)
        assert value(process.scrape(), "driftd_events_read_total", topic=world.topic) == WINDOWS * EVENTS_PER_WINDOW
        assert process.stop() == 0


def test_a_reload_goes_on_where_the_daemon_was(world: SmallWorld, tmp_path: Path) -> None:
    """No event is counted twice or lost, counters go on, and a wrong file changes nothing but a gauge."""
    config = tmp_path / "driftd.yaml"
    document = json.loads(world.config.read_text())
    document["kafka"]["group_id"] = f"{world.topic}-reload"
    write_config(config, document)
    with daemon(tmp_path, config) as process:
        process.wait_until(lambda: process.logged("started") is not None, "it reads")
        write_config(config, document | {"windows": {"duration": "wrong"}})
        os.kill(process.pid, signal.SIGHUP)
        process.wait_until(
            lambda: value(process.scrape(), "driftd_config_last_reload_successful") == 0, "the wrong file is refused"
        )
        write_config(config, document | {"metrics": {"columns": "none"}})
        os.kill(process.pid, signal.SIGHUP)
        process.wait_until(
            lambda: value(process.scrape(), "driftd_config_last_reload_successful") == 1, "the right file is loaded"
        )
        process.wait_until_all_is_told(PARTITIONS)
        assert value(process.scrape(), "driftd_events_read_total", topic=world.topic) == WINDOWS * EVENTS_PER_WINDOW
        assert not values(process.scrape(), "driftd_column_state")
        assert process.stop() == 0
