"""Settings that are sound one by one and wrong together."""

from collections.abc import Iterator

from driftd.config.model import Config
from driftd.detect.settings import DETECTORS, parse_page_rule
from driftd.errors import ConfigurationError
from driftd.incidents.settings import IncidentSettings
from driftd.values.budget import LEAST_THRESHOLD, Budget
from driftd.values.settings import EVIDENCE, DurationMs, format_duration


def contradictions(config: Config) -> list[ConfigurationError]:
    """Return everything that contradicts something else, by section."""
    return [
        *_windows(config),
        *_limits(config),
        *_paging(config),
        *_budgets(config),
        *_models(config),
        *_delivery(config),
    ]


def _windows(config: Config) -> Iterator[ConfigurationError]:
    windows = config.windows
    if windows.duration == 0:
        yield _duration("windows.duration", windows.duration, "must be more than 0s")
    length = format_duration(windows.duration)
    if windows.max_span < windows.duration:
        yield _duration(
            "windows.max_span", windows.max_span, f"must be at least windows.duration, {length}: it spans whole windows"
        )
    if windows.max_ahead < windows.duration:
        yield _duration(
            "windows.max_ahead",
            windows.max_ahead,
            f"must be at least windows.duration, {length}: else partitions in step with each other are paused",
        )
    if windows.max_hold < windows.idle_timeout:
        yield _duration(
            "windows.max_hold",
            windows.max_hold,
            f"must be at least windows.idle_timeout, {format_duration(windows.idle_timeout)}: "
            "what is unreachable is not waited for less than what is idle",
        )


def _limits(config: Config) -> Iterator[ConfigurationError]:
    limits = config.limits
    if limits.monitors < limits.models:
        yield ConfigurationError(
            "limits.monitors", limits.monitors, f"must be at least limits.models, {limits.models}: each has a monitor"
        )
    least = {"windows.max_span": (config.windows.max_span, "what is carried over is forgotten with its monitor")}
    for section, incidents in (("incidents", config.incidents), *_incidents_of_models(config, "silence")):
        silence_ms = incidents.silence_ms(config.windows.duration)
        least[f"{section}.silence"] = (silence_ms, "a silent version ends its incidents before it is forgotten")
    for key, (span_ms, why) in least.items():
        if limits.expire_after < span_ms:
            expected = f"must be at least {key}, {format_duration(span_ms)}: {why}"
            yield _duration("limits.expire_after", limits.expire_after, expected)


def _incidents_of_models(config: Config, key: str) -> Iterator[tuple[str, IncidentSettings]]:
    """Yield the settings of the models that have this key of their own, under the name of their section."""
    for name, model in config.models.items():
        if key in model.incidents.model_fields_set:
            yield f"models.{name}.incidents", model.incidents


def _models(config: Config) -> Iterator[ConfigurationError]:
    for name in config.models:
        if not 0 < len(name) <= config.limits.name_length:
            yield ConfigurationError(
                "models", name, f"must be a name of 1 to {config.limits.name_length} characters (limits.name_length)"
            )
    for name, model in config.models.items():
        if model.expect_every is not None and model.expect_every < config.windows.duration:
            yield _duration(
                f"models.{name}.expect_every",
                model.expect_every,
                f"must be at least windows.duration, {format_duration(config.windows.duration)}: "
                "events are seen when their window closes",
            )


def _delivery(config: Config) -> Iterator[ConfigurationError]:
    delivery = config.delivery
    read = () if config.kafka is None else config.kafka.topics
    for key, topic in (("topic", delivery.topic), ("dead_letter_topic", delivery.dead_letter_topic)):
        if topic in read:
            yield ConfigurationError(f"delivery.{key}", topic, "must not be a topic that is read: see kafka.topics")
    if delivery.topic is not None and delivery.topic == delivery.dead_letter_topic:
        yield ConfigurationError(
            "delivery.dead_letter_topic", delivery.topic, "must be another topic than delivery.topic"
        )


def _paging(config: Config) -> Iterator[ConfigurationError]:
    """Check every list of what pages: each member known, and what it names switched on."""
    lists = {"incidents": config.incidents.page_on}
    lists |= {section: incidents.page_on for section, incidents in _incidents_of_models(config, "page_on")}
    for section, members in lists.items():
        for position, member in enumerate(members):
            expected = _wrong_with(member, config)
            if expected:
                yield ConfigurationError(f"{section}.page_on[{position}]", member, expected)


def _wrong_with(member: str, config: Config) -> str | None:
    try:
        rule = parse_page_rule(member)
    except ValueError as error:
        return str(error)
    if rule.name in DETECTORS and rule.name not in config.detect.detectors.enabled:
        return f"a detector that pages must be on: set detect.detectors.{rule.name} to {{}}"
    return None


def _budgets(config: Config) -> Iterator[ConfigurationError]:
    """Check that every budget that the evidence has to keep leaves enough windows to a false page."""
    window_ms = config.windows.duration
    binding: dict[str, IncidentSettings] = {}
    if EVIDENCE in config.incidents.page_on:
        binding["incidents"] = config.incidents
    for name, model in config.models.items():
        own = config.incidents_of(name)
        if EVIDENCE in own.page_on and {"budget", "page_on"} & model.incidents.model_fields_set:
            binding[f"models.{name}.incidents"] = own
    for section, budget in ((section, incidents.budget) for section, incidents in binding.items()):
        if window_ms > 0 and budget.threshold(window_ms) < LEAST_THRESHOLD:
            yield ConfigurationError(f"{section}.budget", str(budget), _budget_that_would_do(budget, window_ms))


def _budget_that_would_do(budget: Budget, window_ms: int) -> str:
    why = "to a false page (fewer do not tell drift from chance)"
    if budget.horizon_ms is None:
        return (
            f"must leave {LEAST_THRESHOLD} windows {why}: make it at most {Budget(1, horizon_windows=LEAST_THRESHOLD)}"
        )
    least = Budget(1, horizon_ms=LEAST_THRESHOLD * window_ms)
    longest_ms = budget.horizon_ms // (LEAST_THRESHOLD * budget.pages)
    shorter = f", or windows.duration at most {format_duration(longest_ms)}" if longest_ms else ""
    return (
        f"must leave {LEAST_THRESHOLD} windows of {format_duration(window_ms)} {why}: make it at most {least}{shorter}"
    )


def _duration(key: str, value_ms: DurationMs, expected: str) -> ConfigurationError:
    return ConfigurationError(key, format_duration(value_ms), expected)
