"""A summariser alone, on batches that lie in memory: the one that DRIFTD_KERNEL chooses."""

from pathlib import Path

from driftd.kafka.cut import cut
from driftd.references.codec import profile_from_json
from driftd.summarise.choice import kernel_in_use
from driftd.summarise.seam import Cursor
from driftd.summarise.settings import TopicSettings
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition
from driftd.values.settings import LimitSettings, WindowSettings
from speed.contenders.clock import Clock, options
from speed.contenders.consumed import consumed


def main() -> None:
    """Sum so many events of one partition."""
    parser = options()
    parser.add_argument("--profile", type=Path, required=True, help="of the model")
    given = parser.parse_args()
    profile = profile_from_json(given.profile.read_bytes(), given.profile.name)
    windows = WindowSettings()
    source = SourcePartition(given.topic, 0)
    summariser = kernel_in_use().make(source, TopicSettings(), windows, LimitSettings(), lambda *_: profile)
    batches = _batches(given.bootstrap_servers, given.topic, given.events)
    clock = Clock(given.events, given.broker_pid)
    seen, watermark_ms = 0, None
    for batch in batches:
        tally = summariser.add(batch, Cursor(batch.offsets[0], watermark_ms))
        if tally.summed != len(batch.values) or tally.newest_ms is None:
            raise SystemExit(f"the summariser did not sum every event: {tally}")
        watermark_ms = tally.newest_ms - windows.lateness
        summariser.passed(watermark_ms)
        seen += len(batch.values)
        if clock.is_over(seen):
            break
    clock.tell()


def _batches(bootstrap_servers: str, topic: str, events: int) -> list[Batch]:
    batches: list[Batch] = []
    held = 0
    for messages in consumed(bootstrap_servers, topic, range(1)):
        batches += [batch for batch in cut(messages, None).batches if batch.values]
        held += len(messages)
        if held >= events:
            break
    return batches


if __name__ == "__main__":
    main()
