"""What fault tests stand on: a broker that may be ill-treated, topics with the traffic, the undisturbed outcome."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

from daemon_process import DaemonProcess, Scrape, daemon, driftd, values, write_config
from end_to_end_traffic import DURATION_MS, EVENT_BYTES, LATENESS_MS, MAX_SKEW_MS, MIN_OBSERVATIONS, PARTITIONS
from fault_row import Aftermath
from fault_traffic import records, train
from stream import Stream

from broker import LocalBroker
from kafka_cluster import Cluster, Record

CAUGHT_UP_SECONDS = 120.0
TOPIC_CONFIG = {"max.message.bytes": "16777216"}
_STAGES = ("sources", "references", "shard/", "monitor/", "paging")
Settings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a daemon told and remembers, with its topic's name replaced by one for all."""

    events: tuple[bytes, ...]  # repeats removed
    windows: tuple[bytes, ...]
    memory: Mapping[str, Any]  # the snapshot's records, without open windows and what waits to be told
    repeated: int


class Ground:
    """A broker, the references, and topics with one and the same traffic."""

    def __init__(self, broker: LocalBroker, folder: Path) -> None:
        self.broker = broker
        self._folder = folder
        self._topics = 0

    @property
    def cluster(self) -> Cluster:
        """The broker, with what tests do to it."""
        return Cluster(self.broker.bootstrap_servers)

    @cached_property
    def references(self) -> Path:
        """The directory of the profiles."""
        return train(self._folder)

    @cached_property
    def undisturbed(self) -> Outcome:
        """What comes of the traffic where nothing happens."""
        topic = self.topic_with(records())
        folder = self._folder / "undisturbed"
        with daemon(folder, self.config(folder, topic)) as process:
            outcome = self.finish(process, topic)
        assert outcome.events, "the traffic drifts"
        assert outcome.repeated == 0
        return outcome

    @property
    def undisturbed_rejections(self) -> Counter[str]:
        """How many of the traffic's records are rejected, by reason."""
        total: Counter[str] = Counter()
        for ledger in self.undisturbed.memory["sources"]["ledgers"]:
            total.update(ledger["rejected"])
        return total

    def topic(self) -> str:
        """Create an empty topic."""
        self._topics += 1
        return self.cluster.create_topic(PARTITIONS, TOPIC_CONFIG, name=f"faults-{self._topics:04}")

    def topic_with(self, contents: Sequence[Record]) -> str:
        """Create a topic that holds records."""
        topic = self.topic()
        self.produce(topic, contents)
        return topic

    def produce(self, topic: str, contents: Sequence[Record]) -> None:
        """Write records in their order."""
        self.cluster.produce(topic, contents, {"enable.idempotence": "true", "message.max.bytes": 16_777_216})

    def stream(self, topic: str, seconds: float, contents: Sequence[Record] = ()) -> Stream:
        """Return what writes the traffic to a topic at an even pace, once entered."""
        return Stream(self.broker.bootstrap_servers, topic, contents or records(), seconds)

    def config(self, folder: Path, topic: str, more: Settings | None = None, name: str = "driftd.yaml") -> Path:
        """Write a configuration; the time-outs of windows are the defaults."""
        folder.mkdir(parents=True, exist_ok=True)
        document: dict[str, dict[str, Any]] = {
            "kafka": {
                "bootstrap_servers": self.broker.bootstrap_servers,
                "group_id": topic,
                "topics": [topic],
                "start": "earliest",
                "discovery_interval": "500ms",
            },
            "references": {"directory": str(self.references)},
            "windows": {
                "duration": f"{DURATION_MS}ms",
                "lateness": f"{LATENESS_MS}ms",
                "max_skew": f"{MAX_SKEW_MS}ms",
                "min_observations": MIN_OBSERVATIONS,
            },
            "incidents": {"page_max_age": "36500d"},
            "state": {"checkpoint_interval": "200ms"},
            "limits": {"event_bytes": EVENT_BYTES},
        }
        for section, settings in (more or {}).items():
            document[section] = {**document.get(section, {}), **settings}
        return write_config(folder / name, document)

    def recreate(self, topic: str) -> None:
        """Delete a topic, and create one of the same name: it has another id."""
        self.cluster.delete_topic(topic)
        self.cluster.create_topic(PARTITIONS, TOPIC_CONFIG, name=topic)

    def daemon_on(
        self,
        folder: Path,
        topic: str,
        *,
        more: Settings | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[DaemonProcess]:
        """Run a daemon on a topic."""
        self.undisturbed  # noqa: B018  made while the broker is well
        return daemon(folder, self.config(folder, topic, more), **(environment or {}))

    @contextmanager
    def streamed(
        self,
        folder: Path,
        seconds: float,
        contents: Sequence[Record] = (),
        *,
        more: Settings | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[tuple[DaemonProcess, Stream, str]]:
        """Run a daemon while the traffic is written to its topic; yield them, and the topic, once some is read."""
        topic = self.topic()
        with (
            self.daemon_on(folder, topic, more=more, environment=environment) as process,
            self.stream(topic, seconds, contents) as stream,
        ):
            process.wait_until(lambda: read(process) > 0, "it reads")
            yield process, stream, topic

    def finish(self, process: DaemonProcess, topic: str) -> Outcome:
        """Wait until everything is read, stop the daemon, and return what came of it."""
        process.wait_until(lambda: process.ready() and caught_up(process), "all is read", CAUGHT_UP_SECONDS)
        assert process.stop() == 0
        return outcome_of(process, topic)

    def compare(self, outcome: Outcome) -> Aftermath:
        """Hold an outcome against the undisturbed one: everything told, nothing else, and the same memory."""
        same(self.undisturbed.windows, outcome.windows)
        same(self.undisturbed.events, outcome.events)
        for name in self.undisturbed.memory.keys() | outcome.memory.keys():
            expected, remembered = self.undisturbed.memory.get(name, {}), outcome.memory.get(name, {})
            differing = [key for key in expected.keys() | remembered.keys() if expected.get(key) != remembered.get(key)]
            assert [] == differing, f"record {name}: {[(expected.get(key), remembered.get(key)) for key in differing]}"
        return Aftermath(lost=0, repeated=outcome.repeated)

    def mend(self) -> None:
        """Bring the broker back up, whatever was done to it."""
        if self.broker.running:
            self.broker.thaw()
            self.broker.wait_until_ready()
        else:
            self.broker.restart()


def outcome_of(process: DaemonProcess, topic: str) -> Outcome:
    """Return what a daemon has told and saved."""
    told = [_lines(path, topic) for path in (process.events, process.windows)]
    events, windows = (without_repeats(lines) for lines in told)
    saved = process.snapshot.read_bytes().replace(topic.encode(), b"TOPIC").splitlines()[1:-1]
    memory = dict(json.loads(line) for line in saved)
    for record in memory.values():
        record.pop("pending", None)  # of open windows: how much of them is written down depends on the moment
        record.pop("topic_ids", None)  # the broker draws them
    return Outcome(
        events=events,
        windows=windows,
        memory={name: record for name, record in memory.items() if name.startswith(_STAGES)},
        repeated=sum(map(len, told)) - len(events) - len(windows),
    )


def without_repeats(lines: Sequence[bytes]) -> tuple[bytes, ...]:
    """Remove repeated lines, told by their id; a repeat must be the same to the byte."""
    first: dict[str, bytes] = {}
    for line in lines:
        assert line == first.setdefault(json.loads(line)["id"], line)
    return tuple(first.values())


def same(expected: Sequence[bytes], actual: Sequence[bytes]) -> None:
    """Hold lines against lines; the message shows the first that differs."""
    for number, (mine, its) in enumerate(zip_longest(expected, actual)):
        assert mine == its, f"line {number} of {len(expected)} expected and {len(actual)} told"


def _lines(path: Path, topic: str) -> list[bytes]:
    return path.read_bytes().replace(topic.encode(), b"TOPIC").splitlines() if path.exists() else []


def reset_state(process: DaemonProcess) -> None:
    """Run `driftd state reset` on a daemon's directory; AssertionError if that fails, because it is in use say."""
    done = driftd("state", "reset", "--yes", "--config", process.config, env=process.settings)
    assert done.returncode == 0, done.stderr


def read(process: DaemonProcess) -> int:
    """Return how many events this process has read."""
    return int(sum(values(process.scrape(), "driftd_events_read_total").values()))


def drained(process: DaemonProcess) -> bool:
    """Whether every partition is read to its end, as far as the client knows that."""
    lags = values(process.scrape(), "driftd_consumer_lag")
    return len(lags) >= PARTITIONS and not any(lags.values())


def caught_up(process: DaemonProcess) -> bool:
    """Whether the whole traffic is read: only the windows of its last events are open."""
    return drained(process) and {float(PARTITIONS)} == set(values(process.scrape(), "driftd_events_pending").values())


def accounted(scrape: Scrape) -> bool:
    """Whether read = observed + late + rejected + pending."""
    total = {
        name: sum(values(scrape, f"driftd_events_{name}").values())
        for name in ("read_total", "observed_total", "late_total", "rejected_total", "pending")
    }
    return total.pop("read_total") == sum(total.values())
