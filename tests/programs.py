"""Programs of others that some tests need."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """Return a program's path; skip where it is missing, fail on CI."""
    path = shutil.which(name)
    if path is None:
        message = f"no {name} program"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
