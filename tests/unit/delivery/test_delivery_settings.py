"""Settings of delivery, and the secret files that they name."""

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from driftd.delivery.settings import Credentials, DeliverySettings, WebhookSettings, check_delivery, credentials_of
from driftd.errors import ConfigurationError
from driftd.values.secrets import masked


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "https://oncall.example.org/drift?team=a%20b",
        "https://127.0.0.1:8443/",
        "http://[::1]:80/hook",
    ],
)
def test_addresses_of_webhooks_are_http(url: str) -> None:
    """A host, perhaps a port, a path, a query."""
    assert WebhookSettings(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "oncall.example.org",
        "ftp://hidden.example.org/",
        "https:///hidden",
        "https://user@hidden.example.org/",
        "https://user:password@hidden.example.org/",
        "https://:@hidden.example.org/",
        "https://hidden.example.org/#top",
        "https://hidden.example.org:0/",
        "https://hidden.example.org:65536/",
        "https://hidden.example.org:x/",
        "https://[::1/hidden",
        "https://hidden.example.org/a b",
        "https://hidden.example.org/a\r\nX: y",
        "https://hiddén.example.org/",
    ],
)
def test_anything_else_is_refused_without_repeating_it(url: str) -> None:
    """The path of an address may be what gives access, so no message holds it."""
    with pytest.raises(ValidationError) as caught:
        WebhookSettings(url=url)
    (error,) = caught.value.errors()
    assert error["type"] == "value_error"
    assert "hidden" not in error["msg"]


def test_an_address_is_shown_without_its_path() -> None:
    """Neither path nor query stand in the effective configuration."""
    url = "https://oncall.example.org:8443/hidden?a=hidden"
    shown = DeliverySettings(webhooks={"oncall": {"url": url}}).model_dump(mode="json")
    assert masked("", shown)["webhooks"]["oncall"]["url"] == "https://oncall.example.org:8443/***"


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "x" * 65, "a.b"])
def test_names_of_webhooks_are_short_words(name: str) -> None:
    """They are labels of metrics, and parts of the names of variables."""
    with pytest.raises(ValidationError, match="cannot be a webhook's name"):
        DeliverySettings(webhooks={name: {"url": "http://localhost"}})


@pytest.mark.parametrize("key", ["topic", "dead_letter_topic"])
@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "x" * 250])
def test_names_of_topics_are_those_that_kafka_takes(key: str, name: str) -> None:
    """Letters, digits, dots, dashes and underscores."""
    with pytest.raises(ValidationError, match="must be a topic's name"):
        DeliverySettings(**{key: name})


def with_files(folder: Path, secret: str | bytes | None, authorization: str | None = None) -> WebhookSettings:
    """Return a webhook whose secret files have these contents."""
    files = {}
    for name, content in (("secret_file", secret), ("authorization_file", authorization)):
        if content is not None:
            files[name] = folder / name
            files[name].write_bytes(content if isinstance(content, bytes) else content.encode())
    return WebhookSettings(url="http://localhost", **files)


def test_a_key_is_text_or_base64_behind_its_prefix(tmp_path: Path) -> None:
    """Space around it, as a last line break, is no part of it."""
    key = bytes(range(24))
    plain = credentials_of("a", with_files(tmp_path, " s3cret\n", "Bearer abc\n"))
    assert plain == Credentials(b"s3cret", "Bearer abc")
    standard = credentials_of("a", with_files(tmp_path, f"whsec_{base64.b64encode(key).decode()}\n"))
    assert standard == Credentials(key, None)


def test_no_files_are_no_secrets() -> None:
    """Requests are neither signed nor authorized then."""
    assert credentials_of("a", WebhookSettings(url="http://localhost")) == Credentials()


@pytest.mark.parametrize(
    ("secret", "authorization", "key"),
    [
        ("", None, "secret_file"),
        ("whsec_", None, "secret_file"),
        ("whsec_hidden!", None, "secret_file"),
        (b"hidden\xff", None, "secret_file"),
        ("fine", "", "authorization_file"),
        ("fine", "Bearer hidden\r\nX: y", "authorization_file"),
        ("fine", "Bearer hiddén", "authorization_file"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_by_its_file(
    tmp_path: Path, secret: str | bytes, authorization: str | None, key: str
) -> None:
    """Before anything is sent; the message holds the path and nothing of the content."""
    settings = DeliverySettings(webhooks={"oncall": with_files(tmp_path, secret, authorization)})
    with pytest.raises(ConfigurationError) as caught:
        check_delivery(settings)
    assert caught.value.key == f"delivery.webhooks.oncall.{key}"
    assert caught.value.value == str(tmp_path / key)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A mounted secret may be missing."""
    webhook = WebhookSettings(url="http://localhost", secret_file=tmp_path / "none")
    with pytest.raises(ConfigurationError) as caught:
        check_delivery(DeliverySettings(webhooks={"oncall": webhook}))
    assert str(caught.value) == (
        f"delivery.webhooks.oncall.secret_file: '{tmp_path / 'none'}' is not valid: "
        "must be a readable file: No such file or directory"
    )


def test_sound_settings_pass(tmp_path: Path) -> None:
    """Each file is read."""
    check_delivery(DeliverySettings(webhooks={"a": with_files(tmp_path, "s", "t")}))
