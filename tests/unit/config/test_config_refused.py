"""Configurations that are refused: one file a rule, the messages in its first lines."""

from pathlib import Path

import pytest

from driftd.config.load import load_config
from driftd.errors import ConfigurationError

CASES = sorted((Path(__file__).parent / "testdata" / "refused").glob("*.yaml"))
MARK = "# expected: "


def expected_of(case: Path) -> list[str]:
    """Read the messages that a case must give."""
    lines = case.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(MARK).replace("FILE", repr(str(case))) for line in lines if line.startswith(MARK)]


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_a_wrong_configuration_is_refused_with_key_value_and_remedy(case: Path) -> None:
    """Each message names the full path of the key, the value, and what would be right; all are listed."""
    with pytest.raises(ConfigurationError) as caught:
        load_config(case, {})
    assert str(caught.value).splitlines() == expected_of(case)


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_a_message_never_holds_a_secret(case: Path) -> None:
    """The password of the cases stands in no message and in no field of the errors."""
    with pytest.raises(ConfigurationError) as caught:
        load_config(case, {})
    errors = [caught.value, *caught.value.also]
    assert not any("hunter2" in f"{error} {error.value!r}" for error in errors)
    assert caught.value.__cause__ is None or not isinstance(caught.value.__cause__, ValueError)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The message names the option and the path."""
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigurationError) as caught:
        load_config(path, {})
    assert str(caught.value) == f"--config: {str(path)!r} is not valid: cannot be read: No such file or directory"


def test_a_missing_file_named_by_the_environment_is_refused(tmp_path: Path) -> None:
    """The message names the variable, since no option was given."""
    with pytest.raises(ConfigurationError) as caught:
        load_config(None, {"DRIFTD_CONFIG": str(tmp_path / "none.yaml")})
    assert caught.value.key == "DRIFTD_CONFIG"


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """The message says which byte is wrong."""
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"log: {level: \xe9}")
    with pytest.raises(ConfigurationError) as caught:
        load_config(path, {})
    assert caught.value.expected == "must be UTF-8: byte 13 is not"


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            {"DRIFTD_WINDOWS__DURATION": "60"},
            (
                "windows.duration: '60' is not valid: must be a duration such as 500ms, 60s, 5m, 1h or 30d "
                "(set by DRIFTD_WINDOWS__DURATION)"
            ),
        ),
        (
            {"DRIFTD_WINDOWS__LATENES": "30s"},
            (
                "windows.latenes: '30s' is not valid: there is no such key; did you mean lateness? "
                "(set by DRIFTD_WINDOWS__LATENES)"
            ),
        ),
        (
            {"DRIFTD_WINDOW__LATENESS": "30s"},
            (
                "window: {'lateness': '30s'} is not valid: there is no such key; did you mean windows? "
                "(set by DRIFTD_WINDOW__LATENESS)"
            ),
        ),
        (
            {"DRIFTD_INCIDENTS__PAGE_ON": "[adwin"},
            (
                "incidents.page_on: '[adwin' is not valid: must be a list such as [evidence, psi>0.2] "
                "(set by DRIFTD_INCIDENTS__PAGE_ON)"
            ),
        ),
    ],
)
def test_a_wrong_variable_is_named(env: dict[str, str], message: str) -> None:
    """Where the environment set a value, the message says by which variable."""
    with pytest.raises(ConfigurationError) as caught:
        load_config(None, env)
    assert str(caught.value) == message
