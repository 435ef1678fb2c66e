"""A consumer that drops what it gets: the most that any contender with this client could reach."""

from made_up_events import PARTITIONS
from speed.contenders.clock import Clock, options
from speed.contenders.consumed import consumed


def main() -> None:
    """Fetch so many events."""
    given = options().parse_args()
    clock = Clock(given.events, given.broker_pid)
    seen = 0
    for batch in consumed(given.bootstrap_servers, given.topic, range(PARTITIONS)):
        seen += len(batch)
        if clock.is_over(seen):
            break
    clock.tell()


if __name__ == "__main__":
    main()
