"""What is installed where: the compiled kernel from a wheel or by cargo, and pure Python where there is neither."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from driftd import __version__
from programs import program

ROOT = Path(__file__).parents[2]
BESIDE_SRC = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
NOT_SOURCES = shutil.ignore_patterns("target", "__pycache__", "*.so", "*.egg-info", "Cargo.lock")
CRATE = tomllib.loads((ROOT / "src" / "kernel" / "Cargo.toml").read_text(encoding="utf-8"))
TAKES = f"driftd: the kernel is left out: it takes Rust {CRATE['package']['rust-version']}"
IN_PYTHON = "without it driftd reads events in Python"
KERNEL = "driftd/_kernel.abi3.so"
SDIST = "import setuptools.build_meta as backend, sys; backend.build_sdist(sys.argv[1])"

pytestmark = pytest.mark.timeout(400)  # cargo compiles everything anew, on cores that other tests use as well


class Ground(NamedTuple):
    """A source tree as it is released, and an interpreter with what building it takes."""

    tree: Path
    python: Path
    released: frozenset[str]

    def pip(self, *arguments: str | Path, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run pip on the tree; where it may fail, look at the exit code."""
        command = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            self.python,
            *arguments,
            "--no-deps",
            "--no-build-isolation",
        ]
        return subprocess.run(
            command, cwd=self.tree, env=environment(changed), text=True, capture_output=True, check=False
        )

    def wheel(self, folder: Path, **changed: str) -> tuple[Path, str]:
        """Build a wheel into a folder; return it and what was said."""
        done = self.pip("wheel", "--verbose", "--wheel-dir", folder, ".", **changed)
        assert done.returncode == 0, done.stdout + done.stderr
        (wheel,) = folder.glob("*.whl")
        return wheel, done.stdout + done.stderr


def environment(changed: Mapping[str, str]) -> dict[str, str]:
    """Return the process's own environment with changes; no kernel is chosen, and cargo's cache stays usable."""
    ours = {name: text for name, text in os.environ.items() if name != "DRIFTD_KERNEL"}
    return {**ours, "PYO3_PYTHON": f"{sys.prefix}/bin/python", **changed}


def run(*command: str | Path, cwd: Path, **changed: str) -> str:
    """Run a command that has to succeed."""
    done = subprocess.run(command, cwd=cwd, env=environment(changed), text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def clean_environment(folder: Path) -> Path:
    """Create a virtual environment without driftd, return its interpreter."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """What is released, made from a tree that has been worked in."""
    folder = tmp_path_factory.mktemp("ground")
    worked_in = folder / "worked in"
    shutil.copytree(ROOT / "src", worked_in / "src", ignore=NOT_SOURCES)
    for name in BESIDE_SRC:
        shutil.copy(ROOT / name, worked_in)
    for left in ("src/kernel/Cargo.lock", "src/kernel/target/release/old.rs", f"src/{KERNEL}"):
        (worked_in / left).parent.mkdir(parents=True, exist_ok=True)
        (worked_in / left).touch()
    python = clean_environment(folder / "tools")
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    run(sys.executable, "-m", "pip", "--python", python, "install", *needed, cwd=folder)
    run(python, "-c", SDIST, folder, cwd=worked_in)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        released = frozenset(name.partition("/")[2] for name in packed.getnames())
        packed.extractall(folder, filter="data")
    return Ground(folder / sdist.name.removesuffix(".tar.gz"), python, released)


@pytest.fixture
def without_cargo(tmp_path: Path) -> dict[str, str]:
    """An environment in which no program is found."""
    (tmp_path / "empty").mkdir()
    return {"PATH": str(tmp_path / "empty")}


def installed_from(wheel: Path, folder: Path) -> dict[str, str]:
    """Install a wheel into an environment of its own, which finds what driftd needs in ours; ask for the version."""
    python = clean_environment(folder)
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    (site,) = folder.glob("lib/python3*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(ours))
    told = json.loads(run(python, "-m", "driftd", "version", "--json", cwd=folder, PATH=""))
    return {name: told[name] for name in ("kernel", "kernel_reason")}


def contents(wheel: Path) -> set[str]:
    """Return the names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


def test_release_holds_the_sources_of_the_kernel_and_nothing_made_of_them(ground: Ground) -> None:
    """It can be compiled from an sdist, which has no lock file, no cache and no compiled kernel."""
    crate = ROOT / "src" / "kernel"
    sources = {path.relative_to(ROOT).as_posix() for path in (*crate.glob("*.toml"), *crate.glob("src/**/*.rs"))}
    assert sources <= ground.released
    assert {"setup.py", "src/driftd/_kernel.pyi", "src/driftd/py.typed"} <= ground.released
    assert [name for name in ground.released if name.endswith((".so", ".lock")) or "/target/" in name] == []


def test_wheel_brings_the_kernel_to_where_nothing_can_be_compiled(ground: Ground, tmp_path: Path) -> None:
    """`make wheel` makes one for every Python from 3.11 on, and driftd installed from it runs the compiled kernel."""
    program("cargo")
    makefile = f"--file={ROOT / 'Makefile'}"
    run("make", makefile, f"VENV={sys.prefix}", "--assume-old=setup", "wheel", cwd=ground.tree)
    (wheel,) = (ground.tree / "dist").glob("*.whl")
    assert wheel.name == f"driftd-{__version__}-cp311-abi3-{sysconfig.get_platform().replace('-', '_')}.whl"
    names = contents(wheel)
    assert {KERNEL, "driftd/_kernel.pyi", "driftd/py.typed"} <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"driftd"}
    assert installed_from(wheel, tmp_path / "clean") == {"kernel": "rust", "kernel_reason": ""}


