"""Kafka topics as a source of batches: all their partitions, assigned and never subscribed to."""

import time
from collections.abc import Callable, Collection, Mapping
from threading import Thread

from confluent_kafka import KafkaError, Message
from structlog.typing import FilteringBoundLogger

from driftd.errors import RecordUnreadable, SourceError
from driftd.kafka.client import open_admin, open_consumer
from driftd.kafka.commits import GroupCommits
from driftd.kafka.cut import Cut, Fault, before_faults, cut
from driftd.kafka.deadline import Deadline
from driftd.kafka.doubts import Doubts, OnGap
from driftd.kafka.failures import lasting_failure, lasting_failures
from driftd.kafka.hurdles import DAMAGED
from driftd.kafka.opening import existing_topology, start_time_ms, starting_points
from driftd.kafka.patience import Patience
from driftd.kafka.reading import Reading
from driftd.kafka.reports import report_error
from driftd.kafka.settings import KafkaSettings
from driftd.kafka.start import Gap
from driftd.kafka.topic_ids import ids_of_topics, refuse_recreated
from driftd.kafka.watch import LOOK_SECONDS, PartitionWatch, Sighting
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition

_IDS_SECONDS = 2.0
_FIRST_IDS_SECONDS = 0.5
_LAST_COMMIT_SECONDS = 2.0
_CLOSE_SECONDS = 2.0
_LOOK_AGAIN_SECONDS = 0.005


