"""docs/faults.md prints the table."""

from __future__ import annotations

from pathlib import Path

from tests.faults.documentation import document
from tests.golden_files import assert_file

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"


def test_the_page_is_the_table() -> None:
    assert_file(PAGE, document())
