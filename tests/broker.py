"""A real Kafka broker on the loopback interface, run from plain jars on a local JVM.

``python tests/broker.py`` starts one, prints its bootstrap servers and waits for Ctrl-C. In code::

    with local_broker() as broker:
        use(broker.bootstrap_servers)
        broker.kill()
        broker.restart()
"""

import argparse
import base64
import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from kafka_jars import BrokerUnavailable, kafka_jars, require_program

START_SECONDS = 60.0
_JVM = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
BROKER_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # after kill and restart the broker waits for its own old session to end
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.min.session.timeout.ms": "6000",
    "group.consumer.heartbeat.interval.ms": "500",
    "group.consumer.min.heartbeat.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": "4194304",
    # tests write records of any age and size, and none must expire while they look
    "log.retention.ms": "-1",
    "message.max.bytes": "20971520",
}


class LocalBroker:
    """One broker process with its data folder. Made by ``local_broker``; every signal goes to its own pid."""

    def __init__(
        self,
        folder: Path,
        properties: Mapping[str, str],
        listeners: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._listeners = listeners or {}
        self._java = require_program("java")
        self._classpath = f"{kafka_jars()}/*"
        self._process: subprocess.Popen[bytes] | None = None
        port, controller_port = free_ports(2)
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self._write_properties(port, controller_port, properties)
        self._format(format_options)

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        return self._running().pid

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def data(self) -> Path:
        """The folder of its logs: one folder a partition, named TOPIC-PARTITION."""
        return self._folder / "data"

    @property
    def log(self) -> str:
        """What the broker has printed so far."""
        return (self._folder / "broker.log").read_text(errors="replace")

    def start(self) -> None:
        """Start the process and wait until it answers; RuntimeError after START_SECONDS."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._java, *_JVM, "-cp", self._classpath, "kafka.Kafka", str(self._folder / "server.properties")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
            )
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Return as soon as the broker answers a metadata request."""
        deadline = time.monotonic() + seconds
        admin = AdminClient(
            {"bootstrap.servers": self.bootstrap_servers, "log_level": 0, "reconnect.backoff.max.ms": 200}
        )
        while time.monotonic() < deadline:
            if self._running().poll() is not None:
                raise RuntimeError(f"the broker ended with {self._running().returncode}: {self.log[-2000:]}")
            with contextlib.suppress(KafkaException):
                if admin.list_topics(timeout=1.0).brokers:
                    return
        raise RuntimeError(f"the broker did not answer within {seconds:g} s: {self.log[-2000:]}")

    def kill(self) -> None:
        """End the broker at once (SIGKILL); its data stay."""
        process = self._running()
        process.kill()
        process.wait(timeout=30)

    def stop(self) -> None:
        """Tell the broker to shut down (SIGTERM), and wait until it has; its data stay."""
        process = self._running()
        process.terminate()
        process.wait(timeout=60)

    def restart(self) -> None:
        """Start a stopped or killed broker again on the same port and data, and wait until it answers."""
        self.start()

    def freeze(self) -> None:
        """Stop the process from running (SIGSTOP): its connections stay open and silent."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process run on (SIGCONT)."""
        self._running().send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process if it runs; nothing else is touched."""
        if self.running:
            self.kill()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the broker was not started")
        return self._process

    def _write_properties(self, port: int, controller_port: int, properties: Mapping[str, str]) -> None:
        others = [f"{name}://{address}" for name, address in self._listeners.items()]
        served = ",".join([f"PLAINTEXT://127.0.0.1:{port}", *others])
        addresses = {
            "listeners": f"{served},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": served,
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
            "log.dirs": str(self.data),
        }
        lines = (f"{key}={value}\n" for key, value in {**BROKER_PROPERTIES, **addresses, **properties}.items())
        (self._folder / "server.properties").write_text("".join(lines))

    def _format(self, options: Sequence[str]) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22]
        command = [self._java, *_JVM, "-cp", self._classpath, "kafka.tools.StorageTool", "format"]
        command += [f"--cluster-id={cluster_id}", "-c", str(self._folder / "server.properties"), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the broker's storage could not be formatted: {done.stdout}{done.stderr}")


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]


@contextlib.contextmanager
def local_broker(
    properties: Mapping[str, str] | None = None,
    listeners: Mapping[str, str] | None = None,
    format_options: Sequence[str] = (),
) -> Iterator[LocalBroker]:
    """Run a broker with an empty data folder of its own; ``properties`` win over the defaults.

    ``listeners`` are further ones, addresses by name; ``format_options`` are those of Kafka's storage tool.
    Raises BrokerUnavailable where Java, or on first use Maven, is missing.
    """
    folder = Path(tempfile.mkdtemp(prefix="driftd-broker-"))
    try:
        broker = LocalBroker(folder, properties or {}, listeners, format_options)
        try:
            broker.start()
            yield broker
        finally:
            broker.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _main() -> int:
    parser = argparse.ArgumentParser(description="Run a Kafka broker on the loopback interface until Ctrl-C.")
    parser.add_argument(
        "--property", action="append", default=[], metavar="KEY=VALUE", help="of the broker; repeatable"
    )
    properties = dict(entry.split("=", 1) for entry in parser.parse_args().property)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with local_broker(properties) as broker, contextlib.suppress(KeyboardInterrupt):
            print(broker.bootstrap_servers, flush=True)  # noqa: T201  this line is the program's result
            signal.pause()
    except BrokerUnavailable as reason:
        print(reason, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
