"""The whole configuration: a section for each package's settings."""

from pydantic import Field

from driftd.delivery.settings import DeliverySettings
from driftd.detect.settings import DetectSettings
from driftd.errors import NO_VALUE, ConfigurationError
from driftd.incidents.settings import CommonIncidentSettings, IncidentSettings
from driftd.kafka.settings import KafkaSettings
from driftd.logs.settings import LogSettings
from driftd.metrics.settings import MetricsSettings
from driftd.references.settings import ReferenceSettings
from driftd.snapshot.settings import StateSettings
from driftd.summarise.settings import TopicSettings
from driftd.values.budget import Importance
from driftd.values.privacy import Shown
from driftd.values.settings import DurationMs, LimitSettings, Section, WindowSettings
from driftd.web.settings import HttpSettings

_NEEDED = "driftd run needs group_id and topics here, and bootstrap_servers where the broker is not local"


class SourceSettings(KafkaSettings):
    """The kafka section with the type of a topic's settings: kafka/ reads bytes and knows no events."""

    topics: dict[str, TopicSettings] = Field(
        description="topics to read: a list of names, or a mapping from names to where the fields of an event are"
    )


class ColumnSettings(Section):
    """What differs for one column of a model."""

    values: Shown = Field(Shown.SHOW, description="its values in every output: as they are, as hashes, or hidden")
    importance: Importance = Field(
        1.0, description="how much of its group's part of the false-page budget it has, beside the other columns' 1"
    )


class ModelSettings(Section):
    """What differs for one model."""

    incidents: IncidentSettings = Field(
        default_factory=IncidentSettings, description="only the keys given here differ from the section above"
    )
    columns: dict[str, ColumnSettings] = Field(default_factory=dict, description="by name of a column: what differs")
    expect_every: DurationMs | None = Field(
        None, description="a silence longer than this is wrong: driftd rules has an alert for it"
    )


class Config(Section):
    """Every setting in force. Frozen; what is not given has its default.

    ``kafka`` is None where no broker is configured: enough to replay a file, not to run.
    """

    kafka: SourceSettings | None = Field(None, description="where the events come from")
    references: ReferenceSettings = Field(default_factory=ReferenceSettings, description="the training profiles")
    windows: WindowSettings = Field(default_factory=WindowSettings, description="how event time is cut")
    detect: DetectSettings = Field(default_factory=DetectSettings, description="what detects drift")
    incidents: CommonIncidentSettings = Field(
        default_factory=CommonIncidentSettings, description="what pages, and how often"
    )
    state: StateSettings = Field(default_factory=StateSettings, description="what survives a restart")
    delivery: DeliverySettings = Field(
        default_factory=DeliverySettings, description="who is told, beside the metrics and the API"
    )
    http: HttpSettings = Field(default_factory=HttpSettings, description="metrics, probes, API and page")
    metrics: MetricsSettings = Field(default_factory=MetricsSettings, description="which series are exported")
    log: LogSettings = Field(default_factory=LogSettings, description="the log on stderr")
    limits: LimitSettings = Field(default_factory=LimitSettings, description="bounds of what input can grow")
    models: dict[str, ModelSettings] = Field(default_factory=dict, description="by model name: what differs for it")

    def incidents_of(self, model: str) -> IncidentSettings:
        """Return the incident settings of a model: its own where given, else the common ones."""
        own = self.models.get(model)
        return self.incidents.of_model(None if own is None else own.incidents)

    def source(self) -> SourceSettings:
        """Return the Kafka settings; ConfigurationError where there are none."""
        if self.kafka is None:
            raise ConfigurationError("kafka", NO_VALUE, _NEEDED)
        return self.kafka
