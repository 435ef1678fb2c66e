from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import ValidationError

from driftd.errors import ConfigurationError
from driftd.kafka.client import check_client, consumer_properties
from driftd.kafka.settings import OWNED_PROPERTIES, KafkaSettings
from driftd.values.secrets import MASK


def settings(**changes: Any) -> KafkaSettings:
    """Return sound settings with changes."""
    return KafkaSettings(**{"group_id": "fraud-drift", "topics": ["predictions"], **changes})


def problem(**changes: Any) -> tuple[tuple[str | int, ...], str]:
    """Return where the only problem of the settings is, and what it is."""
    with pytest.raises(ValidationError) as refused:
        settings(**changes)
    (error,) = refused.value.errors()
    return error["loc"], error["msg"].removeprefix("Value error, ")


def test_defaults_read_an_hour_back_from_a_local_broker() -> None:
    """With a group and topics only, the daemon reads from localhost, starting an hour back."""
    assert settings().model_dump(mode="json") == {
        "bootstrap_servers": "localhost:9092",
        "group_id": "fraud-drift",
        "topics": {"predictions": {}},
        "start": "1h",
        "client": {},
        "client_files": {},
        "connect_timeout": "30s",
        "batch_records": 1000,
        "discovery_interval": "5s",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a", "b"], {"a": {}, "b": {}}),
        ({"a": None, "b": {"format": "json"}}, {"a": {}, "b": {"format": "json"}}),
    ],
)
def test_topics_are_a_mapping_in_the_end(given: object, expected: dict[str, object]) -> None:
    """A list of names means topics without settings of their own."""
    assert settings(topics=given).topics == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "must be a list of topic names, or a mapping from topic names to their settings"),
        ("predictions", "must be a list of topic names, or a mapping from topic names to their settings"),
        (["a", "a"], "must name each topic once"),
        (["a b"], "'a b' cannot be a topic's name: letters, digits, '.', '_' and '-' only"),
    ],
)
def test_bad_topics_are_refused(given: object, expected: str) -> None:
    """No topic, a topic twice and an impossible name are told apart."""
    assert problem(topics=given) == (("topics",), expected)


@pytest.mark.parametrize(("given", "expected"), [("earliest", "earliest"), ("latest", "latest"), ("90m", 5_400_000)])
def test_start_is_an_end_or_a_duration(given: str, expected: str | int) -> None:
    """``kafka.start`` is earliest, latest or a duration back."""
    assert settings(start=given).start == expected


def test_start_without_a_unit_is_refused() -> None:
    """A bare number says nothing about its unit."""
    expected = "must be earliest, latest or a duration such as 500ms, 60s, 5m, 1h or 30d"
    assert {problem(start=value)[1] for value in (60, "60", "yesterday", True)} == {expected}


@pytest.mark.parametrize("name", sorted(OWNED_PROPERTIES))
@pytest.mark.parametrize("field", ["client", "client_files"])
def test_owned_properties_are_refused_with_the_reason(field: str, name: str) -> None:
    """What driftd sets itself cannot be set, and the message says what to do instead or why."""
    assert problem(**{field: {name: "x"}}) == ((field, name, "[key]"), f"cannot be set here: {OWNED_PROPERTIES[name]}")


def test_one_property_in_both_places_is_a_contradiction() -> None:
    """A property comes from the configuration or from a file, not from both."""
    given = {"client": {"sasl.password": "x"}, "client_files": {"sasl.password": "/run/secrets/p"}}
    assert problem(**given) == (("client_files",), "sasl.password is set in kafka.client as well: keep one of them")


def test_secrets_are_masked_and_never_in_the_repr() -> None:
    """The effective configuration shows which secrets are set, not what they are."""
    client = {"sasl.password": "hush", "ssl.key.pem": "hush", "sasl.username": "hush", "fetch.min.bytes": 1}
    section = settings(client=client)
    shown = section.model_dump(mode="json")["client"]
    assert shown == {"sasl.password": MASK, "ssl.key.pem": MASK, "sasl.username": MASK, "fetch.min.bytes": 1}
    assert "hush" not in repr(section)


def test_what_driftd_owns_wins_over_nothing_and_defaults_yield() -> None:
    """The operator's properties replace the defaults; the positions stay driftd's business."""
    properties = consumer_properties(settings(client={"queued.min.messages": 5, "client.rack": "a"}))
    expected = {"queued.min.messages": 5, "client.rack": "a", "enable.auto.commit": False, "auto.offset.reset": "error"}
    assert {name: properties[name] for name in expected} == expected


def test_secret_files_lose_their_last_newline_only(tmp_path: Path) -> None:
    """A file's value is its text without the newline that editors put at the end."""
    (tmp_path / "password").write_text(" two\nlines \n\n", encoding="utf-8")
    properties = consumer_properties(settings(client_files={"sasl.password": tmp_path / "password"}))
    assert properties["sasl.password"] == " two\nlines \n"


def test_a_missing_secret_file_is_a_configuration_error(tmp_path: Path) -> None:
    """The message names the key, the file and the reason."""
    with pytest.raises(ConfigurationError) as refused:
        consumer_properties(settings(client_files={"sasl.password": tmp_path / "none"}))
    assert refused.value.key == "kafka.client_files.sasl.password"
    assert refused.value.expected == "must be a file with the value in it (No such file or directory)"


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ({"no.such.property": 1}, 'No such configuration property: "no.such.property"'),
        ({"fetch.min.bytes": "many"}, 'Invalid value for configuration property "fetch.min.bytes"'),
    ],
)
def test_what_librdkafka_refuses_is_a_configuration_error(client: dict[str, str | int], expected: str) -> None:
    """Unknown properties and impossible values are found without a broker; values are not repeated."""
    with pytest.raises(ConfigurationError) as refused:
        check_client(settings(client=client), structlog.get_logger())
    assert (refused.value.key, refused.value.value, refused.value.expected) == ("kafka.client", *client, expected)


def test_sound_settings_make_a_client() -> None:
    """A configuration is checked without any broker."""
    check_client(settings(bootstrap_servers="127.0.0.1:1", client={"log_level": 0}), structlog.get_logger())
