"""What becomes of partitions that cannot simply be read on: asked about, gone on with behind a gap, set aside."""

from collections.abc import Collection, Mapping
from typing import Literal

from structlog.typing import FilteringBoundLogger

from driftd.errors import RecordUnreadable, RetentionGap
from driftd.kafka.attention import Attention
from driftd.kafka.hurdles import Hurdle
from driftd.kafka.reading import Reading
from driftd.kafka.start import Gap, resume
from driftd.kafka.watch import Finding, Sighting
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition

OnGap = Literal["continue", "stop"]

# how long a partition that ought to have more may give nothing before somebody looks why; less where the client
# complains of what it receives, and more where the reason has been told
_SILENT_SECONDS = 10.0
_SILENT_SECONDS_IN_TROUBLE = 2.0
_TROUBLE_SECONDS = 10.0
_ASIDE_SECONDS = 30.0
_LISTEN_SECONDS = 0.5


class Doubts:
    """The partitions of a reading about which something is to be found out, and what follows from the findings.

    A partition whose position or whose records the client refuses is held until it is known why; one that is
    merely silent is asked about and goes on meanwhile, since it may as well be waiting behind others.
    """

    def __init__(self, reading: Reading, log: FilteringBoundLogger, on_gap: OnGap) -> None:
        self._reading = reading
        self._log = log
        self._on_gap = on_gap
        self._attention = Attention()
        self._trouble_seconds: float | None = None
        self._gone: frozenset[str] = frozenset()
        self._aside: dict[SourcePartition, RecordUnreadable] = {}
        self._open: Mapping[SourcePartition, int] = {}
        self._gaps: list[Gap] = []
        self._new_questions = False
        self._listened_seconds = 0.0

    @property
    def open(self) -> Mapping[SourcePartition, int]:
        """The partitions to be asked about, and how far each was read; to be called from any thread."""
        return self._open

    @property
    def aside(self) -> Mapping[SourcePartition, RecordUnreadable]:
        """The partitions that cannot be read now, and why; they are looked at again every half minute."""
        return self._aside

    def take_gaps(self) -> tuple[Gap, ...]:
        """Return the gaps met since the last call."""
        gaps, self._gaps = tuple(self._gaps), []
        return gaps

    def note_gaps(self, gaps: Collection[Gap]) -> None:
        """Take note of gaps; RetentionGap where they are not to be gone on behind."""
        for gap in gaps:
            if self._on_gap == "stop":
                raise RetentionGap(*gap.source, gap.expected, gap.actual)
            self._gaps.append(gap)

    def begin(self, sources: Collection[SourcePartition]) -> None:
        """Begin to wait for partitions."""
        for source in sources:
            self._attention.heard(source)

    def heard(self, batch: Batch) -> None:
        """Take note of a batch that is handed out: whatever was doubted, the partition is being read."""
        self._attention.heard(batch.source)
        self._dismiss(batch.source)
        if self._aside.pop(batch.source, None) is not None:
            self._log.info("kafka_partition_readable", partition=str(batch.source), offset=batch.position)

    def refused(self, source: SourcePartition) -> None:
        """Take note that the client refuses a position or a record: nothing it says of the partition counts now."""
        if not self._reading.holds(source):
            self._reading.hold(source)
            self._ask(source)

    def trouble(self) -> None:
        """Take note that the client complains of what it receives, without saying of which partition."""
        self._trouble_seconds = self._attention.seconds

    def turn(self, monotonic_seconds: float, unreachable: Collection[SourcePartition]) -> bool:
        """Ask about partitions that have been silent for too long; return whether anything new was asked."""
        self._attention.turn(monotonic_seconds)
        if self._attention.seconds - self._listened_seconds >= _LISTEN_SECONDS:
            self._listened_seconds = self._attention.seconds
            self._question_the_silent(unreachable)
        asked, self._new_questions = self._new_questions, False
        return asked

    def settle(self, sighting: Sighting, unidentified: Collection[str]) -> None:
        """Do what follows from what was found out. Raises PositionBeyondEnd, RetentionGap, RecordUnreadable.

        A topic that was missing stays away while it is ``unidentified``: it may be another one.
        """
        self._mind_missing_topics(sighting.missing | self._gone.intersection(unidentified))
        for source, finding in sighting.findings.items():
            if self._open.get(source) == finding.position and source.topic not in self._gone:
                self._dismiss(source)
                self._attention.heard(source)
                self._judge(source, finding)

    def _question_the_silent(self, unreachable: Collection[SourcePartition]) -> None:
        attention, before = self._attention, self._open
        in_trouble = self._trouble_seconds is not None and attention.seconds - self._trouble_seconds < _TROUBLE_SECONDS
        fetched = self._reading.fetched.difference(unreachable, self._aside, before)
        for source in attention.silent(fetched, _SILENT_SECONDS_IN_TROUBLE if in_trouble else _SILENT_SECONDS):
            if in_trouble or self._reading.waits(source):
                self._ask(source)
        for source in attention.silent(self._aside.keys() - before.keys(), _ASIDE_SECONDS):
            self._ask(source)

    def _ask(self, source: SourcePartition) -> None:
        self._open = {**self._open, source: self._reading.positions[source]}
        self._new_questions = True

    def _dismiss(self, source: SourcePartition) -> None:
        if source in self._open:
            self._open = {other: position for other, position in self._open.items() if other != source}

    def _judge(self, source: SourcePartition, finding: Finding) -> None:
        position, hurdle = finding.position, finding.hurdle
        if hurdle is Hurdle.DAMAGED:
            self._go_on_behind_damage(source, finding)
        elif hurdle is not None:
            self._set_aside(source, RecordUnreadable(*source, position, hurdle.value))
            if hurdle is Hurdle.TOO_LARGE:
                self._reading.hold(source)  # so that others of the same broker go on
        else:
            start = resume({source: position}, {source: (finding.low, finding.end)})
            self.note_gaps(start.gaps)
            if start.gaps or self._reading.holds(source) or source in self._aside:
                self._release(source, start.offsets[source])

    def _go_on_behind_damage(self, source: SourcePartition, finding: Finding) -> None:
        unreadable = RecordUnreadable(*source, finding.position, Hurdle.DAMAGED.value)
        if self._on_gap == "stop":
            raise unreadable
        self._tell(unreadable)
        self._gaps.append(Gap(source, finding.position, finding.behind))
        self._release(source, finding.behind)

    def _set_aside(self, source: SourcePartition, unreadable: RecordUnreadable) -> None:
        before = self._aside.get(source)
        if before is None or (before.offset, before.reason) != (unreadable.offset, unreadable.reason):
            self._tell(unreadable)
        self._aside[source] = unreadable

    def _tell(self, unreadable: RecordUnreadable) -> None:
        self._log.error(
            "kafka_record_unreadable",
            topic=unreadable.topic,
            partition=unreadable.partition,
            offset=unreadable.offset,
            reason=unreadable.reason,
        )

    def _release(self, source: SourcePartition, offset: int) -> None:
        self._aside.pop(source, None)
        self._reading.release(source, offset)

    def _mind_missing_topics(self, missing: frozenset[str]) -> None:
        """Hold the partitions of topics that do not exist; release those of a topic that is back.

        If that is another one of the same name, its id has shown so before: nothing of it gets through.
        """
        for source in self._reading.sources:
            if source.topic in missing and source.topic not in self._gone:
                self._reading.hold(source)
                self._dismiss(source)
            elif source.topic in self._gone and source.topic not in missing:
                self._release(source, self._reading.positions[source])
                self._attention.heard(source)
        self._gone = missing
