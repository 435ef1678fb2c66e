"""A pytest plugin: on CI a test that needs an outside program, the kernel or open data fails instead of skipping.

Elsewhere such a test skips with its reason, so that everybody can run the suite. CI installs all of it,
and there a skip would hide that something is no longer tested.
"""

import os
from collections.abc import Generator

import pytest

MUST_RUN = ("image", "kafka", "kernel", "prometheus", "shared_data")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why it skipped, as pytest would have printed it."""
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test that must run on CI into a failure."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("CI") and any(item.get_closest_marker(name) for name in MUST_RUN):
        report.outcome = "failed"
        report.longrepr = f"must run on CI, but skipped: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module on CI into a failure: its tests' marks cannot be seen."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"no module may skip on CI: {_reason(report)}"
    return report
