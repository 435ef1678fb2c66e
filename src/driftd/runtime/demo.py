"""The demonstration: a made-up model drifts half-way, and the daemon itself finds it."""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path
from threading import Event, Thread

import orjson

from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.errors import DriftdError
from driftd.kafka.mock import MOCK_PARTITIONS, MockCluster
from driftd.kafka.producer import RecordProducer
from driftd.logs.stream import Log
from driftd.references.blocks import BlockRule
from driftd.references.build import build_profile
from driftd.references.codec import profile_to_json
from driftd.runtime.clock import Clock
from driftd.runtime.daemon import run_daemon
from driftd.runtime.demo_story import Story, time_ms
from driftd.runtime.demo_traffic import (
    EVENTS_PER_WINDOW,
    MODEL,
    VERSION,
    WINDOW_MS,
    Timetable,
    training_rows,
    window_of_events,
)
from driftd.runtime.observatory import Board
from driftd.runtime.outbox import Delivery
from driftd.runtime.requests import Requests
from driftd.values.state import State

SHOW_SHARE = 0.55  # of the time allowed: the rest is for starting, resolving and closing
MOST_IN_FLIGHT = 3_000  # records; the mock cluster keeps a few megabytes a partition


@dataclass(slots=True)
class StorySink:
    """Hands what the daemon delivers to the story."""

    story: Story
    wants_windows: bool = True

    def deliver(self, delivery: Delivery) -> None:
        """Tell what came to light, in the order in which it did."""
        told: list[tuple[int, Callable[[State], None], State]] = [
            (line["window"]["end_ms"], self.story.window, line) for line in delivery.windows
        ]
        told += [(time_ms(event), self.story.event, event) for event in delivery.events]
        for _, tell, document in sorted(told, key=itemgetter(0)):
            tell(document)


