"""Page one as a message for a chat: its sentence, and the first rows of what changed, of the worst and of what could not be seen."""

from __future__ import annotations

from collections.abc import Sequence

from report.rows.shared import Reader
from report.sections import FrontPage, Row

# with a subject before it below what services take in one message; the smallest of the common ones takes 2,000
BRIEF_CHARACTERS = 1_600
_LONGEST_LINE = 180
_ROWS, _CELLS = 3, 4
_NOTHING = ("", "–", "– –")
_NEWS = 5
# for the line that says how many rows are left out
_ROOM_FOR_REST = 60


def brief_text(front: FrontPage, reader: Reader, news: tuple[str, Sequence[str]] = ("", ())) -> str:
    """Given page one, its reader, and news as a title and lines, return a short text of it: news first. What does not fit is counted."""
    title, lines = news
    blocks = [(title, [_clipped(line) for line in lines], _NEWS), ("", [front.sentence], 1)]
    blocks += [(section.title, [_line(row) for row in section.rows], _ROWS) for section in front.sections]
    text, left = "", 0
    for heading, rows, most in blocks:
        block, told = (f"{heading}\n" if heading else ""), 0
        for row in rows[:most]:
            if told and len(text) + len(block) + len(row) > BRIEF_CHARACTERS - _ROOM_FOR_REST:
                break
            block, told = f"{block}{row}\n", told + 1
        if told and (not text or len(text) + len(block) <= BRIEF_CHARACTERS - _ROOM_FOR_REST):
            text += f"{block}\n"
        else:
            told = 0
        left += len(rows) - told
    return text + (reader.word("message.more", count=left) + "\n" if left else "")


def _line(row: Row) -> str:
    return _clipped(f"- {' – '.join([cell for cell in row.cells if cell not in _NOTHING][:_CELLS])}")


def _clipped(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1].rstrip() + "…"
