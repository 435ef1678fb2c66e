"""read = observed + late + rejected + pending, over all restarts and in each process by itself."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from driftd.merge.stage import Accounts
from driftd.runtime.accounts import accounts_of, of_this_process
from driftd.values.keys import LateReason, Reason, SourcePartition
from driftd.values.part import Ledger
from driftd.values.view import TopicAccounts

TOPICS = ("clicks", "orders")
#: What happens between two looks: topic, partition, summed, late, rejected; and then closed, late for closed, limited.
Step = tuple[str, int, int, int, dict[Reason, int], tuple[int, int, int]]

counts = st.integers(0, 50)
steps = st.tuples(
    st.sampled_from(TOPICS),
    st.integers(0, 2),
    counts,
    counts,
    st.dictionaries(st.sampled_from([Reason.MALFORMED, Reason.FUTURE, Reason.LIMIT]), counts, max_size=2),
    st.tuples(counts, counts, counts),
)


class History:
    """Ledgers and the accounts of two merges, as they grow."""

    def __init__(self) -> None:
        self.ledgers: dict[SourcePartition, Ledger] = {}
        self.merges = (Accounts(), Accounts())
        self.waiting: Counter[str] = Counter()  # summed, and in open windows

    def grow(self, step: Step) -> None:
        """Read some events, and close some windows."""
        topic, partition, summed, late, rejected, closing = step
        source = SourcePartition(topic, partition)
        former = self.ledgers.get(source, Ledger(source, 0, 0))
        self.ledgers[source] = Ledger(
            source,
            position=0,
            rewind=0,
            read=former.read + summed + late + sum(rejected.values()),
            late=former.late + late,
            rejected=dict(Counter(former.rejected) + Counter(rejected)),
        )
        self.waiting[topic] += summed
        accounts = self.merges[partition % 2]
        for counter, wanted in zip((accounts.observed, accounts.late, accounts.over_limit), closing, strict=True):
            events = min(wanted, self.waiting[topic])
            self.waiting[topic] -= events
            counter[topic] += events

    def now(self) -> dict[str, TopicAccounts]:
        """Return the accounts as they stand."""
        return accounts_of(self.ledgers.values(), self.merges)


def total(accounts: TopicAccounts) -> int:
    """Add up where the events went."""
    return accounts.observed + sum(accounts.late.values()) + sum(accounts.rejected.values()) + accounts.pending


@given(st.lists(steps, max_size=12))
def test_pending_is_what_waits_in_open_windows(history: list[Step]) -> None:
    """Whatever was read and neither counted nor refused waits, topic by topic."""
    world = History()
    for step in history:
        world.grow(step)
        assert {topic: world.waiting[topic] for topic in world.now()} == {t: a.pending for t, a in world.now().items()}


@given(st.lists(st.lists(steps, max_size=4), min_size=1, max_size=5))
def test_the_equation_holds_in_every_process(processes: list[list[Step]]) -> None:
    """After any restarts each process accounts for what it read, and all of them together for every event once."""
    world = History()
    observed: Counter[str] = Counter()
    for process in processes:
        at_start = world.now()
        for step in process:
            world.grow(step)
            for topic, mine in of_this_process(world.now(), at_start).items():
                assert mine.read == total(mine)
                assert mine.pending == world.waiting[topic]
                assert min(mine.read, mine.observed, *mine.late.values(), *mine.rejected.values(), 0) == 0
        for topic, mine in of_this_process(world.now(), at_start).items():
            observed[topic] += mine.observed
    assert {topic: a.observed for topic, a in world.now().items()} == {topic: observed[topic] for topic in world.now()}


def test_events_are_told_apart_by_reason() -> None:
    """Late by the watermark or for a closed window, rejected by the reader or by a limit: each where it belongs."""
    source = SourcePartition("clicks", 0)
    ledger = Ledger(source, 20, 15, read=20, late=2, rejected={Reason.FUTURE: 1, Reason.LIMIT: 3})
    merge = Accounts(Counter(clicks=5), Counter(clicks=4), Counter(clicks=1))
    assert accounts_of([ledger], [merge]) == {
        "clicks": TopicAccounts(
            read=20,
            observed=5,
            late={LateReason.WATERMARK: 2, LateReason.CLOSED: 4},
            rejected={Reason.FUTURE: 1, Reason.LIMIT: 4},
            pending=4,
        )
    }


def test_what_was_lost_is_late_unless_it_was_counted_before() -> None:
    """A ledger counts all that it cannot sum again; some of that was in windows that had closed without waiting."""
    ledger = Ledger(SourcePartition("clicks", 0), 20, 15, read=20, lost=9)
    merge = Accounts(Counter(clicks=5), kept=Counter(clicks=4))
    expected = TopicAccounts(read=20, observed=5, late={LateReason.WATERMARK: 0, LateReason.GAP: 5}, pending=10)
    assert accounts_of([ledger], [merge]) == {"clicks": expected}


def test_what_waited_at_the_start_is_read_by_this_process_too() -> None:
    """Open windows are read again, so their events are in this process's account from its start on."""
    at_start = {"clicks": TopicAccounts(read=100, observed=90, pending=10)}
    assert of_this_process(at_start, at_start) == {"clicks": TopicAccounts(read=10, pending=10)}
    later = {"clicks": TopicAccounts(read=130, observed=125, late={LateReason.CLOSED: 2}, pending=3)}
    assert of_this_process(later, at_start) == {
        "clicks": TopicAccounts(read=40, observed=35, late={LateReason.CLOSED: 2}, pending=3)
    }


def test_a_topic_found_later_counts_from_its_beginning() -> None:
    """What was not there at the start had nothing before."""
    now = {"orders": TopicAccounts(read=3, observed=3)}
    assert of_this_process(now, {}) == now