@dataclass(slots=True)
class Show:
    """One run of the demonstration. ``run`` returns whether the drift was paged, and nothing else."""

    say: Callable[[str], None]
    log: Log
    clock: Clock
    seconds: float
    port: int
    bootstrap_servers: str | None = None
    timetable: Timetable = field(default_factory=Timetable)
    failure: BaseException | None = None  # what ended the daemon early

    def run(self, keep: Event | None) -> bool:
        """Run from training to the verdict; with ``keep``, stay up until it is set."""
        until = time.monotonic() + self.seconds
        start_ms = (self.clock.wall_ms() // WINDOW_MS - self.timetable.windows - 1) * WINDOW_MS
        story = Story(self.say, self.timetable, start_ms)
        board = Board(self.clock)
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="driftd-demo-")))
            self._train(directory, start_ms)
            topic = f"driftd-demo-{start_ms // WINDOW_MS}"
            producer = self._cluster(stack, topic)
            config = self._config(directory, topic)
            self.say(f"3. daemon     http://127.0.0.1:{self.port}/  metrics, API, readiness")
            with self._daemon(config, StorySink(story), board):
                self._wait(lambda: not board.view.not_ready, until, "the daemon did not get ready")
                self.say("")
                self._produce(producer, topic, start_ms, story, board, until)
                everything = self.timetable.windows * EVENTS_PER_WINDOW  # what comes last may page, too
                self._wait(lambda: story.over and _read_up_to(board, everything), until)
                passed = story.conclude(board.view)
                if keep is not None:
                    self.say(f"\nStill serving http://127.0.0.1:{self.port}/metrics until you press Ctrl-C.")
                    with suppress(KeyboardInterrupt):
                        keep.wait()
        return passed

    def _train(self, directory: Path, start_ms: int) -> None:
        profile = build_profile(
            lambda: training_rows(start_ms - 86_400_000),
            model=MODEL,
            version=VERSION,
            blocks=BlockRule(span_ms=WINDOW_MS),
            source="driftd demo",
        )
        (directory / "references").mkdir()
        (directory / "references" / "fraud-1.json").write_bytes(profile_to_json(profile))
        columns = ", ".join(column.key.name for column in profile.columns)
        self.say(f"1. training   {profile.rows:,} rows make reference {profile.reference_id}: {columns}")

    def _cluster(self, stack: ExitStack, topic: str) -> RecordProducer:
        if self.bootstrap_servers is None:
            cluster = stack.enter_context(MockCluster(self.log.logger))
            self.bootstrap_servers = cluster.bootstrap_servers
            cluster.create_topic(topic)
            what = "librdkafka's mock cluster inside this process"
            producer = RecordProducer(self.bootstrap_servers, self.log.logger)
        else:
            what = self.bootstrap_servers
            producer = RecordProducer(self.bootstrap_servers, self.log.logger)
            producer.create_topic(topic, MOCK_PARTITIONS)
        self.say(f"2. kafka      {what}: topic {topic}, {MOCK_PARTITIONS} partitions")
        return producer

    def _config(self, directory: Path, topic: str) -> Config:
        return load_config(
            None,
            {},
            {
                "kafka": {
                    "bootstrap_servers": self.bootstrap_servers,
                    "group_id": topic,
                    "topics": [topic],
                    "start": "earliest",
                },
                "references": {"directory": str(directory / "references")},
                "state": {"directory": str(directory / "state"), "checkpoint_interval": "100ms"},
                "windows": {"lateness": "5s", "idle_timeout": "1s"},
                "incidents": {"page_max_age": "1d"},  # the traffic plays some hours in a few seconds
                "http": {"listen": f"127.0.0.1:{self.port}"},
            },
        )

    @contextmanager
    def _daemon(self, config: Config, sink: StorySink, board: Board) -> Iterator[None]:
        """Run the daemon on a thread; what ends it early is raised here, at the latest when it is stopped."""
        requests = Requests()

        def body() -> None:
            try:
                run_daemon(config, self.log, self.clock, requests, sink=sink, board=board)
            except BaseException as error:  # noqa: BLE001 -- raised again on the thread that waits for the daemon
                self.failure = error

        thread = Thread(target=body, name="driftd", daemon=True)
        thread.start()
        try:
            yield
        finally:
            requests.stop()
            thread.join(timeout=15)
        self._raise_failure()

    def _produce(  # noqa: PLR0917 -- what the show is made of
        self, producer: RecordProducer, topic: str, start_ms: int, story: Story, board: Board, until: float
    ) -> None:
        """Send the traffic evenly over the time of the show, never far ahead of the daemon."""
        rng = random.Random(2)  # noqa: S311 -- made-up data, not secrets
        began, length = time.monotonic(), self.seconds * SHOW_SHARE
        for window in range(self.timetable.windows):
            due = began + length * window / self.timetable.windows
            self._wait(partial(_passed, due), until)
            story.producing(window)
            drifting = self.timetable.drifting(window)
            for number, event in enumerate(window_of_events(rng, start_ms + window * WINDOW_MS, drifting=drifting)):
                producer.produce(topic, number % MOCK_PARTITIONS, orjson.dumps(event), event["timestamp"])
            producer.flush()
            self._wait(
                partial(_read_up_to, board, (window + 1) * EVENTS_PER_WINDOW - MOST_IN_FLIGHT),
                until,
                "the daemon did not keep up with the traffic",
            )

    def _wait(self, condition: Callable[[], bool], until: float, complaint: str | None = None) -> None:
        """Wait for a condition, or till the time is up: then DriftdError with the complaint, if there is one."""
        pause = Event()
        while not condition():
            self._raise_failure()
            if time.monotonic() > until:
                if complaint is not None:
                    raise DriftdError(f"{complaint} within the time allowed: try a larger --seconds")
                return
            pause.wait(0.01)

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure


def _passed(moment: float) -> bool:
    return time.monotonic() >= moment


def _read_up_to(board: Board, records: int) -> bool:
    return sum(accounts.read for accounts in board.view.topics.values()) >= records