class KafkaSource:
    """Reads all partitions of the configured topics, from known positions or from where the settings say.

    One thread calls it (the loop's); the client fetches on its own threads, within its bounds. ``instance``
    names this daemon across its restarts; ``clock`` is the wall clock in milliseconds; ``on_gap`` is
    ``state.on_gap``. It logs what the client recovers from by itself, and raises a SourceError for what it
    does not. Once started nothing waits for a broker: what has to be asked is asked on another thread.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        instance: str,
        log: FilteringBoundLogger,
        clock: Callable[[], int],
        *,
        on_gap: OnGap = "continue",
    ) -> None:
        self._settings = settings
        self._log = log
        self._clock = clock
        self._only_topic = next(iter(settings.topics)) if len(settings.topics) == 1 else None
        self._topic_ids: dict[str, str] = {}
        self._failure: SourceError | None = None
        self._secured = "ssl" in str(settings.client.get("security.protocol", "")).lower()
        self._tls_complaint: str | None = None
        self._closed = False
        self._commits = GroupCommits(settings, instance, log, clock)
        self._consumer = open_consumer(settings, log, self._on_error, self._commits.acknowledged)
        self._reading = Reading(self._consumer)
        self._doubts = Doubts(self._reading, log, on_gap)
        self._watch = PartitionWatch(
            settings, log, known=lambda: self._reading.sources, doubts=lambda: self._doubts.open
        )
        self._seen = self._watch.newest

    # 1. start

    def start(
        self,
        positions: Mapping[SourcePartition, int],
        wait_seconds: float,
        *,
        reached: Mapping[SourcePartition, int] | None = None,
        heed: Callable[[], None] = lambda: None,
        topic_ids: Mapping[str, str] | None = None,
        needed: Mapping[SourcePartition, int] | None = None,
    ) -> None:
        """Begin to read: each partition at its position, else where ``kafka.start`` says.

        A position below the first offset there still is continues from there and leaves a gap, or raises
        RetentionGap. Partitions without a leader and without a position are found later, by ``discover``.
        Raises UnknownTopic, NotAuthorised, PositionBeyondEnd, or BrokerUnreachable after ``wait_seconds``;
        TopicRecreated where a topic's id is not that of ``topic_ids`` (see the property of that name).
        ``reached`` tells how far each had been read before, where that is beyond its position; ``needed`` from
        where on a lack of records is a gap, where that is beyond it. ``heed`` is
        called every two seconds at least while no broker answers; what it raises ends the wait.
        """
        settings, consumer = self._settings, self._consumer

        def raise_what_ends_it() -> None:
            heed()
            self._raise_failure()

        patience = Patience(consumer, settings, wait_seconds, raise_what_ends_it, lambda: self._tls_complaint)
        topology = existing_topology(patience, consumer, settings.topics)
        self._identify_topics(topic_ids or {})
        start_ms = start_time_ms(settings.start, self._clock())
        start = starting_points(
            patience, consumer, topology, positions=positions, reached=reached or positions, start_ms=start_ms
        )
        self._doubts.note_gaps(start.gaps_beyond(needed or {}))
        self._begin(start.offsets)
        self._watch.start()

    @property
    def partitions(self) -> frozenset[SourcePartition]:
        """The partitions that are being read."""
        return self._reading.sources

    @property
    def positions(self) -> Mapping[SourcePartition, int]:
        """The next offset that each partition's next batch may start at."""
        return dict(self._reading.positions)

    @property
    def topic_ids(self) -> Mapping[str, str]:
        """The broker's ids of the topics that are being read, to be kept with the positions.

        Those of which none is known (a broker before 2.8, the mock cluster, no answer yet) are left out.
        """
        return dict(self._topic_ids)

    @property
    def unreadable(self) -> tuple[RecordUnreadable, ...]:
        """The records at which partitions wait that cannot be read on; ``discover`` shows these as unreachable."""
        return tuple(error for _, error in sorted(self._doubts.aside.items()))

    # 2. read

    def poll(self, timeout_seconds: float) -> list[Batch]:
        """Return the next batches, at most ``kafka.batch_records`` records; empty if none came in time.

        Waits the whole time-out unless there are that many, and heeds no signal meanwhile. The records of a
        partition are one batch, ``drained`` where they reach its end; that end alone is a batch without records.
        A failure is raised by the call after the one that met it, so that no record is lost with it.
        """
        self._heed_the_watch()
        self._raise_failure()
        with lasting_failures("the topics"):
            messages = self._fetched(Deadline(timeout_seconds))
        batches = self._taken(cut(messages, self._clock(), only_topic=self._only_topic))
        if self._doubts.turn(time.monotonic(), self._seen.unreachable):
            self._watch.look_now()
        return batches

    def _fetched(self, deadline: Deadline) -> list[Message]:
        """Return what the client has, when it is a full batch or the time is up.

        Waited is here, not in the client: librdkafka waits by the wall clock, so that a wait that is under way
        when the clock is set back lasts longer by as much as it was set.
        """
        wanted = self._settings.batch_records
        messages: list[Message] = self._consumer.consume(wanted, 0)
        while len(messages) < wanted and not deadline.passed:
            time.sleep(deadline.left(at_most=_LOOK_AGAIN_SECONDS))
            messages += self._consumer.consume(wanted - len(messages), 0)
        return messages

    def pause(self, sources: Collection[SourcePartition]) -> None:
        """Fetch no more of these partitions; what was fetched ahead of them is dropped and fetched again later."""
        self._reading.pause(sources)

    def resume(self, sources: Collection[SourcePartition]) -> None:
        """Fetch these partitions again."""
        self._doubts.begin(self._reading.resume(sources))

    def discover(self) -> Sighting:
        """Begin to read partitions that were found since the last call, and return them and what is unreachable.

        Never waits: the brokers are asked on another thread, every ``kafka.discovery_interval``. Of a topic
        that was recreated nothing is found: the next ``poll`` says so.
        """
        self._heed_the_watch()
        unreachable = self._seen.unreachable.union(self._doubts.aside)
        found = {source: offset for source, offset in self._seen.found.items() if source not in self.partitions}
        if self._failure is not None:
            found = {}
        self._begin(found)
        return Sighting(found, unreachable)

    def take_gaps(self) -> tuple[Gap, ...]:
        """Return the gaps met since the last call: records that retention removed, or that cannot be read."""
        return self._doubts.take_gaps()

    def lag(self) -> dict[SourcePartition, int | None]:
        """Return how many offsets each partition's position is behind its end, as the client last saw it.

        0 at the end, also where the last offsets are transaction markers; None before the first fetch.
        """
        return {source: self._reading.lag(source) for source in sorted(self.partitions)}

    # 3. commit

    def commit(self, positions: Mapping[SourcePartition, int]) -> None:
        """Commit positions to the group, with this instance's claim on it; does not wait."""
        self._commits.send(self._consumer, positions)

    def check_other_instance(self, fresh_seconds: float) -> None:
        """Raise InstanceConflict if another instance committed within ``fresh_seconds`` and did not stop cleanly.

        Call it after ``start`` and before the first ``commit``. Raises NotAuthorised, BrokerUnreachable.
        """
        # a client of its own: with that of the reading, records might come in place of the group's errors
        client = open_consumer(self._settings, self._log, on_error=lambda _: None)
        try:
            self._commits.refuse_other_instance(client, self.partitions, fresh_seconds)
        finally:
            client.close()

    # 4. close

    def close(self) -> None:
        """Say that this instance has stopped, and end the client: within about 6 s, also without a broker.

        Calling it again does nothing.
        """
        if self._closed:
            return
        self._closed = True
        self._watch.stop(LOOK_SECONDS)
        self._consumer.unassign()
        self._commits.finish(self._consumer, _LAST_COMMIT_SECONDS)
        # With a commit under way and no broker the client's own close waits for a minute: not with us.
        closing = Thread(target=self._consumer.close, name="kafka-close", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)

    def _begin(self, offsets: Mapping[SourcePartition, int]) -> None:
        if offsets:
            self._reading.begin(offsets)
            self._doubts.begin(offsets)

    def _identify_topics(self, known: Mapping[str, str]) -> None:
        """Compare the topics' ids with those that are known, as far as the broker tells them in time."""
        self._topic_ids = {topic: known[topic] for topic in self._settings.topics if topic in known}
        seconds = _IDS_SECONDS if self._topic_ids else _FIRST_IDS_SECONDS
        self._compare_ids(ids_of_topics(open_admin(self._settings, self._log), self._settings.topics, seconds))

    def _compare_ids(self, seen: Mapping[str, str]) -> None:
        refuse_recreated(self._topic_ids, seen)
        self._topic_ids.update(seen)

    def _heed_the_watch(self) -> None:
        """Take note of the newest sighting, once; a failure is raised by the next ``poll``."""
        sighting = self._watch.newest
        if sighting is self._seen or self._failure is not None:
            return
        self._seen = sighting
        try:
            self._compare_ids(sighting.topic_ids)
            self._doubts.settle(sighting, self._topic_ids.keys() - sighting.topic_ids.keys())
        except SourceError as failure:
            self._failure = failure

    def _taken(self, taken: Cut) -> list[Batch]:
        """Return the batches that count; whatever the client gives behind a record it refused does not."""
        batches = [batch for batch in before_faults(taken, DAMAGED) if not self._reading.holds(batch.source)]
        for batch in batches:
            self._reading.advance(batch)
            self._doubts.heard(batch)
        for fault in taken.faults:
            self._judge(fault)
        return batches

    def _on_error(self, error: KafkaError) -> None:
        self._failure = self._failure or lasting_failure(error, "the cluster")
        if error.code() == KafkaError._BAD_MSG:  # noqa: SLF001
            self._doubts.trouble()
        if self._secured and error.code() in {KafkaError._SSL, KafkaError._TRANSPORT}:  # noqa: SLF001
            self._tls_complaint = error.str()
        # the client's own close may go on behind our back, and its complaints are of no use then
        if self._failure is None and not self._closed:
            report_error(self._log, error)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _judge(self, fault: Fault) -> None:
        code, source = fault.error.code(), fault.source
        if source is not None and (code == KafkaError._AUTO_OFFSET_RESET or code in DAMAGED):  # noqa: SLF001
            self._doubts.refused(source)
        elif code == KafkaError._LOG_TRUNCATION:  # noqa: SLF001
            self._failure = SourceError(f"{source}: the broker lost records that had been read (unclean election)")
        else:
            resource = f"group {self._settings.group_id!r}" if source is None else f"topic {source.topic!r}"
            self._failure = self._failure or lasting_failure(fault.error, resource)
            if self._failure is None:
                report_error(self._log, fault.error)
