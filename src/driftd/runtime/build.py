"""Builds a pipeline from a configuration."""

from collections.abc import Mapping
from dataclasses import replace

from driftd.config.judgement import JudgementBook, judgement_of
from driftd.config.model import Config
from driftd.detect.stage import DetectStage
from driftd.incidents.stage import IncidentStage
from driftd.merge.stage import MergeStage
from driftd.references.book import ReferenceBook
from driftd.runtime.pipeline import Pipeline, Shard
from driftd.summarise.choice import kernel_in_use
from driftd.summarise.seam import Summariser
from driftd.summarise.settings import TopicSettings
from driftd.summarise.stage import SummariseStage
from driftd.values.keys import SourcePartition
from driftd.values.paging import Paging


def build_pipeline(config: Config, topics: Mapping[str, TopicSettings], book: ReferenceBook) -> Pipeline:
    """Compose the stages for topics read with these settings, held against the book's references.

    Windows are judged by the configuration until a snapshot or ``Pipeline.adopt_judgement`` says otherwise.
    Raises ConfigurationError where the kernel that the environment insists on is not there.
    """
    judgements = JudgementBook(judgement_of(config))

    kernel = kernel_in_use()

    def summariser(source: SourcePartition) -> Summariser:
        return kernel.make(source, topics[source.topic], config.windows, config.limits, book.find)

    def paging_at(model: str, window_start_ms: int) -> Paging:
        models = len({profile.model for profile in book.at(window_start_ms).profiles})
        return replace(judgements.paging_at(model, window_start_ms), models=max(models, 1))

    def shard() -> Shard:
        return Shard(
            MergeStage(config.windows, config.limits, book.by_id),
            DetectStage(judgements.detect_at, paging_at, book.by_id),
            IncidentStage(judgements.incidents_at, config.windows.duration, config.http.external_url),
        )

    return Pipeline(
        config.windows,
        book,
        judgements,
        lambda: SummariseStage(summariser, config.windows),
        shard,
        settings_ids={name: settings.content_id for name, settings in topics.items()},
    )
