"""Rejected records on their way out: each written at least once or counted as lost, whatever is cut off when."""

from dataclasses import dataclass, field
from typing import Any

import structlog
from hypothesis import example, given, settings
from hypothesis import strategies as st

from driftd.runtime.dead_letters import DeadLetters
from driftd.summarise.seam import Rejected
from driftd.values.batch import Batch, RecordTime
from driftd.values.delivery import DeadLetter, LetterReport
from driftd.values.keys import Reason, SourcePartition
from driftd.values.part import Ledger
from driftd.values.view import DeadLettersView

SOURCE = SourcePartition("events", 0)
ROOM_FOR_ALL = 1_000


class Writer:
    """Takes letters while there is room; acknowledges them when it is told to."""

    def __init__(self, room: int = ROOM_FOR_ALL) -> None:
        self.room = room
        self.taken: list[DeadLetter] = []
        self.written: list[DeadLetter] = []
        self.reports: list[LetterReport] = []
        self.at_close: int = 0

    def write(self, letter: DeadLetter) -> bool:
        if len(self.taken) >= self.room:
            return False
        self.taken.append(letter)
        return True

    def acknowledge(self, letters: int, *, written: bool = True) -> None:
        for _ in range(min(letters, len(self.taken))):
            letter = self.taken.pop(0)
            if written:
                self.written.append(letter)
            self.reports.append(LetterReport(letter.source, letter.offset, written))

    def take_reports(self) -> list[LetterReport]:
        reports, self.reports = self.reports, []
        return reports

    def close(self, wait_seconds: float) -> None:
        assert wait_seconds > 0
        self.acknowledge(self.at_close)


def letters_of(writer: Writer, state: dict[str, Any] | None = None) -> DeadLetters:
    """Return dead letters as a process begins with them."""
    letters = DeadLetters(writer, structlog.get_logger())
    if state is not None:
        letters.restore(state)
    return letters


def batch_of(*offsets: int, position: int | None = None, drained: bool = False) -> Batch:
    """Return records whose values and timestamps follow from their offsets."""
    return Batch(
        source=SOURCE,
        position=offsets[-1] + 1 if position is None else position,
        offsets=offsets,
        values=[str(offset).encode() for offset in offsets],
        timestamps_ms=[1_000 + offset for offset in offsets],
        record_time=RecordTime.CREATE,
        drained=drained,
    )


def ledger(position: int, rewind: int) -> Ledger:
    """Return a ledger of the one partition."""
    return Ledger(SOURCE, position, rewind)


def malformed(*offsets: int) -> list[Rejected]:
    """Return rejections."""
    return [Rejected(offset, Reason.MALFORMED) for offset in offsets]


def letter(offset: int) -> DeadLetter:
    """Return the letter of a record."""
    return DeadLetter(SOURCE, offset, Reason.MALFORMED, 1_000 + offset, str(offset).encode())


def test_a_rejected_record_is_handed_on_with_its_value_and_place() -> None:
    """Value and timestamp are the record's; a record without a timestamp has none."""
    writer = Writer()
    letters = letters_of(writer)
    letters.take(batch_of(3, 5, 8), malformed(5))
    tombstone = Batch(source=SOURCE, position=10, offsets=[9], values=[None], timestamps_ms=[-1])
    letters.take(tombstone, [Rejected(9, Reason.TOMBSTONE)])
    assert writer.taken == [letter(5), DeadLetter(SOURCE, 9, Reason.TOMBSTONE, None, None)]


def test_only_places_without_an_acknowledgement_are_remembered() -> None:
    """What the topic refused for good is lost, and not tried again either."""
    writer = Writer()
    letters = letters_of(writer)
    letters.take(batch_of(1, 2, 3), malformed(1, 2, 3))
    assert not letters.poll()
    writer.acknowledge(1)
    writer.acknowledge(1, written=False)
    assert letters.poll()
    assert letters.to_state() == {"waiting": [["events", 0, [[3, "malformed"]]]]}
    assert letters.view() == DeadLettersView(written=1, lost=1, waiting=1)


