"""What the command line says of the kernel."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from driftd.cli import main
from driftd.summarise.choice import VARIABLE, kernel_in_use


def version(*options: str, kernel: str) -> str:
    """Return what ``driftd version`` prints."""
    result = CliRunner().invoke(main, ["version", *options], env={VARIABLE: kernel})
    assert result.exit_code == 0, result.output
    return result.stdout


def line_of(name: str, output: str) -> str:
    """Return the value in the line that begins with a name."""
    (found,) = [line.removeprefix(name).strip() for line in output.splitlines() if line.split()[0] == name]
    return found


def test_version_says_why_the_kernel_is_python() -> None:
    """In words behind its name, or beside it in JSON."""
    assert line_of("kernel", version(kernel="python")) == "python (DRIFTD_KERNEL says so)"
    told = json.loads(version("--json", kernel="python"))
    assert (told["kernel"], told["kernel_reason"]) == ("python", "DRIFTD_KERNEL says so")


def test_version_names_the_kernel_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is said, that is the compiled one if there is one."""
    monkeypatch.setenv(VARIABLE, "auto")
    kernel = kernel_in_use()
    shown = f"python ({kernel.reason})" if kernel.name == "python" else "rust"
    assert line_of("kernel", version(kernel="auto")) == shown
    told = json.loads(version("--json", kernel="auto"))
    assert (told["kernel"], told["kernel_reason"]) == (kernel.name, kernel.reason)


def run_without_brokers(monkeypatch: pytest.MonkeyPatch, kernel: str) -> subprocess.CompletedProcess[str]:
    """Start the daemon in a process of its own, which ends at once since it is told no brokers."""
    monkeypatch.setenv(VARIABLE, kernel)
    command = [sys.executable, "-m", "driftd", "run"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_daemon_that_reads_in_python_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a line of the log, before anything else."""
    line, *more = run_without_brokers(monkeypatch, "python").stderr.splitlines()
    told = json.loads(line)
    assert (told["event"], told["reason"]) == ("events are read in Python", "DRIFTD_KERNEL says so")
    assert not any("in Python" in line for line in more)


def test_daemon_with_a_kernel_that_is_none_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, and the words that would be right."""
    done = run_without_brokers(monkeypatch, "fast")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "driftd: error: DRIFTD_KERNEL: 'fast' is not valid: must be auto, python or rust\n"