def test_without_cargo_driftd_is_installed_in_pure_python(
    ground: Ground, without_cargo: dict[str, str], tmp_path: Path
) -> None:
    """The wheel fits every platform, and says what it lacks when it is built and when it runs."""
    wheel, said = ground.wheel(tmp_path, **without_cargo)
    assert wheel.name.endswith("-py3-none-any.whl")
    assert KERNEL not in contents(wheel)
    assert f"{TAKES}, and there is none; {IN_PYTHON}" in said
    told = installed_from(wheel, tmp_path / "clean")
    assert told["kernel"] == "python"
    assert told["kernel_reason"].startswith("no compiled kernel: driftd was installed without it")


def test_a_rust_that_is_too_old_counts_as_none(ground: Ground, without_cargo: dict[str, str], tmp_path: Path) -> None:
    """Instead of failing over syntax that it does not know."""
    rustc = Path(without_cargo["PATH"]) / "rustc"
    rustc.write_text("#!/bin/sh\necho 'rustc 1.84.1 (e71f9a9a9 2025-01-27)'\n")
    rustc.chmod(0o755)
    wheel, said = ground.wheel(tmp_path, **without_cargo)
    assert wheel.name.endswith("-py3-none-any.whl")
    assert f"{TAKES}, and there is 1.84.1; {IN_PYTHON}" in said


def test_whoever_wants_no_kernel_gets_none(ground: Ground, tmp_path: Path) -> None:
    """The variable that chooses when driftd runs chooses when it is installed, too."""
    wheel, said = ground.wheel(tmp_path, DRIFTD_KERNEL="python")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert IN_PYTHON not in said


def test_whoever_insists_on_the_kernel_gets_no_other(
    ground: Ground, without_cargo: dict[str, str], tmp_path: Path
) -> None:
    """The installation fails where it cannot be compiled."""
    done = ground.pip("wheel", "--wheel-dir", tmp_path, ".", DRIFTD_KERNEL="rust", **without_cargo)
    assert done.returncode != 0
    assert "can't find Rust compiler" in done.stdout + done.stderr


def test_kernel_of_older_sources_does_not_outlive_a_failing_compiler(ground: Ground) -> None:
    """An editable installation compiles into the tree; where that fails it still succeeds, without any kernel."""
    program("cargo")
    compiled = ground.tree / "src" / KERNEL
    assert ground.pip("install", "--editable", ".").returncode == 0
    assert compiled.is_file()
    done = ground.pip("install", "--verbose", "--editable", ".", CARGO="false")
    assert done.returncode == 0
    assert f"driftd: the kernel did not compile; {IN_PYTHON}" in done.stdout + done.stderr
    assert not compiled.exists()