def test_a_letter_without_room_is_lost_at_once() -> None:
    """It is counted and forgotten: detection waits for nobody."""
    letters = letters_of(Writer(room=1))
    letters.take(batch_of(1, 2, 3), malformed(1, 2, 3))
    assert letters.view() == DeadLettersView(lost=2, waiting=1)
    assert letters.to_state() == {"waiting": [["events", 0, [[1, "malformed"]]]]}


def test_reading_starts_where_the_oldest_letter_is_owed() -> None:
    """Or at the rewind where none is, or only later ones are."""
    state = {"waiting": [["events", 0, [[4, "malformed"], [7, "future"]]]]}
    other = SourcePartition("events", 1)
    ledgers = [ledger(9, 6), Ledger(other, 50, 40)]
    assert letters_of(Writer(), state).starts(ledgers) == {SOURCE: 4, other: 40}
    assert letters_of(Writer(), state).starts([ledger(9, 2)]) == {SOURCE: 2}
    assert letters_of(Writer(), {}).starts([ledger(9, 6)]) == {SOURCE: 6}


def test_letters_owed_are_written_again_and_the_pipeline_sees_nothing_before_its_rewind() -> None:
    """The batch is cut there; a batch that holds nothing else is not shown at all."""
    writer = Writer()
    letters = letters_of(writer, {"waiting": [["events", 0, [[4, "malformed"], [7, "malformed"]]]]})
    letters.starts([ledger(9, 6)])
    assert letters.resume(batch_of(4)) is None
    assert letters.resume(batch_of(5)) is None  # its position is the rewind: no news
    assert letters.resume(batch_of(6, 7, 8)) == batch_of(6, 7, 8)
    assert writer.taken == [letter(4), letter(7)]
    assert letters.to_state() == {"waiting": [["events", 0, [[4, "malformed"], [7, "malformed"]]]]}
    assert letters.view() == DeadLettersView(waiting=2)


def test_a_batch_across_the_rewind_is_cut_there() -> None:
    """What follows keeps its order and its end."""
    letters = letters_of(Writer(), {"waiting": [["events", 0, [[1, "malformed"]]]]})
    letters.starts([ledger(9, 6)])
    assert letters.resume(batch_of(1, 5, 6, 8)) == batch_of(6, 8)
    after = batch_of(9, 10)
    assert letters.resume(after) is after


def test_the_end_of_a_partition_is_passed_on() -> None:
    """It is news also where all records before it are letters that were owed, there still or not."""
    end = batch_of(position=5, drained=True)
    for before in ([batch_of(4)], []):
        letters = letters_of(Writer(), {"waiting": [["events", 0, [[4, "malformed"]]]]})
        letters.starts([ledger(5, 5)])
        assert [letters.resume(batch) for batch in before] == [None] * len(before)
        assert letters.resume(end) == end


def test_records_that_retention_took_are_lost_letters() -> None:
    """Their places were passed without being met; they are owed no longer."""
    writer = Writer()
    letters = letters_of(writer, {"waiting": [["events", 0, [[4, "malformed"], [5, "malformed"], [8, "malformed"]]]]})
    letters.starts([ledger(9, 7)])
    letters.resume(batch_of(5, 7, 8))
    assert writer.taken == [letter(5), letter(8)]
    assert letters.view() == DeadLettersView(lost=1, waiting=2)


def test_places_of_a_topic_that_was_made_anew_are_lost() -> None:
    """The ledger has not reached them: whatever is there now is another record, and judged when it is read."""
    writer = Writer()
    letters = letters_of(writer, {"waiting": [["events", 0, [[4, "malformed"], [9, "malformed"]]]]})
    assert letters.starts([ledger(5, 5)]) == {SOURCE: 4}
    letters.resume(batch_of(4, 5, 9))
    assert writer.taken == [letter(4)]
    assert letters.view() == DeadLettersView(lost=1, waiting=1)


def test_a_topic_that_is_not_read_now_keeps_its_letters() -> None:
    """They are owed until it is read again."""
    state = {"waiting": [["events", 0, [[4, "malformed"]]], ["gone", 3, [[1, "future"]]]]}
    letters = letters_of(Writer(), state)
    letters.starts([ledger(9, 6)])
    assert letters.to_state() == state


