from driftd.metrics.catalogue import CATALOGUE
from driftd.metrics.metric import MetricType

RESERVED = {"driftd_monitor_performance"}


def test_names_are_unique_and_carry_the_prefix() -> None:
    """Every metric has one name, and it starts with driftd_."""
    names = [metric.name for metric in CATALOGUE]
    assert len(set(names)) == len(names)
    assert all(name.startswith("driftd_") for name in names)


def test_suffixes_tell_the_types() -> None:
    """Counters end in _total and infos in _info, and nothing else does."""
    for metric in CATALOGUE:
        assert metric.name.endswith("_total") == (metric.type is MetricType.COUNTER), metric.name
        assert metric.name.endswith("_info") == (metric.type is MetricType.INFO), metric.name
        assert bool(metric.buckets) == (metric.type is MetricType.HISTOGRAM), metric.name


def test_every_metric_has_a_help_that_is_a_sentence() -> None:
    """Help starts with a capital or a figure and ends with a full stop."""
    for metric in CATALOGUE:
        assert metric.help[0] == metric.help[0].upper(), metric.name
        assert metric.help.endswith("."), metric.name


def test_names_of_later_features_are_not_used_yet() -> None:
    """A reserved name appears with the feature behind it, never before."""
    assert RESERVED.isdisjoint(metric.name for metric in CATALOGUE)


def test_closed_sets_belong_to_labels_of_the_metric() -> None:
    """Only a label that a metric has can have its values listed."""
    for metric in CATALOGUE:
        assert metric.values.keys() <= set(metric.labels), metric.name
