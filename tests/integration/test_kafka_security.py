"""TLS, SCRAM and client certificates against a real broker; what may be seen of the secrets."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from daemon_process import DaemonProcess, daemon, driftd, values, write_config
from small_world import PARTITIONS, small_world

from driftd.errors import BrokerUnreachable, SourceError
from driftd.values.keys import SourcePartition
from kafka_cluster import Cluster
from kafka_jars import BrokerUnavailable
from kafka_reading import SECONDS, Open, capturing_log, numbered, opener, read_all, values_of
from secure_broker import PASSWORD, SecureBroker, secure_broker
from waiting import wait_for

pytestmark = pytest.mark.kafka

WRONG = "guess-88c2"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    """A broker that asks who is there."""
    try:
        with secure_broker(tmp_path_factory.mktemp("keys")) as secured:
            yield secured
    except BrokerUnavailable as reason:
        if os.environ.get("CI"):
            pytest.fail(f"no broker with TLS: {reason}")
        pytest.skip(f"no broker with TLS: {reason}")


@pytest.fixture(scope="module")
def topic(secured: SecureBroker) -> str:
    """A topic with three records."""
    cluster = Cluster(secured.broker.bootstrap_servers)
    name = cluster.create_topic()
    cluster.produce(name, numbered(3))
    return name


@pytest.fixture
def open_scram(secured: SecureBroker) -> Iterator[Open]:
    """Start sources at the listener that wants a password."""
    with opener(secured.scram_servers) as open_source:
        yield open_source


def secret_file(folder: Path, secret: str) -> Path:
    """Write a secret as an editor would."""
    path = folder / "password"
    path.write_text(f"{secret}\n")
    return path


def test_a_source_reads_and_commits_with_a_password_from_a_file(
    secured: SecureBroker, open_scram: Open, topic: str, tmp_path: Path
) -> None:
    """Over TLS with SCRAM-SHA-512; topic ids are seen as well."""
    files = {"sasl.password": secret_file(tmp_path, PASSWORD)}
    source = open_scram(topic, client=secured.scram_client(), client_files=files)
    assert values_of(read_all(source)) == {0: [b"0", b"1", b"2"]}

    def identified() -> bool:
        source.poll(0.05)
        return set(source.topic_ids) == {topic}

    wait_for(identified, "the topic's id is known", 30)
    source.check_other_instance(30.0)
    source.commit({SourcePartition(topic, 0): 3})
    source.close()
    plain = Consumer({"bootstrap.servers": secured.broker.bootstrap_servers, "group.id": f"group-{topic}"})
    (entry,) = plain.committed([TopicPartition(topic, 0)], timeout=SECONDS)
    plain.close()
    assert entry.offset == 3


def test_a_source_reads_with_a_client_certificate(secured: SecureBroker, topic: str) -> None:
    """Its key may come from a file of client_files, too."""
    client = secured.certificate_client()
    with opener(secured.certificate_servers) as open_source:
        assert values_of(read_all(open_source(topic, client=client))) == {0: [b"0", b"1", b"2"]}
        del client["ssl.key.location"]
        source = open_source(topic, client=client, client_files={"ssl.key.pem": secured.key})
        assert values_of(read_all(source)) == {0: [b"0", b"1", b"2"]}


def test_a_wrong_password_is_told_at_once(secured: SecureBroker, open_scram: Open, topic: str, tmp_path: Path) -> None:
    """It does not go away by waiting; the error names where to look, and not the password."""
    log, lines = capturing_log()
    files = {"sasl.password": secret_file(tmp_path, WRONG)}
    with pytest.raises(SourceError, match="refuses driftd's credentials") as refused:
        open_scram(topic, client=secured.scram_client(), client_files=files, log=log)
    assert "kafka.client" in str(refused.value)
    assert WRONG not in f"{refused.value} {lines}"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ssl.ca.location": "stranger"}, "certificate verify failed"),
        ({"ssl.certificate.location": "", "ssl.key.location": ""}, "certificate"),
    ],
)
def test_what_keeps_tls_from_working_is_told(
    secured: SecureBroker, topic: str, change: dict[str, str], expected: str
) -> None:
    """A broker signed by a stranger, and a client without the certificate that the broker asks for."""
    client: dict[str, Any] = secured.certificate_client()
    for name, value in change.items():
        client[name] = str(getattr(secured, value)) if value else ""
    client = {name: value for name, value in client.items() if value}
    with opener(secured.certificate_servers) as open_source, pytest.raises(BrokerUnreachable) as refused:
        open_source(topic, client=client, wait_seconds=3.0)
    assert refused.value.tls is not None
    assert expected in refused.value.tls
    assert "ssl.* and security.protocol in kafka.client" in str(refused.value)


def test_the_daemon_reads_over_tls_and_shows_no_secret(secured: SecureBroker, tmp_path: Path) -> None:
    """With a password from a file: everything is read, and nothing that can be seen of the process has it."""
    config = daemon_config(secured, tmp_path, PASSWORD)
    with daemon(tmp_path / "run", config) as process:
        process.wait_until_all_is_told(PARTITIONS)
        assert sum(values(process.scrape(), "driftd_events_read_total").values()) > 0
        assert seen_of(process, config, PASSWORD) == []
        assert process.stop() == 0
    assert PASSWORD not in process.log.read_text()


def test_the_daemon_tells_of_a_wrong_password_without_showing_it(secured: SecureBroker, tmp_path: Path) -> None:
    """One that was started for the first time ends with the reason."""
    config = daemon_config(secured, tmp_path, WRONG)
    with daemon(tmp_path / "run", config) as process:
        assert not process.lives_for(30.0)
        assert process.exit_code == 1
    log = process.log.read_text()
    assert "refuses driftd's credentials" in log
    assert WRONG not in log


def daemon_config(secured: SecureBroker, folder: Path, password: str) -> Path:
    """Return the configuration of a daemon that reads a small world with a password."""
    world = small_world(folder, secured.broker.bootstrap_servers, windows=3)
    document = json.loads(world.config.read_text())
    document["kafka"]["bootstrap_servers"] = secured.scram_servers
    document["kafka"]["client"] = secured.scram_client()
    document["kafka"]["client_files"] = {"sasl.password": str(secret_file(folder, password))}
    return write_config(world.config, document)


def seen_of(process: DaemonProcess, config: Path, secret: str) -> list[str]:
    """Return where a secret can be seen."""
    checked = driftd("check-config", "--config", config)
    assert checked.returncode == 0
    places = {
        "check-config": checked.stdout + checked.stderr,
        "command line": Path(f"/proc/{process.pid}/cmdline").read_text(),
        "environment": Path(f"/proc/{process.pid}/environ").read_text(),
        "log": process.log.read_text(),
        "snapshot": process.snapshot.read_text(),
        **{
            path: process.get(path)[1]
            for path in ("/", "/metrics", "/api/v1/monitors", "/api/v1/incidents", "/-/ready")
        },
    }
    return [place for place, text in places.items() if secret in text]
