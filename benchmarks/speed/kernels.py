"""Which kernels there are to measure, as DRIFTD_KERNEL names them."""

from driftd.errors import ConfigurationError
from driftd.summarise.choice import kernel_in_use

PYTHON, RUST = "python", "rust"


def best() -> str:
    """Return the kernel that runs where nobody chooses; ConfigurationError if DRIFTD_KERNEL asks for another."""
    return kernel_in_use().name


def reason_without_rust() -> str:
    """Return why the compiled kernel cannot be measured; empty if it can."""
    try:
        kernel = kernel_in_use()
    except ConfigurationError as wrong:
        return str(wrong)
    return kernel.reason
