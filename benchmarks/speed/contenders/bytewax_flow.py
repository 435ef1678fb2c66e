"""The same watching as a Bytewax dataflow of one worker with the library's own settings, decoded by orjson."""

from typing import Any

import bytewax.operators as op  # type: ignore[import-not-found]  # in an environment of its own
import orjson
from bytewax.connectors.kafka import KafkaSource  # type: ignore[import-not-found]
from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]
from bytewax.testing import TestingSink, run_main  # type: ignore[import-not-found]

from speed.contenders.clock import Clock, options
from speed.contenders.detectors import Detectors


def main() -> None:
    """Watch so many events."""
    given = options().parse_args()
    clock = Clock(given.events, given.broker_pid)
    detectors = Detectors()
    seen = 0

    def watch(message: Any) -> bool:
        nonlocal seen
        detectors.feed(orjson.loads(message.value)["features"])
        seen += 1
        if clock.is_over(seen):
            clock.tell_and_exit()
        return False

    flow = Dataflow("watch")
    messages = op.input("events", flow, KafkaSource([given.bootstrap_servers], [given.topic], tail=False))
    op.output("nothing", op.filter("watched", messages, watch), TestingSink([]))
    run_main(flow)


if __name__ == "__main__":
    main()
