"""Builds a pipeline from a configuration."""

from collections.abc import Mapping
from functools import cache

from driftd.config.model import Config
from driftd.detect.settings import parse_page_rule
from driftd.detect.stage import DetectStage
from driftd.incidents.stage import IncidentStage
from driftd.merge.stage import MergeStage
from driftd.references.book import ReferenceBook
from driftd.runtime.pipeline import Pipeline, Shard
from driftd.summarise.plain import PlainSummariser
from driftd.summarise.settings import TopicSettings
from driftd.summarise.stage import SummariseStage
from driftd.values.keys import SourcePartition
from driftd.values.settings import PageRule


def build_pipeline(config: Config, topics: Mapping[str, TopicSettings], book: ReferenceBook) -> Pipeline:
    """Compose the stages for topics read with these settings, held against the book's references."""

    def summariser(source: SourcePartition) -> PlainSummariser:
        return PlainSummariser(source, topics[source.topic], config.windows, config.limits, book.find)

    @cache
    def page_on(model: str) -> tuple[PageRule, ...]:
        return tuple(parse_page_rule(rule) for rule in config.incidents_of(model).page_on)

    def shard() -> Shard:
        return Shard(
            MergeStage(config.windows, config.limits, book.by_id),
            DetectStage(config.detect, page_on, book.by_id),
            IncidentStage(config.incidents_of, config.windows.duration, config.http.external_url),
        )

    return Pipeline(
        config.windows,
        book,
        lambda: SummariseStage(summariser, config.windows),
        shard,
        topic_ids={name: settings.content_id for name, settings in topics.items()},
    )
