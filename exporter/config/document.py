"""A configuration as written: values that are still text, and where each stands, so that every error can say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from exporter.errors import ConfigProblem

KeyPath = tuple[str | int, ...]
# What is written: text (whatever it looks like), nothing, a list or a mapping. The model decides what text means.
Tree = str | None | list["Tree"] | dict[str, "Tree"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value stands: a line of the file (from 1), or a variable of the environment."""

    line: int | None = None
    variable: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What one file (with the environment laid over it) holds; `problems` is what was already wrong while reading it."""

    file: str
    root: Tree
    origins: dict[KeyPath, Origin]
    problems: tuple[ConfigProblem, ...] = ()

    def problem(self, path: KeyPath, message: str) -> ConfigProblem:
        """Given a setting's path and what is wrong, return the problem at its line, or at that of the nearest parent."""
        for length in range(len(path), -1, -1):
            origin = self.origins.get(path[:length])
            if origin is None:
                continue
            if origin.variable:
                whole = length == len(path)
                return ConfigProblem("environment", None, origin.variable if whole else written_path(path), message)
            return ConfigProblem(self.file, origin.line, written_path(path), message)
        return ConfigProblem(self.file, None, written_path(path), message)


def written_path(path: KeyPath) -> str:
    """Given a path, return it as people write it: ("pve", 0, "token_id") → `pve[0].token_id`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def in_order(problems: Iterable[ConfigProblem]) -> list[ConfigProblem]:
    """Given problems, return them by line, those without a line first, those of the environment last; no doubles."""
    return sorted(
        dict.fromkeys(problems), key=lambda problem: (problem.file == "environment", problem.file, problem.line or 0)
    )


def found(value: object) -> str:
    """Given a value as written, return what it is in words, never what it holds."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return "text" if isinstance(value, str) else f"a value of type {type(value).__name__}"
