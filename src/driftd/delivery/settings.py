"""Settings of delivery: who is told, and the secrets that go with it."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator

from driftd.errors import ConfigurationError
from driftd.values.settings import DurationMs, Section

_WEBHOOK_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_KEY_PREFIX = "whsec_"  # of the Standard Webhooks convention: the rest is base64
_Secret = TypeVar("_Secret")


def _check_url(url: str) -> str:
    """Refuse what no event can be posted to; the messages never repeat the address, which may be a secret."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must consist of printable ASCII characters without spaces: encode all others")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("must be an address such as https://oncall.example.org/drift") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError("must be an address such as https://oncall.example.org/drift")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("must be an address without user name and fragment: credentials go into authorization_file")
    return url


def _check_topic(name: str) -> str:
    if not _TOPIC_NAME.fullmatch(name):
        raise ValueError("must be a topic's name: letters, digits, '.', '_' and '-' only")
    return name


#: Wherever settings are shown, only the host is: values/secrets goes by the key ``url``.
WebhookUrl = Annotated[str, AfterValidator(_check_url)]
Topic = Annotated[str, AfterValidator(_check_topic)]


class WebhookSettings(Section):
    """One receiver of drift events over HTTP."""

    url: WebhookUrl = Field(repr=False, description="address that each drift event is posted to")
    secret_file: Path | None = Field(None, description="holds the key that each request is signed with (HMAC-SHA256)")
    authorization_file: Path | None = Field(None, description="holds the value of the Authorization header")
    timeout: DurationMs = Field(10_000, ge=100, le=120_000, description="how long one request may take")


class DeliverySettings(Section):
    """Where drift events and rejected events go, beside the metrics and the API."""

    topic: Topic | None = Field(None, description="topic that drift events are written to; it must exist")
    dead_letter_topic: Topic | None = Field(
        None, description="topic that rejected events are written to; it must exist"
    )
    webhooks: dict[str, WebhookSettings] = Field(
        default_factory=dict, description="by a name of your own: receivers of drift events over HTTP"
    )
    backlog: int = Field(
        10_000, ge=10, le=1_000_000, description="documents kept for a receiver that does not answer; beyond: dropped"
    )

    @field_validator("webhooks")
    @classmethod
    def _names_fit_for_labels(cls, value: dict[str, WebhookSettings]) -> dict[str, WebhookSettings]:
        for name in value:
            if not _WEBHOOK_NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot be a webhook's name: 1 to 64 letters, digits, '_' and '-' only")
        return value


@dataclass(frozen=True, slots=True)
class Credentials:
    """The secrets of one webhook, as read from their files."""

    key: bytes | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)


def credentials_of(name: str, webhook: WebhookSettings) -> Credentials:
    """Read the secret files of a webhook; ConfigurationError names the one that cannot be used, and no secret."""
    where = f"delivery.webhooks.{name}"
    return Credentials(
        key=_read(f"{where}.secret_file", webhook.secret_file, _parse_key),
        authorization=_read(f"{where}.authorization_file", webhook.authorization_file, _parse_authorization),
    )


def check_delivery(settings: DeliverySettings) -> None:
    """Raise ConfigurationError if a secret file cannot be used: before anything is sent, or put in force."""
    for name, webhook in settings.webhooks.items():
        credentials_of(name, webhook)


def _read(setting: str, path: Path | None, parse: Callable[[str], _Secret]) -> _Secret | None:
    if path is None:
        return None
    try:
        return parse(path.read_text(encoding="utf-8").strip())
    except OSError as unreadable:
        raise ConfigurationError(setting, str(path), f"must be a readable file: {unreadable.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(setting, str(path), "must be a file of UTF-8 text") from None
    except ValueError as wrong:
        raise ConfigurationError(setting, str(path), str(wrong)) from None


def _parse_key(text: str) -> bytes:
    if not text.startswith(_KEY_PREFIX):
        key = text.encode()
    else:
        try:
            key = base64.b64decode(text.removeprefix(_KEY_PREFIX), validate=True)
        except binascii.Error:
            raise ValueError(f"must be a file whose text after {_KEY_PREFIX} is base64") from None
    if not key:
        raise ValueError("must be a file with a key in it, and this one is empty")
    return key


def _parse_authorization(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("must be a file with one line of printable ASCII, such as 'Bearer' and a token")
    return text
