"""Bad input at the command line: the exit code, and a message that names what is wrong and what would be right."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

# the stubs do not re-export these names
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from daemon_process import driftd, write_config

from broker import LocalBroker, free_ports
from kafka_cluster import Cluster

TORN = b'{"driftd_snapshot":1,"release":"0.1.0"}\n["sources",{"led'
REFUSED = (AclOperation.ALL, AclPermissionType.DENY)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with some files to be wrong about."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("amount,country\n" + "".join(f"{n},DE\n" for n in range(400)))
    (tmp_path / "header.csv").write_text("amount,country\n")
    for name in ("empty.csv", "empty.jsonl", "empty.yaml"):
        (tmp_path / name).write_bytes(b"")
    source = {"group_id": "g", "topics": ["t"]}
    write_config(tmp_path / "unit.yaml", {"kafka": source, "windows": {"duration": "60"}})
    write_config(tmp_path / "number.yaml", {"kafka": source, "windows": {"lateness": 30}, "limits": {"models": "10s"}})
    write_config(tmp_path / "key.yaml", {"kafka": source, "window": {"duration": "60s"}})
    (tmp_path / "broken.yaml").write_text("kafka:\n  topics: [t\n")
    (tmp_path / "list.yaml").write_text("- kafka\n")
    return tmp_path


DURATION = "must be a duration such as 500ms, 60s, 5m, 1h or 30d"
NEEDED = "driftd run needs group_id and topics here, and bootstrap_servers where the broker is not local"
NOT_YAML = "expected ',' or ']', but got '<stream end>' (line 3, column 1)"
NOT_THERE = "cannot be read: No such file or directory"

CASES = {
    # a file that is not there
    "run --config nowhere.yaml": (2, f"--config: 'nowhere.yaml' is not valid: {NOT_THERE}"),
    "check-config --config nowhere.yaml": (2, f"--config: 'nowhere.yaml' is not valid: {NOT_THERE}"),
    "profile nowhere.csv -o p.json": (1, "nowhere.csv: there is no such file"),
    "profile rows.csv -o no/p.json": (1, "no/p.json: cannot be written: there is no directory no"),
    "replay nowhere.csv --reference 0:10": (1, "nowhere.csv: there is no such file"),
    "replay rows.csv --reference nowhere.json": (1, f"nowhere.json: {NOT_THERE}"),
    # a file without anything in it
    "run --config empty.yaml": (
        2,
        f"kafka: no value is not valid: {NEEDED}",
    ),
    "profile empty.csv -o p.json": (1, "empty.csv: is empty: there is no header"),
    "profile header.csv -o p.json": (1, "header.csv: has a header but no rows"),
    "profile empty.jsonl -o p.json": (1, "empty.jsonl: is empty: there are no events"),
    "replay empty.csv --reference 0:10": (1, "empty.csv: is empty: there is no header"),
    # a column that is not there
    "profile rows.csv --prediction score -o p.json": (
        1,
        "rows.csv: there is no column 'score': there are 'amount', 'country'",
    ),
    "profile rows.csv --ignore contry -o p.json": (1, "rows.csv: there is no column 'contry': did you mean 'country'?"),
    "replay rows.csv --reference 0:200 --timestamp time": (
        1,
        "rows.csv: there is no column 'time': there are 'amount', 'country'",
    ),
    # a unit that is not one
    "run --config unit.yaml": (2, f"windows.duration: '60' is not valid: {DURATION}"),
    "run --config number.yaml": (
        2,
        f"windows.lateness: 30 is not valid: {DURATION}\nlimits.models: '10s' is not valid: must be a whole number",
    ),
    "replay rows.csv --reference 0:200 --window 5parsecs": (
        2,
        f"windows.duration: '5parsecs' is not valid: {DURATION}",
    ),
    "profile rows.csv --timestamp amount --window 60 -o p.json": (2, f"--window: '60' is not valid: {DURATION}"),
    # YAML that is none, or not a configuration
    "run --config broken.yaml": (
        2,
        f"--config: 'broken.yaml' is not valid: must be YAML: {NOT_YAML}",
    ),
    "check-config --config list.yaml": (
        2,
        "--config: 'list.yaml' is not valid: must hold a mapping of sections such as kafka, windows and incidents",
    ),
    "run --config key.yaml": (
        2,
        "window: {'duration': '60s'} is not valid: there is no such key; did you mean windows?",
    ),
}


@pytest.mark.parametrize("command", CASES)
@pytest.mark.usefixtures("folder")
def test_what_is_wrong_is_named(command: str) -> None:
    """On stderr, a line for each thing that is wrong, without a traceback; nothing on stdout."""
    code, message = CASES[command]
    done = driftd(*shlex.split(command))
    expected = "".join(f"driftd: error: {line}\n" for line in message.splitlines())
    assert (code, "", expected) == (done.returncode, done.stdout, done.stderr)


def test_a_wrong_variable_is_named() -> None:
    """What is set by the environment is not to be looked for in the file."""
    done = driftd("check-config", env={"DRIFTD_WINDOWS__DURATION": "60 minutes"})
    place = "(set by DRIFTD_WINDOWS__DURATION)"
    expected = f"driftd: error: windows.duration: '60 minutes' is not valid: {DURATION} {place}\n"
    assert (2, expected) == (done.returncode, done.stderr)


def test_a_torn_snapshot_is_refused(folder: Path) -> None:
    """The message names the file and both ways out; nothing is overwritten."""
    snapshot = folder / "state" / "snapshot.jsonl"
    snapshot.parent.mkdir()
    snapshot.write_bytes(TORN)
    config = kafka_config(folder, "127.0.0.1:1", "t")
    done = driftd("state", "inspect", "--config", config)
    assert (1, "") == (done.returncode, done.stdout)
    remedy = "restore an older copy, or start afresh with `driftd state reset`"
    expected = f"driftd: error: {snapshot}: is torn: its checksum does not match its content; {remedy}"
    assert [expected] == errors(done.stderr)
    assert snapshot.read_bytes() == TORN


COMMANDS_WITH_A_BROKER = ["run", "replay --reference p.json --topic", "profile --model m -o p2.json --topic"]


@pytest.mark.parametrize("command", COMMANDS_WITH_A_BROKER)
def test_a_broker_that_does_not_answer_is_named(command: str, folder: Path) -> None:
    """After kafka.connect_timeout."""
    (port,) = free_ports(1)
    done = with_broker(command, folder, f"127.0.0.1:{port}", "t")
    assert (1, "") == done[:2]
    assert done[2] == [f"driftd: error: kafka.bootstrap_servers: no broker at 127.0.0.1:{port} answered within 2 s"]


@pytest.mark.kafka
@pytest.mark.parametrize("command", COMMANDS_WITH_A_BROKER)
def test_a_topic_that_does_not_exist_is_named(command: str, folder: Path, kafka_bootstrap: str) -> None:
    """Topics are never created by driftd."""
    done = with_broker(command, folder, kafka_bootstrap, "no-such-topic")
    expected = ["driftd: error: kafka.topics: topic 'no-such-topic' does not exist on the broker"]
    assert (1, "", expected) == done


@pytest.mark.kafka
@pytest.mark.timeout(180)
def test_a_topic_without_authorisation_is_named(folder: Path, start_broker: Callable[..., LocalBroker]) -> None:
    """The message says which rights are missing, whatever the command."""
    broker = start_broker(
        {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true",
        }
    )
    topic = Cluster(broker.bootstrap_servers).create_topic(name="secret")
    refused = AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:*", "*", *REFUSED)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.create_acls([refused])[refused].result(timeout=30)
    expected = ["driftd: error: not authorised for topic 'secret': grant the client Read and Describe on it"]
    for command in COMMANDS_WITH_A_BROKER:
        assert (1, "", expected) == with_broker(command, folder, broker.bootstrap_servers, topic)


def with_broker(command: str, folder: Path, bootstrap: str, topic: str) -> tuple[int, str, list[str]]:
    """Run a command that needs a broker; return its exit code, stdout, and the errors on stderr."""
    config = kafka_config(folder, bootstrap, topic)
    built = driftd("profile", "rows.csv", "--model", "m", "-o", "p.json")
    assert built.returncode == 0, built.stderr
    words = command.split()
    done = driftd(*words, *([topic] if words[-1] == "--topic" else []), "--config", config)
    return done.returncode, done.stdout, errors(done.stderr)


def kafka_config(folder: Path, bootstrap: str, topic: str) -> Path:
    """Write a configuration that is right in itself."""
    return write_config(
        folder / "driftd.yaml",
        {
            "kafka": {"bootstrap_servers": bootstrap, "group_id": "g", "topics": [topic], "connect_timeout": "2s"},
            "state": {"directory": str(folder / "state")},
            "http": {"listen": "127.0.0.1:0"},
        },
    )


def errors(stderr: str) -> list[str]:
    """Return the lines that are for the person at the terminal: all but the log."""
    lines = stderr.splitlines()
    log = [line for line in lines if line.startswith("{")]
    assert all(json.loads(line)["event"] for line in log)
    return [line for line in lines if line not in log]
