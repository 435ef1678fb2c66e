"""The made-up model of the tour: its topics, its reference, and its endless traffic. Runs on the image of driftd.

The events are those of ``driftd demo``, at the pace of the clock: RATE a second, and from time to time with other
amounts and countries.
"""

import argparse
import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import orjson
import structlog

from driftd.errors import DriftdError
from driftd.kafka.producer import RecordProducer
from driftd.references.blocks import BlockRule
from driftd.references.build import build_profile
from driftd.references.codec import profile_to_json
from driftd.references.rows import Row
from driftd.runtime.demo_traffic import MODEL, VERSION, event, training_rows

TOPICS = {"predictions": 4, "drift-events": 1, "rejected-events": 1}  # by name: partitions
RATE = 24  # events a second: 240 in one of the tour's windows
WINDOW_MS = 10_000  # windows.duration in driftd.yaml
LOG = structlog.get_logger()


def main() -> int:
    """Do what the command line says; 1 where the broker does not take it."""
    arguments = _arguments()
    try:
        if arguments.command == "topics":
            create_topics(arguments.bootstrap_servers)
        elif arguments.command == "reference":
            write_reference(arguments.directory)
        else:
            stopped = Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopped.set())
            produce(arguments.bootstrap_servers, arguments.healthy, arguments.drifting, stopped)
    except DriftdError as error:
        print(f"traffic: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def create_topics(bootstrap_servers: str) -> None:
    """Create what does not exist yet."""
    producer = RecordProducer(bootstrap_servers, LOG)
    for topic, partitions in TOPICS.items():
        producer.create_topic(topic, partitions)
        print(f"topic {topic}, {partitions} partitions", flush=True)


def write_reference(directory: Path) -> None:
    """Write the profile of the model's training data; the same at every call."""
    profile = build_profile(
        _training, model=MODEL, version=VERSION, blocks=BlockRule(span_ms=WINDOW_MS), source="deploy/compose/traffic.py"
    )
    (directory / f"{MODEL}-{VERSION}.json").write_bytes(profile_to_json(profile))
    print(f"reference {profile.reference_id} of {profile.rows:,} rows in {directory}", flush=True)


def produce(bootstrap_servers: str, healthy_s: float, drifting_s: float, stopped: Event) -> None:
    """Send events until it is stopped, those of every second at its end."""
    rng = random.Random()  # noqa: S311 -- made-up data, not secrets
    producer = RecordProducer(bootstrap_servers, LOG)
    began = due = time.time()
    was_drifting = None
    while not stopped.wait(max(due - time.time(), 0)):
        drifting = (due - began) % (healthy_s + drifting_s) >= healthy_s
        if drifting != was_drifting:
            what = "larger amounts, from other countries" if drifting else "as in training"
            print(f"{time.strftime('%H:%M:%S')} traffic: {what}", flush=True)
            was_drifting = drifting
        for number in range(RATE):
            time_ms = int(due * 1000) - 1000 + number * 1000 // RATE
            features, prediction = event(rng, drifting=drifting)
            fields = {"model": MODEL, "version": VERSION, "id": f"{time_ms}-{number}", "timestamp": time_ms}
            value = orjson.dumps({**fields, "features": features, "prediction": prediction})
            producer.produce("predictions", number % TOPICS["predictions"], value, time_ms)
        producer.flush()
        due = max(due + 1, time.time() - 10)  # what was missed while this machine slept is not made up for
    producer.flush()


def _training() -> Iterator[Row]:
    """Yield the demonstration's training rows, RATE a second."""
    for number, row in enumerate(training_rows(0)):
        yield replace(row, time_ms=number * 1000 // RATE)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    topics = commands.add_parser("topics", help="create the topics")
    reference = commands.add_parser("reference", help="write the reference profile")
    reference.add_argument("directory", type=Path)
    sending = commands.add_parser("produce", help="send events until SIGTERM")
    for command in (topics, sending):
        command.add_argument("--bootstrap-servers", required=True, metavar="HOST:PORT")
    sending.add_argument("--healthy", type=float, default=240.0, metavar="SECONDS", help="as in training (240)")
    sending.add_argument("--drifting", type=float, default=180.0, metavar="SECONDS", help="then changed (180)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
