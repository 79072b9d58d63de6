"""What the README promises is shown by tests that exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.simulator_process import REPOSITORY

TABLE = (REPOSITORY / "README.md").read_text().split("which test shows it\n")[1].split("\n## ")[0]
ROWS = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if line.startswith("| ")][1:]
NAMED = re.compile(r"`(tests/\S+\.py)::(test_\w+)`")


def test_the_table_is_there_and_short() -> None:
    assert 10 <= len(ROWS) <= 15


def test_the_picture_that_is_shown_is_there_and_small() -> None:
    shown = re.findall(r'src="(docs/[^"]+\.png)"', (REPOSITORY / "README.md").read_text())
    assert shown == ["docs/page-one.png"]
    data = (REPOSITORY / shown[0]).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) < 150_000


@pytest.mark.parametrize(("promise", "named"), ROWS, ids=[promise for promise, _ in ROWS])
def test_each_promise_names_tests_that_exist(promise: str, named: str) -> None:
    assert promise
    tests = NAMED.findall(named)
    assert tests
    for path, name in tests:
        module = ast.parse((REPOSITORY / path).read_text())
        assert name in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}, f"{path} has no {name}"
