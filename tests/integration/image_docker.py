"""A Docker daemon for tests: the one that answers, or one of their own that leaves neither process nor mount behind."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from docker_broker import docker_answers
from programs import program
from waiting import wait_for

ROOT = Path(__file__).parents[2]
BASE = re.compile(r"^ARG PYTHON_IMAGE=(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Docker:
    """A daemon at ``host``, None for the one that is asked without saying where."""

    host: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which programs find this daemon."""
        return dict(os.environ) | ({} if self.host is None else {"DOCKER_HOST": self.host})

    def attempt(self, *arguments: str | Path, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a docker command that may fail."""
        return _run([program("docker"), *arguments], self.environment, seconds)

    def __call__(self, *arguments: str | Path, seconds: float = 60.0) -> str:
        """Run a docker command that has to succeed; return what it prints."""
        done = self.attempt(*arguments, seconds=seconds)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def build(self, tag: str) -> None:
        """Build the image: on its pinned base where that can be had, else on a stand-in."""
        (base,) = BASE.findall((ROOT / "Dockerfile").read_text(encoding="utf-8"))
        pulled = self.host is None and self.attempt("pull", "--quiet", base, seconds=300).returncode == 0
        bases = [] if pulled else ["--stand-in"]
        done = _run([ROOT / "deploy" / "image" / "build", *bases, tag], self.environment, 800)
        assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]


@contextlib.contextmanager
def docker_daemon() -> Iterator[Docker]:
    """Give a daemon; skips, and on CI fails, where there is none and none can be started."""
    program("docker")
    if docker_answers():
        yield Docker()
        return
    dockerd = program("dockerd")
    program("debootstrap")
    if os.geteuid() != 0:
        pytest.skip("no Docker daemon answers, and only root can start one")
    folder = Path(tempfile.mkdtemp(prefix="driftd-docker-"))
    try:
        with _dockerd(dockerd, folder) as docker:
            yield docker
    finally:
        _unmount_below(folder)
        shutil.rmtree(folder)
    assert [path for path in _mounts() if path.is_relative_to(folder)] == []
    assert _processes_naming(folder) == []


@contextlib.contextmanager
def _dockerd(dockerd: str, folder: Path) -> Iterator[Docker]:
    """Run a daemon that leaves the machine's firewall and interfaces alone: its containers use the host's network."""
    docker = Docker(f"unix://{folder}/docker.sock")
    options = ["--bridge=none", "--iptables=false", "--ip-forward=false", f"--data-root={folder}/data"]
    options += [f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", f"--host={docker.host}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([dockerd, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(lambda: process.poll() is not None or docker.attempt("info").returncode == 0, "dockerd answers")
        assert process.poll() is None, (folder / "log").read_text()[-3000:]
        yield docker
        for container in docker("ps", "--quiet").split():
            docker("kill", container)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        finally:
            process.kill()
        wait_for(lambda: _processes_naming(folder) == [], "containerd and its shims have ended", 30)


def _run(command: list[str | Path], environment: dict[str, str], seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
    )


def _mounts() -> list[Path]:
    """Return where something is mounted, the newest first."""
    return [Path(line.split()[1]) for line in reversed(Path("/proc/self/mounts").read_text().splitlines())]


def _unmount_below(folder: Path) -> None:
    """Unmount what dockerd leaves: the network namespace of containers that use the host's."""
    for path in _mounts():
        if path.is_relative_to(folder):
            subprocess.run(["umount", path], check=True, timeout=30)


def _processes_naming(folder: Path) -> list[str]:
    """Return the command lines that name a folder: containerd's and its shims' do."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in line:
                found.append(line)
    return found
