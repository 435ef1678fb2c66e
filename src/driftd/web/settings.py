"""Settings of the HTTP server."""

from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from driftd.values.settings import Section


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


ADDRESS_FORM = "HOST:PORT such as 0.0.0.0:9108 or [::1]:9108; port 0 picks a free one"


def parse_address(value: object) -> Address:
    """Read ``HOST:PORT``, an IPv6 host in brackets; ValueError says what would be right."""
    if isinstance(value, Address):
        return value
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    bracketed = host.startswith("[") and host.endswith("]")
    sound = colon and host and port.isascii() and port.isdecimal() and int(port) <= 65_535
    if not sound or (":" in host) != bracketed:
        raise ValueError(f"must be {ADDRESS_FORM}")
    if not bracketed:
        return Address(host, int(port))
    try:
        return Address(str(IPv6Address(host[1:-1])), int(port))
    except AddressValueError:
        raise ValueError(f"must be {ADDRESS_FORM}") from None


def check_url(value: Any) -> Any:
    """Refuse what is not an absolute http(s) address without credentials, query and fragment."""
    if value is None:
        return None
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address such as https://driftd.example.org")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be an address without user name, query and fragment: it is shown to everybody")
    return value.rstrip("/")


class HttpSettings(Section):
    """Where the metrics, the API and the page are served."""

    listen: Annotated[
        Address,
        BeforeValidator(parse_address),
        PlainSerializer(str, return_type=str, when_used="json"),
        WithJsonSchema({"type": "string", "title": "HOST:PORT"}),
    ] = Field(Address("0.0.0.0", 9108), description="address to listen on: HOST:PORT; port 0 picks a free one")  # noqa: S104 -- a pod is scraped from outside
    external_url: Annotated[str | None, BeforeValidator(check_url)] = Field(
        None, description="address under which people reach this server, for links in drift events"
    )
    web_config_file: Path | None = Field(
        None, description="TLS and basic authentication, in the form of Prometheus' web configuration file"
    )
    admin_token_file: Path | None = Field(
        None, description="holds the bearer token for calls that change something; without it they are off"
    )
