"""Looking for new and unreachable partitions without holding up the loop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event, Thread

from confluent_kafka import Consumer, KafkaException

from driftd.errors import SourceError
from driftd.kafka.cluster import EARLIEST, offsets_at, topology_of
from driftd.values.keys import SourcePartition

LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look at the brokers showed: all partitions not known yet, with their first offsets."""

    found: Mapping[SourcePartition, int] = field(default_factory=dict)
    unreachable: frozenset[SourcePartition] = frozenset()


class PartitionWatch:
    """Looks at the brokers every ``interval_seconds`` on a thread of its own; the newest sighting counts.

    It needs a client of its own as well: confluent_kafka lets only one thread at a time into a client, so a
    look at a silent broker would hold up the reading, and steady reading would starve the look. ``known``
    returns the partitions that are being read; it is called from that thread.
    """

    def __init__(
        self,
        open_client: Callable[[], Consumer],
        topics: tuple[str, ...],
        interval_seconds: float,
        known: Callable[[], frozenset[SourcePartition]],
    ) -> None:
        self._open_client = open_client
        self._topics = topics
        self._interval_seconds = interval_seconds
        self._known = known
        self._newest = Sighting()
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="kafka-partition-watch", daemon=True)

    @property
    def newest(self) -> Sighting:
        """The newest sighting; empty before the first."""
        return self._newest

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, wait_seconds: float) -> None:
        """Look no more, and wait for the look that is under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(wait_seconds)

    def _run(self) -> None:
        client = self._open_client()
        while not self._stopped.wait(self._interval_seconds):
            self._newest = self._look(client)
            client.poll(0)  # lets the client's log lines out
        client.close()

    def _look(self, client: Consumer) -> Sighting:
        known = self._known()
        try:
            topology = topology_of(client, self._topics, LOOK_SECONDS)
            fresh = topology.partitions - topology.leaderless - known
            first = offsets_at(client, fresh, EARLIEST, LOOK_SECONDS)
        except (KafkaException, SourceError):
            # no broker answers, or none lets us look: nothing can be said for any partition, and what
            # does not go away by waiting comes up in the reading itself
            return Sighting(unreachable=known)
        vanished = known - topology.partitions
        return Sighting(
            found={source: offset for source, offset in first.items() if offset is not None},
            unreachable=frozenset(known & topology.leaderless) | vanished,
        )
