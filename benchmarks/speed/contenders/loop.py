"""The loop that one writes by hand: confluent-kafka, orjson, and river's detectors for every feature and event."""

import orjson

from made_up_events import PARTITIONS
from speed.contenders.clock import Clock, options
from speed.contenders.consumed import consumed
from speed.contenders.detectors import Detectors


def main() -> None:
    """Watch so many events."""
    given = options().parse_args()
    clock = Clock(given.events, given.broker_pid)
    detectors = Detectors()
    seen = 0
    for batch in consumed(given.bootstrap_servers, given.topic, range(PARTITIONS)):
        for message in batch:
            if message.error() is None:
                detectors.feed(orjson.loads(message.value() or b"")["features"])
        seen += len(batch)
        if clock.is_over(seen):
            break
    clock.tell()


if __name__ == "__main__":
    main()
