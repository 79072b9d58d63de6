"""How tables come out on a terminal and in a pipe."""

from __future__ import annotations

import pytest

from exporter.terminal import PIPE_WIDTH, print_section
from report.sections import Column, Row, Section


@pytest.mark.parametrize("length", range(PIPE_WIDTH - 8, PIPE_WIDTH))
def test_no_line_ends_at_a_no_break_space(length: int, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"{'a' * (length // 2)} {'b' * (length - length // 2 - 1)}\u00a0; and\u00a0more"
    columns = tuple(Column(name, 1.0) for name in ("Guest", "State", "Why", "What to do"))
    print_section(Section("status", 4, "", (text,), columns, (Row(("100", "late", text, text)),)))
    out = capsys.readouterr().out

    assert out.count("\u00a0;") == out.count(";") == 3
    assert not any(line.strip().startswith((";", "more")) for line in out.splitlines())
