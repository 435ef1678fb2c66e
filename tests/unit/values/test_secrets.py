"""What is masked wherever settings and log lines are shown."""

import pytest

from driftd.values.secrets import is_secret, masked


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "sasl.password",
        "sasl.username",
        "ssl.key.password",
        "ssl.key.pem",
        "api_key",
        "KEY",
        "client_secret",
    ],
)
def test_secret_keys_are_known(key: str) -> None:
    """Passwords, secrets, tokens, keys and all of sasl are secret."""
    assert is_secret(key)


@pytest.mark.parametrize(
    "key",
    ["sasl.mechanism", "sasl.mechanisms", "ssl.key.location", "ssl.ca.location", "keyboard", "monkey", "group_id"],
)
def test_open_keys_are_known(key: str) -> None:
    """Methods, places of files and words that merely contain one of those are not."""
    assert not is_secret(key)


def test_leaves_are_judged_by_their_own_key() -> None:
    """A topic may be called tokens: its settings are shown; a list under a secret key is not."""
    given = {"topics": {"tokens": {"format": "json"}}, "client": {"sasl.password": ["a", {"b": 1}]}}
    assert masked("", given) == {"topics": {"tokens": {"format": "json"}}, "client": {"sasl.password": "***"}}


def test_the_file_of_a_secret_is_shown() -> None:
    """client_files holds paths, and where a secret lies helps to find what is wrong."""
    assert masked("", {"client_files": {"sasl.password": "/run/x"}}) == {"client_files": {"sasl.password": "/run/x"}}


def test_user_names_in_addresses_are_masked() -> None:
    """What stands before the host of an address is masked, in lists too."""
    assert masked("urls", ["https://u:p@h/x", "https://h/x@y"]) == ["https://***@h/x", "https://h/x@y"]


def test_what_is_not_there_is_no_secret() -> None:
    """An unset password is shown as unset."""
    assert masked("password", None) is None
