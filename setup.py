"""Adds to pyproject.toml what depends on the machine: whether the kernel in src/kernel is compiled.

``DRIFTD_KERNEL`` means at installation what it means at run time: ``python`` leaves the kernel out, ``rust`` fails
without it. Otherwise it is compiled where Rust is at hand and new enough. Where that fails, driftd is installed
without it all the same: it then runs in Python and says so.
"""

import os
import sys
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools_rust import Binding, RustExtension, build_rust
from setuptools_rust.rustc_info import get_rust_version

CRATE = Path("src/kernel/Cargo.toml")


class BuildKernel(build_rust):
    """Compiles the kernel, and says what it means where that fails."""

    def run_for_extension(self, extension: RustExtension) -> None:
        """Compile it, or leave none: one that was made of older sources must not pass for this one."""
        Path(self.get_dylib_ext_path(extension, extension.name)).unlink(missing_ok=True)
        try:
            super().run_for_extension(extension)
        except Exception:
            _say("the kernel did not compile")
            raise


def kernel() -> list[RustExtension]:
    """Return the extension to compile, if any: with one announced, the wheel is for this platform alone."""
    wanted = os.environ.get("DRIFTD_KERNEL", "auto")
    needed = tomllib.loads(CRATE.read_text(encoding="utf-8"))["package"]["rust-version"]
    extension = RustExtension(
        "driftd._kernel",
        str(CRATE),
        binding=Binding.NoBinding,  # what PyO3 is to do stands in the crate, for every way to compile it
        debug=False,  # an editable installation would get an unoptimised one
        optional=wanted != "rust",
        py_limited_api=True,  # in editable installations too, which forget the option of bdist_wheel below
        rust_version=f">={needed}",
    )
    if wanted == "rust":
        return [extension]
    if wanted == "python":
        return []
    found = get_rust_version(extension.env)
    if found is None or found not in extension.get_rust_version():
        _say(f"the kernel is left out: it takes Rust {needed}, and there is {found or 'none'}")
        return []
    return [extension]


def _say(what: str) -> None:
    sys.stderr.write(f"driftd: {what}; without it driftd reads events in Python\n")


setup(
    rust_extensions=kernel(),
    cmdclass={"build_rust": BuildKernel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},  # one wheel for every Python from 3.11 on
)
