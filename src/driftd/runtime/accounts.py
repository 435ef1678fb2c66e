"""Where the events went: read = observed + late + rejected + pending, per topic, at every moment."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from driftd.merge.stage import Accounts
from driftd.values.keys import LateReason, Reason
from driftd.values.part import Ledger
from driftd.values.view import TopicAccounts


def accounts_of(ledgers: Iterable[Ledger], merges: Iterable[Accounts]) -> dict[str, TopicAccounts]:
    """Add up ledgers and the merges' accounts, cumulative over restarts; pending is what remains.

    The merges must have received every ledger given.
    """
    read: Counter[str] = Counter()
    observed: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    late: defaultdict[str, Counter[LateReason]] = defaultdict(Counter)
    rejected: defaultdict[str, Counter[Reason]] = defaultdict(Counter)
    for ledger in ledgers:
        topic = ledger.source.topic
        read[topic] += ledger.read
        late[topic][LateReason.WATERMARK] += ledger.late
        rejected[topic].update(ledger.rejected)
        lost[topic] += ledger.lost
    for accounts in merges:
        observed.update(accounts.observed)
        for topic, events in accounts.late.items():
            late[topic][LateReason.CLOSED] += events
        for topic, events in accounts.over_limit.items():
            rejected[topic][Reason.LIMIT] += events
        lost.subtract(accounts.kept)
    for topic, events in lost.items():
        if events:
            late[topic][LateReason.GAP] += events
    return {
        topic: TopicAccounts(
            read=read[topic],
            observed=observed[topic],
            late=dict(late[topic]),
            rejected=dict(rejected[topic]),
            pending=read[topic] - observed[topic] - late[topic].total() - rejected[topic].total(),
        )
        for topic in sorted(read)
    }


def of_this_process(
    now: Mapping[str, TopicAccounts], at_start: Mapping[str, TopicAccounts]
) -> dict[str, TopicAccounts]:
    """Turn cumulative accounts into those of this process, which start at zero.

    The events that were pending at the start are read again, so they count as read by this process too:
    the equation holds in every process by itself.
    """
    result = {}
    for topic, accounts in now.items():
        before = at_start.get(topic, TopicAccounts())
        result[topic] = TopicAccounts(
            read=accounts.read - before.read + before.pending,
            observed=accounts.observed - before.observed,
            late={reason: events - before.late.get(reason, 0) for reason, events in accounts.late.items()},
            rejected={reason: events - before.rejected.get(reason, 0) for reason, events in accounts.rejected.items()},
            pending=accounts.pending,
        )
    return result
