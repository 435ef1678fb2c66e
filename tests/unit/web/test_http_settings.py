"""The http section."""

import pytest
from pydantic import ValidationError

from driftd.web.settings import Address, HttpSettings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0:9108", Address("0.0.0.0", 9108)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:80", Address("::1", 80)),
    ],
)
def test_an_address_is_read_and_written_the_same(text: str, expected: Address) -> None:
    """HOST:PORT is read, IPv6 in brackets, and written back as it was."""
    settings = HttpSettings.model_validate({"listen": text})
    assert settings.listen == expected
    assert settings.model_dump(mode="json")["listen"] == text


@pytest.mark.parametrize(
    "value", ["9108", ":9108", "host:", "host:65536", "::1:80", "[::1]", "[x]:1", "[h]:1", "h:-1", 9108]
)
def test_what_is_no_address_is_refused(value: object) -> None:
    """The message says the form of an address."""
    with pytest.raises(ValidationError, match="must be HOST:PORT such as"):
        HttpSettings.model_validate({"listen": value})


def test_an_external_url_loses_its_last_slash() -> None:
    """Paths are appended to it."""
    assert (
        HttpSettings.model_validate({"external_url": "https://d.example.org/x/"}).external_url
        == "https://d.example.org/x"
    )


@pytest.mark.parametrize(
    "value", ["d.example.org", "ftp://d", "https://", "https://u:p@d", "https://d?x=1", "https://d#x", 1]
)
def test_what_is_no_plain_address_is_refused_as_external_url(value: object) -> None:
    """It must be http(s), with a host, and hold nothing secret or particular."""
    with pytest.raises(ValidationError, match="must be an address"):
        HttpSettings.model_validate({"external_url": value})
