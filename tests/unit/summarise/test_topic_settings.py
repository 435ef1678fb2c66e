"""The settings of a topic: defaults, and every contradiction refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from driftd.summarise.settings import Constant, TopicSettings


def test_defaults_are_the_canonical_names() -> None:
    """Without settings the fields are where driftd's own form has them."""
    settings = TopicSettings()

    assert settings.model_dump() == {
        "format": "json",
        "model": "model",
        "version": "version",
        "id": "id",
        "timestamp": "timestamp",
        "features": "features",
        "prediction": "prediction",
        "label": "label",
        "exclude": frozenset(),
    }
    assert settings.not_features == frozenset()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"format": "avro"}, "Input should be 'json'"),
        ({"path": "x"}, "Extra inputs are not permitted"),
        ({"model": ""}, "must be a dotted path such as meta.model, without empty steps"),
        ({"model": "a..b"}, "must be a dotted path such as meta.model, without empty steps"),
        ({"label": "."}, "must be a dotted path such as meta.model, without empty steps"),
        ({"features": ".features"}, "must be a dotted path such as meta.model, without empty steps"),
        ({"model": {"const": ""}}, "String should have at least 1 character"),
        ({"model": {"const": True}}, "Input should be a valid string"),
        ({"model": {"constant": "x"}}, "Field required"),
        ({"timestamp": {"const": "2023-11-14T22:13:20Z"}}, "Input should be a valid string"),
        ({"features": {"const": "x"}}, "Input should be a valid string"),
        ({"label": {"const": 1}}, "Input should be a valid string"),
        ({"version": "model"}, "model and version must not have the same path model"),
        ({"label": "features"}, "features and label must not have the same path features"),
        ({"model": "meta", "version": "meta.v"}, "version must not lie inside model: only features is an object"),
        ({"prediction": "label.p"}, "prediction must not lie inside label: only features is an object"),
        ({"features": "id.features"}, "features must not lie inside id: only features is an object"),
    ],
)
def test_contradiction_is_refused_with_the_reason(given: dict[str, Any], reason: str) -> None:
    """Unknown keys, empty steps, misplaced constants and paths in each other's way are refused."""
    with pytest.raises(ValidationError) as refusal:
        TopicSettings.model_validate(given)

    assert any(reason in error["msg"] for error in refusal.value.errors())


def test_constant_may_be_written_as_a_number() -> None:
    """YAML reads ``{const: 3}`` as a number; it names the version 3."""
    assert TopicSettings.model_validate({"version": {"const": 3}}).version == Constant(const="3")


def test_keys_on_the_way_to_other_fields_are_no_features() -> None:
    """With features at the top level, the first step of every other path is taken, as are the exclusions."""
    settings = TopicSettings.model_validate(
        {"features": ".", "model": {"const": "m"}, "version": "meta.v", "label": "meta.y", "exclude": ["user"]}
    )

    assert settings.not_features == {"meta", "id", "timestamp", "prediction", "user"}


def test_field_among_the_features_is_no_feature() -> None:
    """A prediction that lies in the object of features is not one of them."""
    settings = TopicSettings.model_validate({"features": "a.b", "prediction": "a.b.p", "label": "a.y"})

    assert settings.not_features == {"p"}


def test_content_id_names_the_settings() -> None:
    """Equal settings have equal ids whatever the order of the exclusions; others do not."""
    one = TopicSettings.model_validate({"exclude": ["a", "b", "c"]})
    same = TopicSettings.model_validate({"exclude": ["c", "a", "b"], "model": "model"})

    assert one.content_id == same.content_id
    assert (
        len({one.content_id, TopicSettings().content_id, TopicSettings(model=Constant(const="model")).content_id}) == 3
    )