def test_closing_waits_for_letters_and_leaves_the_state_up_to_date() -> None:
    """What was acknowledged meanwhile is not in the last snapshot."""
    writer = Writer()
    writer.at_close = 2
    letters = letters_of(writer)
    letters.take(batch_of(1, 2, 3), malformed(1, 2, 3))
    letters.close(1.0)
    assert letters.to_state() == {"waiting": [["events", 0, [[3, "malformed"]]]]}


@dataclass
class Life:
    """A partition read by processes that are cut off anywhere, with snapshots in between."""

    records: int
    rejected: frozenset[int]
    missing: frozenset[int]
    room: int
    position: int = 0
    rewind: int = 0
    snapshot: tuple[int, int, dict[str, Any]] = (0, 0, {})
    written: set[int] = field(default_factory=set)
    lost: int = 0

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start a process from the snapshot."""
        self.position, self.rewind, state = self.snapshot
        self.writer = Writer(self.room)
        self.letters = letters_of(self.writer, state)
        self.at = self.letters.starts([ledger(self.position, self.rewind)])[SOURCE]

    def read(self, records: int, lag: int) -> None:
        """Read on; the pipeline judges what is new to it, and its rewind follows at a distance."""
        end = min(self.at + records, self.records)
        present = [offset for offset in range(self.at, end) if offset not in self.missing]
        self.at = end
        if present:
            self._show(self.letters.resume(batch_of(*present)), lag)
        if end == self.records:
            self._show(self.letters.resume(batch_of(position=end, drained=True)), lag)

    def _show(self, seen: Batch | None, lag: int) -> None:
        if seen is None:
            return
        assert seen.position >= self.rewind
        assert all(offset >= self.rewind for offset in seen.offsets)
        fresh = [offset for offset in seen.offsets if offset >= self.position]
        self.letters.take(seen, malformed(*(offset for offset in fresh if offset in self.rejected)))
        if seen.position >= self.position:
            self.position = seen.position
            self.rewind = max(self.rewind, self.position - lag)

    def acknowledge(self, letters: int) -> None:
        """Let the writer acknowledge some letters; the loop hears of it."""
        self.writer.acknowledge(letters)
        self.letters.poll()

    def save(self) -> None:
        """Take a snapshot."""
        self.snapshot = (self.position, self.rewind, self.letters.to_state())

    def crash(self) -> None:
        """End the process, and start anew."""
        self.written |= {sent.offset for sent in self.writer.written}
        self.lost += self.letters.view().lost
        self.begin()


STEPS = st.one_of(
    st.tuples(st.just("read"), st.integers(1, 12), st.integers(0, 20)),
    st.tuples(st.just("acknowledge"), st.integers(1, 6)),
    st.just(("save",)),
    st.just(("crash",)),
)


@settings(max_examples=400)
@given(
    records=st.integers(10, 60),
    rejected=st.frozensets(st.integers(0, 59), min_size=5),
    missing=st.frozensets(st.integers(0, 59), max_size=4),
    room=st.sampled_from([0, 1, 4, ROOM_FOR_ALL]),
    steps=st.lists(STEPS, min_size=5, max_size=40),
)
@example(
    records=20,
    rejected=frozenset({2, 3}),
    missing=frozenset(),
    room=ROOM_FOR_ALL,
    steps=[("read", 12, 2), ("save",), ("crash",), ("read", 3, 0), ("read", 3, 0)],
)
def test_every_rejected_record_is_written_or_counted_whatever_crashes(
    records: int, rejected: frozenset[int], missing: frozenset[int], room: int, steps: list[tuple[Any, ...]]
) -> None:
    """For any interleaving of reading, acknowledgements, snapshots and crashes; with room for all, all are written.

    At no time does the pipeline see a record before its rewind.
    """
    life = Life(records, rejected, missing, room)
    for step, *arguments in steps:
        getattr(life, step)(*arguments)
    life.read(records, 0)
    life.acknowledge(records)
    life.save()
    assert life.letters.to_state() == {"waiting": []}
    life.crash()
    due = {offset for offset in rejected if offset < records} - missing
    assert life.written <= due
    assert len(due - life.written) <= life.lost
    if room == ROOM_FOR_ALL:
        assert (due, 0) == (life.written, life.lost)
