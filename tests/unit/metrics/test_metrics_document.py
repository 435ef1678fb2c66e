from pathlib import Path

import pytest

from driftd.metrics.catalogue import CATALOGUE
from driftd.metrics.document import document, write

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_page_is_current() -> None:
    """docs/metrics.md is what the catalogue gives: python -m driftd.metrics.document docs/metrics.md."""
    assert PAGE.read_text(encoding="utf-8") == document()


def test_page_lists_every_metric_once() -> None:
    """Each metric has one row."""
    rows = [line.split("`")[1] for line in document().splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(metric.name for metric in CATALOGUE)


def test_page_is_written_to_the_file_named(tmp_path: Path) -> None:
    """An argument names the file."""
    write([str(tmp_path / "metrics.md")])
    assert (tmp_path / "metrics.md").read_text(encoding="utf-8") == document()


def test_page_goes_to_standard_output_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an argument the page is printed."""
    write([])
    assert capsys.readouterr().out == document()
