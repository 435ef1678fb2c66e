"""A topic whose events are read otherwise after a restart."""

from runtime_doubles import P0, TOPIC, batch, book_of, config_of, minutes, profile

from driftd.runtime.accounts import accounts_of
from driftd.runtime.build import build_pipeline
from driftd.runtime.pipeline import Pipeline
from driftd.runtime.records import restore, to_records
from driftd.summarise.settings import TopicSettings
from driftd.values.part import Ledger
from driftd.values.view import TopicAccounts


def pipeline_reading(settings: TopicSettings) -> Pipeline:
    """Return a pipeline that reads the topic with these settings."""
    return build_pipeline(config_of(), {TOPIC: settings}, book_of(profile()))


def accounts(pipeline: Pipeline) -> TopicAccounts:
    """Return the topic's accounts."""
    return accounts_of(pipeline.ledgers.values(), (shard.merge.accounts for shard in pipeline.shards))[TOPIC]


def test_events_of_open_windows_are_counted_once_by_the_new_settings() -> None:
    """What was handed on of open windows is dropped and read again: nothing stands in a window twice."""
    values = minutes(0, 2)
    before = pipeline_reading(TopicSettings())
    before.start([Ledger(P0, 0, 0)], 0)
    before.read(batch(values, drained=True), 0)
    records = to_records(before)

    after = pipeline_reading(TopicSettings.model_validate({"exclude": ["other"]}))
    (ledger,) = restore(after, records, {TOPIC}, 0)
    after.start([ledger], 0)
    after.read(batch(values[ledger.rewind :], ledger.rewind, drained=True), 0)
    assert len(values) == accounts(after).read
    after.finish(0)
    assert (len(values), 0) == (accounts(after).observed, accounts(after).pending)


def test_what_was_handed_on_is_kept_under_the_same_settings() -> None:
    """A partition that cannot be read again at once has its events in the window all the same."""
    values = minutes(0, 2)
    before = pipeline_reading(TopicSettings())
    before.start([Ledger(P0, 0, 0)], 0)
    before.read(batch(values, drained=True), 0)
    after = pipeline_reading(TopicSettings())
    restore(after, to_records(before), {TOPIC}, 0)
    after.finish(0)
    assert len(values) == accounts(after).observed
