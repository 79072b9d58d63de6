"""What a table's cell may hold, and how text from outside is made harmless in it: shared by CSV and XLSX."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Generic, TypeVar

from report.words import JOINERS

_BLANKS = {"\t", "\n", "\r"}


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time as a cell: epoch seconds, UTC."""

    epoch: int


Cell = str | int | float | bool | Instant | None
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class TableColumn(Generic[Item]):
    """A column of data: its stable key, and a row's cell from the item, the language of texts, and the zone of instants within texts."""

    key: str
    cell: Callable[[Item, str, tzinfo], Cell]


def columns(*pairs: tuple[str, Callable[[Item, str, tzinfo], Cell]]) -> Sequence[TableColumn[Item]]:
    """Given keys and what makes their cells, return the columns."""
    return tuple(TableColumn(key, cell) for key, cell in pairs)


def instant(epoch: int | None) -> Instant | None:
    """Given an instant, return it as a cell; None where it is not known."""
    return None if epoch is None else Instant(epoch)


def listed(values: Iterable[object]) -> str:
    """Given values, return them as one cell, separated by semicolons."""
    return ";".join(map(str, values))


def keep_cell(keep: Sequence[tuple[str, object]] | None) -> str | None:
    """Given prune options, return them as one cell: `keep-daily=7;keep-last=3`; None where there are none."""
    return None if keep is None else ";".join(f"{name}={count}" for name, count in keep)


def clean(text: str) -> str:
    """Given a text from outside, return it without control characters, direction marks and lone surrogates."""
    return text if text.isprintable() else "".join(map(_harmless, text))


def _harmless(character: str) -> str:
    if character in _BLANKS:
        return " "
    removed = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in JOINERS
    return "" if removed else character
