"""VZCOVER__PVE__0__TOKEN_ID and its like, laid over what the file says.

Names follow the paths of the settings: two underscores between parts, capitals, a number for the place in a list. A
value is read as a plain YAML scalar (`~`, `null` and nothing take the setting away again); a list of single values may
be one text with commas.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from pydantic import BaseModel

from exporter.config.catalog import ENVIRONMENT_PREFIX, Node, children
from exporter.config.document import Document, KeyPath, Origin, Tree, found
from exporter.config.kinds import suggestion
from exporter.config.reader import NOTHING
from exporter.errors import ConfigProblem

SEPARATOR = "__"


class _RefusedError(Exception):
    """A variable that fits nowhere; the text says why."""


def has_settings(environment: Mapping[str, str]) -> bool:
    """Whether any variable looks as if it were one of ours."""
    return any(_is_ours(name) for name in environment)


def _is_ours(name: str) -> bool:
    # VZCOVER_PVE__0__… with one underscore is a slip of the hand, VZCOVER_CONFIG is not a setting
    return name.startswith("VZCOVER_") and SEPARATOR in name


def lay_over(document: Document, environment: Mapping[str, str], model: type[BaseModel]) -> Document:
    """Given a file's document, the environment and the model, return the document with the variables' values in it.

    A variable that names no setting becomes a problem and changes nothing.
    """
    root = copy.deepcopy(document.root) if isinstance(document.root, dict | list | str) else {}
    origins = dict(document.origins)
    origins.setdefault((), Origin(variable="VZCOVER__…"))
    problems = list(document.problems)
    for name in sorted((name for name in environment if _is_ours(name)), key=_natural):
        value = environment[name].strip()
        try:
            path, splits = _path_of(name, model)
            _put(root, path, None if value in NOTHING else value, splits)
        except _RefusedError as refused:
            problems.append(ConfigProblem("environment", None, name, str(refused)))
            continue
        for place in [known for known in origins if known[: len(path)] == path]:
            del origins[place]
        for length in range(1, len(path)):
            origins.setdefault(path[:length], Origin(variable=name))
        origins[path] = Origin(variable=name)
    return Document(document.file, root, origins, tuple(problems))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts PVE__2 before PVE__10."""
    return [(0, int(part), "") if _is_index(part) else (1, 0, part) for part in name.split(SEPARATOR)]


def _is_index(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= 3


def _path_of(name: str, model: type[BaseModel]) -> tuple[KeyPath, bool]:
    """Given a variable's name, return the setting's path, and whether it is an item of a list of single values."""
    if not name.startswith(ENVIRONMENT_PREFIX):
        raise _RefusedError(f"names no setting; did you mean {ENVIRONMENT_PREFIX}{name.removeprefix('VZCOVER_')}?")
    parts = name.removeprefix(ENVIRONMENT_PREFIX).split(SEPARATOR)
    path: list[str | int] = []
    section: type[BaseModel] | None = model
    while section is not None:
        if not parts:
            first = next(iter(children(section))).upper()
            raise _RefusedError(f"names a section, not a setting; continue it, such as {name}__{first}")
        node = _child(section, parts.pop(0), name)
        path.append(node.name)
        section = node.model
        if node.many and (section is not None or parts):
            path.append(_index(parts, name, path))
    if parts:
        right = name.removesuffix(SEPARATOR + SEPARATOR.join(parts))
        raise _RefusedError(f"names no setting; {right} is a single value")
    return tuple(path), isinstance(path[-1], int)


def _child(section: type[BaseModel], part: str, name: str) -> Node:
    known = {child.upper(): node for child, node in children(section).items()}
    if part in known:
        return known[part]
    right = suggestion(part.upper(), list(known))
    if right.startswith("did you mean"):
        better = right.removeprefix("did you mean ").removesuffix("?")
        before, _, after = f"{name}{SEPARATOR}".partition(f"{SEPARATOR}{part}{SEPARATOR}")
        right = f"did you mean {f'{before}{SEPARATOR}{better}{SEPARATOR}{after.upper()}'.rstrip('_')}?"
    raise _RefusedError(f"names no setting; {right}")


def _index(parts: list[str], name: str, path: list[str | int]) -> int:
    if parts and _is_index(parts[0]):
        return int(parts.pop(0))
    begin = ENVIRONMENT_PREFIX + SEPARATOR.join(str(part).upper() for part in path)
    raise _RefusedError(f"{path[-1]} is a list; write the place in it, counted from 0: {begin}__0")


def _put(root: Tree, path: KeyPath, value: str | None, splits: bool) -> None:
    """Set a value in the tree, making what is missing on the way; raise _RefusedError where the file has something else."""
    here: Tree = root
    for position, part in enumerate(path):
        last = position == len(path) - 1
        fresh: Tree = value if last else ([] if isinstance(path[position + 1], int) else {})
        if isinstance(part, int) and isinstance(here, list):
            if part > len(here):
                raise _RefusedError(f"place {part} leaves a gap; the next one is {len(here)}")
            if part == len(here):
                here.append(fresh)
            elif last or here[part] is None:
                here[part] = fresh
            here = here[part]
        elif isinstance(part, str) and isinstance(here, dict):
            below = here.get(part)
            if splits and position == len(path) - 2 and isinstance(below, str):
                here[part] = [item.strip() for item in below.split(",")]
            elif last or below is None:
                here[part] = fresh
            here = here[part]
        else:
            raise _RefusedError(f"cannot be laid over the file: it has {found(here)} where {part} should be")
