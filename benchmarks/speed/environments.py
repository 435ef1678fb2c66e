"""Virtual environments of the contenders whose libraries are no part of driftd's own."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from speed.daemon import BENCHMARKS

CACHE = BENCHMARKS.parent / ".cache" / "bench"
INSTALL_SECONDS = 300.0


class NotInstalled(Exception):
    """A contender cannot be run; the text says why."""


def python_with(name: str) -> Path:
    """Return the interpreter of an environment that has what requirements/NAME.txt lists, made on first use.

    Raises NotInstalled where that cannot be had, of no network for example.
    """
    requirements = BENCHMARKS / "requirements" / f"{name}.txt"
    content = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = CACHE / f"{name}-{content}"
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists():
        venv.create(folder, clear=True, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
        try:
            subprocess.run(
                [*install, "--requirement", str(requirements)],
                check=True,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.CalledProcessError as failed:
            told = [line for line in failed.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
            raise NotInstalled(told[-1].removeprefix("ERROR: ")) from None
        except subprocess.TimeoutExpired:
            raise NotInstalled(f"not installed within {INSTALL_SECONDS:g} s") from None
        made.touch()
    return python
