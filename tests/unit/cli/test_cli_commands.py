"""The command line: commands found lazily, errors told in one line, exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from driftd import __version__
from driftd.cli import COMMANDS, main
from driftd.cli.lazy import LazyGroup, verbatim
from driftd.errors import ConfigurationError, DriftdError, ProfileError

REFERENCE = Path(__file__).parents[3] / "config" / "reference.yaml"
HEAVY = ("river", "scipy", "confluent_kafka", "pandas", "prometheus_client", "pydantic", "numpy")


def test_help_imports_nothing_heavy() -> None:
    """``driftd --help`` and the start of every command are quick: no library is imported before it is needed."""
    script = (
        "import sys\nfrom driftd.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    code = end.code\n"
        f"print('LOADED', code, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "LOADED 0 []"


def test_help_lists_every_command() -> None:
    """The list holds each command with its one line, and the examples keep their lines."""
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    listed = result.output.split("Commands:")[1].splitlines()[1 : len(COMMANDS) + 1]
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert "\n    driftd run --config driftd.yaml\n" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name: str) -> None:
    """Each registered command can be imported, and its help shows how it is called."""
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Examples:" in result.output
    assert f"driftd {name}" in result.output.split("Examples:")[1]


def test_python_m_driftd_works() -> None:
    """The package can be run without its script."""
    done = subprocess.run(
        [sys.executable, "-m", "driftd", "version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[0].split() == ["driftd", __version__]


def test_version_names_what_a_report_should_name() -> None:
    """The kernel, Python, librdkafka, river and numpy are named."""
    result = CliRunner().invoke(main, ["version"])
    names = [line.split()[0] for line in result.output.splitlines()]
    assert names == ["driftd", "kernel", "python", "confluent-kafka", "librdkafka", "river", "numpy"]
    assert all(len(line.split()) == 2 for line in result.output.splitlines() if not line.startswith("kernel"))


def test_an_unknown_command_is_answered_with_the_one_meant() -> None:
    """A typing mistake is usage, exit code 2."""
    result = CliRunner().invoke(main, ["chek-config"])
    assert result.exit_code == 2
    assert "No such command 'chek-config'. Did you mean 'check-config'?" in result.output


class _OneCommand(LazyGroup):
    """A group whose only command raises."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(package="none", commands_help={"fail": ""}, name="driftd")
        self.error = error

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Return the command, whatever it is called."""
        del ctx

        def fail() -> None:
            raise self.error

        return click.Command(cmd_name, callback=fail)


@pytest.mark.parametrize(
    ("error", "code", "stderr"),
    [
        (DriftdError("something is wrong"), 1, "driftd: error: something is wrong\n"),
        (ProfileError("a.json", "is empty"), 1, "driftd: error: a.json: is empty\n"),
        (
            ConfigurationError("a", 1, "must be 2", (ConfigurationError("b", 3, "must be 4"),)),
            2,
            "driftd: error: a: 1 is not valid: must be 2\ndriftd: error: b: 3 is not valid: must be 4\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_are_told_in_one_line_each(error: BaseException, code: int, stderr: str) -> None:
    """What is raised on purpose becomes lines on stderr and its exit code, without a traceback."""
    result = CliRunner().invoke(_OneCommand(error), ["fail"])
    assert (result.exit_code, result.stderr, result.stdout) == (code, stderr, "")


def test_an_error_nobody_expected_is_not_hidden() -> None:
    """A mistake in driftd itself keeps its traceback."""
    result = CliRunner().invoke(_OneCommand(RuntimeError("a mistake")), ["fail"])
    assert isinstance(result.exception, RuntimeError)


def test_a_reader_that_goes_away_is_no_error_to_talk_about() -> None:
    """``driftd … | head`` ends quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "driftd", "check-config", "--config", str(REFERENCE)]
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.stderr == ""


def test_check_config_prints_what_is_in_force() -> None:
    """Standard output is YAML with units and nothing else; the exit code is 0."""
    env = {"DRIFTD_WINDOWS__DURATION": "5m", "DRIFTD_KAFKA__CLIENT__SASL_PASSWORD": "hunter2"}
    result = CliRunner(env=env).invoke(main, ["check-config", "--config", str(REFERENCE)])
    assert result.exit_code == 0
    assert yaml.safe_load(result.stdout)["windows"]["duration"] == "5m"
    assert "sasl.password: '***'" in result.stdout


def test_check_config_lists_everything_that_is_wrong(tmp_path: Path) -> None:
    """Each mistake is one line on stderr; the exit code is 2 and nothing is printed."""
    path = tmp_path / "driftd.yaml"
    path.write_text("windows: {duration: 60, latenes: 1s}\n")
    result = CliRunner().invoke(main, ["check-config", "--config", str(path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(" is not valid")[0] for line in result.stderr.splitlines()] == [
        "driftd: error: windows.duration: 60",
        "driftd: error: windows.latenes: '1s'",
    ]


def test_check_config_wants_what_run_wants() -> None:
    """Without a kafka section there is nothing to run."""
    result = CliRunner(env={"DRIFTD_CONFIG": None}).invoke(main, ["check-config"])
    assert result.exit_code == 2
    assert result.stderr == (
        "driftd: error: kafka: no value is not valid: driftd run needs group_id and topics here, "
        "and bootstrap_servers where the broker is not local\n"
    )


@pytest.mark.parametrize(
    ("epilog", "expected"),
    [
        (None, None),
        ("Some text\nthat may be wrapped.", "Some text\nthat may be wrapped."),
        ("Examples:\n  a\n  b\n\nAnd:\n  c", "\b\nExamples:\n  a\n  b\n\n\b\nAnd:\n  c"),
    ],
)
def test_only_examples_keep_their_lines(epilog: str | None, expected: str | None) -> None:
    """Paragraphs of an epilog of examples are marked for click; other epilogs are left alone."""
    assert verbatim(epilog) == expected
