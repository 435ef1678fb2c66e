"""What waits in the outbox, for whom, and for how long."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from runtime_doubles import Notes, NotingSink, Receiver

from driftd.errors import DataError
from driftd.runtime.outbox import Outbox
from driftd.values.state import State

BACKLOG = 5


def documents(first: int, count: int) -> list[State]:
    """Drift events by number."""
    return [{"id": str(number)} for number in range(first, first + count)]


def numbers(events: list[State]) -> list[int]:
    """The numbers of drift events."""
    return [int(event["id"]) for event in events]


class Box:
    """An outbox with a sink that takes notes."""

    def __init__(self, *receivers: Receiver, backlog: int = BACKLOG) -> None:
        self.notes = Notes()
        self.sink = NotingSink(self.notes)
        self.outbox = Outbox(self.sink, receivers, backlog)

    def written(self) -> list[int]:
        """The numbers of the events that the sink got."""
        return [number for delivery in self.notes.delivered for number in numbers(delivery.events)]


def test_nothing_leaves_before_it_is_saved() -> None:
    """Neither to the sink nor to a receiver."""
    receiver = Receiver()
    box = Box(receiver)
    box.outbox.add(documents(0, 2), [{"line": 1}])
    assert (box.outbox.write(), box.outbox.offer()) == (False, False)
    assert (box.written(), receiver.got) == ([], [])
    box.outbox.saved()
    assert box.outbox.write()
    box.outbox.offer()
    assert (box.written(), numbers(receiver.got)) == ([0, 1], [0, 1])


def test_document_is_kept_until_everybody_has_it() -> None:
    """The state names those who wait, and for how many of the newest."""
    quick, slow = Receiver("topic"), Receiver("webhook/oncall")
    box = Box(quick, slow)
    box.outbox.add(documents(0, 3), [])
    box.outbox.saved()
    box.outbox.write()
    box.outbox.offer()
    quick.acknowledge()
    slow.acknowledge(1)
    assert box.outbox.offer()
    assert box.outbox.to_state() == {
        "events": documents(1, 2),
        "windows": [],
        "waiting": {"webhook/oncall": 2},
    }
    slow.acknowledge()
    assert box.outbox.offer()
    assert box.outbox.to_state() == {"events": [], "windows": [], "waiting": {}}


def test_sink_that_refuses_gets_the_same_again() -> None:
    """Nothing is lost, and what has come meanwhile comes behind it."""
    box = Box()
    box.outbox.add(documents(0, 1), [{"line": 0}])
    box.outbox.saved()
    box.sink.broken = True
    with pytest.raises(DataError):
        box.outbox.write()
    box.outbox.add(documents(1, 1), [{"line": 1}])
    box.outbox.saved()
    box.sink.broken = False
    assert box.outbox.write()
    (delivery,) = box.notes.delivered
    assert (numbers(delivery.events), delivery.windows) == ([0, 1], [{"line": 0}, {"line": 1}])


def test_sink_that_refuses_fills_the_outbox() -> None:
    """Beyond the backlog nothing more should come: files are not skipped."""
    box = Box()
    box.outbox.add(documents(0, BACKLOG), [])
    assert not box.outbox.full
    box.outbox.add(documents(BACKLOG, 1), [])
    assert box.outbox.full


def test_receiver_that_is_dead_loses_the_oldest_beyond_the_backlog() -> None:
    """They are counted; what is under way already is not taken back; others are not concerned."""
    dead, alive = Receiver("topic", room=2), Receiver("webhook/oncall", room=100)
    box = Box(dead, alive)
    for number in range(20):
        box.outbox.add(documents(number, 1), [])
        box.outbox.saved()
        box.outbox.write()
        box.outbox.offer()
        alive.acknowledge()
    box.outbox.offer()
    views = {view.destination: view for view in box.outbox.views()}
    assert numbers(alive.got) == list(range(20))
    assert (views["webhook/oncall"].dropped, views["webhook/oncall"].waiting) == (0, 0)
    assert views["topic"].dropped == 20 - BACKLOG - 2
    dead.acknowledge()
    for _ in range(BACKLOG):
        box.outbox.offer()
        dead.acknowledge()
    assert numbers(dead.got) == [0, 1, *range(20 - BACKLOG, 20)]
    box.outbox.offer()
    assert box.outbox.to_state()["events"] == []


def test_receiver_that_is_new_gets_what_comes_next() -> None:
    """And one that is gone is waited for no longer."""
    former = Box(Receiver("webhook/former"))
    former.outbox.add(documents(0, 2), [])
    former.outbox.saved()
    former.outbox.write()
    newcomer = Receiver("topic")
    box = Box(newcomer)
    box.outbox.restore(former.outbox.to_state())
    assert box.outbox.to_state()["events"] == []
    box.outbox.add(documents(2, 1), [])
    box.outbox.saved()
    box.outbox.offer()
    assert numbers(newcomer.got) == [2]


class OutboxWithCrashes(RuleBasedStateMachine):
    """Whatever the order of things, and however often the process dies, everybody gets everything in order."""

    @initialize(rooms=st.lists(st.integers(1, 4), max_size=3))
    def begin(self, rooms: list[int]) -> None:
        """Begin with some receivers and an empty snapshot."""
        self.rooms = rooms
        self.count = 0
        self.seen: dict[str, list[int]] = {f"r{at}": [] for at in range(len(rooms))}
        self.lines: list[int] = []
        self.snapshot = orjson.dumps({"count": 0, "box": {"events": [], "windows": [], "waiting": {}}})
        self._live()

    def _live(self) -> None:
        self.receivers = [Receiver(f"r{at}", room) for at, room in enumerate(self.rooms)]
        self.box = Box(*self.receivers, backlog=10**6)
        known = orjson.loads(self.snapshot)
        self.count = known["count"]
        self.box.outbox.restore(known["box"])

    @rule(events=st.integers(0, 3))
    def something_comes_to_light(self, events: int) -> None:
        """Documents follow from what was read, so after a crash the same ones come again."""
        first, self.count = self.count, self.count + events
        self.box.outbox.add(documents(first, events), [{"line": number} for number in range(first, self.count)])

    @rule()
    def snapshot_is_saved(self) -> None:
        """All of it, or nothing."""
        self.snapshot = orjson.dumps({"count": self.count, "box": self.box.outbox.to_state()})
        self.box.outbox.saved()

    @rule(refuse=st.booleans())
    def sink_writes(self, *, refuse: bool) -> None:
        """It takes all that is saved, or nothing."""
        self.box.sink.broken = refuse
        try:
            self.box.outbox.write()
        except DataError:
            return
        self.lines += [line["line"] for delivery in self.box.notes.delivered for line in delivery.windows]
        self.box.notes.delivered.clear()

    @rule()
    def receivers_are_offered(self) -> None:
        """As much as they have room for."""
        self.box.outbox.offer()

    @rule(at=st.integers(0, 2), documents_=st.integers(1, 3))
    def receiver_acknowledges(self, at: int, documents_: int) -> None:
        """Some of what is under way."""
        if at < len(self.receivers):
            self.receivers[at].acknowledge(documents_)

    @rule()
    def process_dies(self) -> None:
        """What was sent was sent; all else goes on from the snapshot."""
        self._note()
        self._live()

    def _note(self) -> None:
        for receiver in self.receivers:
            self.seen[receiver.name] += numbers(receiver.got)
            receiver.got.clear()

    @invariant()
    def nothing_is_told_that_no_snapshot_holds(self) -> None:
        """Whoever was told of a document, the snapshot knows it."""
        if hasattr(self, "snapshot"):
            saved = orjson.loads(self.snapshot)["count"]
            told = [n for receiver in self.receivers for n in numbers(receiver.got)]
            assert all(n < saved for n in [*told, *self.lines])

    def teardown(self) -> None:
        """Let everything be delivered: each receiver has got each document, in order but for repeats."""
        if not hasattr(self, "snapshot"):
            return
        self.snapshot_is_saved()
        self.sink_writes(refuse=False)
        for _ in range(self.count + 1):
            self.box.outbox.offer()
            for receiver in self.receivers:
                receiver.acknowledge()
        self.box.outbox.offer()
        self._note()
        for seen in [*self.seen.values(), self.lines]:
            assert list(dict.fromkeys(seen)) == list(range(self.count))
        assert self.box.outbox.to_state() == {"events": [], "windows": [], "waiting": {}}


TestOutboxWithCrashes = OutboxWithCrashes.TestCase


@given(st.lists(st.integers(0, 4), max_size=6))
def test_unsaved_tells_whether_a_snapshot_lacks_something(batches: list[int]) -> None:
    """From the first document on until the next snapshot."""
    box = Box()
    for count in batches:
        box.outbox.saved()
        assert not box.outbox.unsaved
        box.outbox.add(documents(0, count), [])
        assert box.outbox.unsaved == bool(count)
