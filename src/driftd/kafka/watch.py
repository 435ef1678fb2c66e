"""Looking at the brokers without holding up the loop: partitions, incarnations, and why one gives nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Event, Thread

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient
from structlog.typing import FilteringBoundLogger

from driftd.errors import DriftdError
from driftd.kafka.client import open_admin, open_consumer
from driftd.kafka.cluster import EARLIEST, Topology, bounds_of, offsets_at, topology_of
from driftd.kafka.hurdles import Hurdle, examine
from driftd.kafka.settings import KafkaSettings
from driftd.kafka.topic_ids import ids_of_topics
from driftd.values.keys import SourcePartition

LOOK_SECONDS = 2.0
_EXAMINATION_SECONDS = 5.0
_ASK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """What there is of a partition that was asked about: its bounds, and what is in the way at ``position``.

    Reading can go on at ``behind``, the position itself unless a damaged batch is there.
    """

    position: int
    low: int
    end: int
    hurdle: Hurdle | None
    behind: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look at the brokers showed: all partitions not known yet, with their first offsets.

    ``missing`` are the topics that do not exist now, ``topic_ids`` the ids of the others where they are known.
    """

    found: Mapping[SourcePartition, int] = field(default_factory=dict)
    unreachable: frozenset[SourcePartition] = frozenset()
    missing: frozenset[str] = frozenset()
    topic_ids: Mapping[str, str] = field(default_factory=dict)
    findings: Mapping[SourcePartition, Finding] = field(default_factory=dict)


class PartitionWatch:
    """Looks at the brokers every ``kafka.discovery_interval`` on a thread of its own; the newest sighting counts.

    It needs clients of its own as well: confluent_kafka lets only one thread at a time into a client, so a
    look at a silent broker would hold up the reading, and steady reading would starve the look. ``known``
    returns the partitions that are being read, and ``doubts`` those to be asked about, with the position
    that each got to; both are called from that thread.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        log: FilteringBoundLogger,
        known: Callable[[], frozenset[SourcePartition]],
        doubts: Callable[[], Mapping[SourcePartition, int]],
    ) -> None:
        self._settings = settings
        self._log = log
        self._known = known
        self._doubts = doubts
        self._newest = Sighting()
        self._stopped = False
        self._called = Event()
        self._thread: Thread | None = None

    @property
    def newest(self) -> Sighting:
        """The newest sighting; empty before the first."""
        return self._newest

    def start(self) -> None:
        """Begin to look. ConfigurationError if no clients can be made any more."""
        # what befalls these clients befalls the reading one too, which reports it
        admin = open_admin(self._settings, self._log)
        client = open_consumer(self._settings, self._log, on_error=lambda _: None)
        self._thread = Thread(target=self._run, args=(client, admin), name="kafka-partition-watch", daemon=True)
        self._thread.start()

    def look_now(self) -> None:
        """Look again as soon as possible."""
        self._called.set()

    def stop(self, wait_seconds: float) -> None:
        """Look no more, and wait for the look that is under way."""
        self._stopped = True
        self._called.set()
        if self._thread is not None:
            self._thread.join(wait_seconds)

    def _run(self, client: Consumer, admin: AdminClient) -> None:
        interval_seconds = self._settings.discovery_interval / 1000
        wait_seconds = interval_seconds
        while not self._wait(wait_seconds):
            try:
                topology = topology_of(client, self._settings.topics, LOOK_SECONDS)
                self._newest = self._look(client, topology, lambda topics: ids_of_topics(admin, topics, LOOK_SECONDS))
                # what was seen is known before this takes its time
                self._newest = replace(self._newest, findings=self._answer(client, topology))
            except (KafkaException, DriftdError):
                # no broker answers, or none lets us look: nothing can be said for any partition, and what
                # does not go away by waiting comes up in the reading itself
                self._newest = replace(self._newest, found={}, unreachable=self._known(), findings={})
            open_questions = self._doubts().keys() - self._newest.findings.keys()
            wait_seconds = min(interval_seconds, _ASK_AGAIN_SECONDS) if open_questions else interval_seconds
            client.poll(0)  # lets the clients' log lines out
            admin.poll(0)
        client.close()

    def _wait(self, seconds: float) -> bool:
        self._called.wait(seconds)
        self._called.clear()
        return self._stopped

    def _look(self, client: Consumer, topology: Topology, ids_of: Callable[[list[str]], dict[str, str]]) -> Sighting:
        known = self._known()
        there = sorted({source.topic for source in topology.partitions})
        ids = ids_of(there) if there else {}
        reachable = topology.partitions - topology.leaderless
        first = offsets_at(client, reachable - known, EARLIEST, LOOK_SECONDS)
        return Sighting(
            found={source: offset for source, offset in first.items() if offset is not None},
            unreachable=frozenset(known & topology.leaderless) | (known - topology.partitions),
            missing=frozenset(topology.missing),
            topic_ids=ids,
        )

    def _answer(self, client: Consumer, topology: Topology) -> dict[SourcePartition, Finding]:
        """Answer what can be answered now; only one partition a look is examined, since that takes a while."""
        doubts = {
            source: position
            for source, position in self._doubts().items()
            if source in topology.partitions - topology.leaderless
        }
        findings = {}
        examined = False
        for source, (low, end) in bounds_of(client, doubts, LOOK_SECONDS).items():
            position = doubts[source]
            hurdle, behind = None, position
            if low <= position < end:
                if examined:
                    continue
                examined = True
                hurdle, behind = examine(
                    self._settings, self._log, source, offset=position, end=end, seconds=_EXAMINATION_SECONDS
                )
            findings[source] = Finding(position, low, end, hurdle, behind)
        return findings
