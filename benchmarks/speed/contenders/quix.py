"""The same watching as a Quix Streams application with the library's own settings; JSON is decoded by the library."""

import os
import tempfile
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]  # in an environment of its own

from speed.contenders.clock import Clock, options
from speed.contenders.detectors import Detectors


def main() -> None:
    """Watch so many events."""
    given = options().parse_args()
    clock = Clock(given.events, given.broker_pid)
    detectors = Detectors()
    seen = 0

    def watch(event: dict[str, Any]) -> None:
        nonlocal seen
        detectors.feed(event["features"])
        seen += 1
        if clock.is_over(seen):
            clock.tell_and_exit()

    with tempfile.TemporaryDirectory() as folder:
        application = Application(
            broker_address=given.bootstrap_servers,
            consumer_group=f"contender-quix-{os.getpid()}",
            auto_offset_reset="earliest",
            state_dir=folder,
            loglevel="ERROR",
        )
        application.dataframe(application.topic(given.topic, value_deserializer="json")).update(watch)
        application.run()


if __name__ == "__main__":
    main()
