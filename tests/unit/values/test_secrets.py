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
        "Authorization",
        "proxy_authorization",
        "Set-Cookie",
        "bearer",
        "passphrase",
        "webhook_secret",
        "admin_token",
        "sasl.oauthbearer.config",
    ],
)
def test_secret_keys_are_known(key: str) -> None:
    """Passwords, secrets, tokens, keys and all of sasl are secret."""
    assert is_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        "sasl.mechanism",
        "sasl.mechanisms",
        "ssl.key.location",
        "ssl.ca.location",
        "keyboard",
        "monkey",
        "group_id",
        "secret_file",
        "authorization_file",
        "admin_token_file",
        "key_file",
        "authorised",
    ],
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


def test_passwords_in_addresses_may_hold_an_at_sign() -> None:
    """Everything up to the last one before the path is masked."""
    assert masked("brokers", "sasl://user:p@ss@h:9092/a@b") == "sasl://***@h:9092/a@b"


def test_secrets_in_a_query_are_masked() -> None:
    """What a query gives under a secret-looking name is not shown."""
    assert masked("target", "https://h/x?a=1&token=abc&n=2#t") == "https://h/x?a=1&token=***&n=2#t"


def test_of_a_receiver_s_address_only_the_host_is_shown() -> None:
    """Many services put the secret into the path."""
    given = {"webhooks": {"ops": {"url": "https://u:p@h.example.org:8443/services/T0/B0?x=1", "secret_file": "/run/s"}}}
    shown = {"webhooks": {"ops": {"url": "https://***@h.example.org:8443/***", "secret_file": "/run/s"}}}
    assert shown == masked("", given)
    assert masked("url", "https://h.example.org") == "https://h.example.org"
    assert masked("external_url", "https://h.example.org/driftd") == "https://h.example.org/driftd"


def test_under_basic_auth_users_every_name_has_a_secret() -> None:
    """The keys are names of somebody's choice; a value of another form is masked whole."""
    assert masked("", {"basic_auth_users": {"alice": "$2y$10$x"}}) == {"basic_auth_users": {"alice": "***"}}
    assert masked("basic_auth_users", ["$2y$10$x"]) == "***"


def test_what_is_not_there_is_no_secret() -> None:
    """An unset password is shown as unset."""
    assert masked("password", None) is None
