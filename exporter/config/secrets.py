"""Where a token's secret comes from: the file itself, ${NAME}, a file of its own, a systemd credential.

All of them are read while loading, so that every one that is missing is told at once. The secret itself is in no message.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.config.document import Document, KeyPath, Tree
from exporter.config.files import UnreadableError, read_small
from exporter.config.texts import Secret
from exporter.errors import ConfigProblem

FIELDS = ("token_secret", "token_secret_file", "token_secret_credential")
LARGEST_SECRET = 64 * 1024  # bytes
STAND_IN = "unresolved"  # takes the place of a secret that was already reported, so that it is not reported as missing
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
ONE_OF = f"give exactly one of {', '.join(FIELDS)}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What secrets are looked up in: the environment and the configuration file's folder."""

    environment: Mapping[str, str]
    folder: Path


class _UnresolvedError(Exception):
    """A secret that is not there; the text says why and what to do."""


def resolve_secrets(document: Document, around: Surroundings) -> tuple[list[ConfigProblem], list[KeyPath]]:
    """Put the secret of every source into `token_secret` of the document's tree.

    Return the problems, and the paths of the secrets that stand literally in the file.
    """
    problems: list[ConfigProblem] = []
    literal: list[KeyPath] = []
    for path, source in _sources(document.root):
        given = [field for field in FIELDS if source.get(field) is not None]
        field = given[0] if given else FIELDS[0]
        value = source.get(field)
        if len(given) != 1:
            message = f"missing; {ONE_OF}" if not given else f"{' and '.join(given)} exclude each other; {ONE_OF}"
            problems.append(document.problem((*path, given[1] if given else FIELDS[0]), message))
        elif not isinstance(value, str):
            problems.append(document.problem((*path, field), "expected text"))
        else:
            try:
                source[FIELDS[0]] = resolve_secret(field, value, around)
            except _UnresolvedError as unresolved:
                problems.append(document.problem((*path, field), str(unresolved)))
            else:
                origin = document.origins.get((*path, field))
                if field == FIELDS[0] and not REFERENCE.fullmatch(value) and origin and not origin.variable:
                    literal.append((*path, field))
                continue
        source[FIELDS[0]] = STAND_IN
    return problems, literal


def _sources(root: Tree) -> Iterator[tuple[KeyPath, dict[str, Tree]]]:
    for kind in ("pve", "pbs"):
        listed = root.get(kind) if isinstance(root, dict) else None
        for index, source in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(source, dict):
                yield (kind, index), source


def resolve_secret(field: str, value: str, around: Surroundings) -> str:
    """Given one of the three fields and its value, return the secret; raise _UnresolvedError with the remedy."""
    if field == "token_secret_file":
        secret = _from_file(around.folder / value.strip())
    elif field == "token_secret_credential":
        secret = _from_credential(value.strip(), around.environment)
    else:
        secret = _from_text(value, around.environment)
    try:
        return Secret().parse(secret).get_secret_value()
    except ValueError as error:
        raise _UnresolvedError(str(error)) from None


def _from_text(value: str, environment: Mapping[str, str]) -> str:
    reference = REFERENCE.fullmatch(value.strip())
    if reference is None:
        if "${" in value:
            raise _UnresolvedError(
                "${NAME} must be the whole value, NAME of letters, digits and _; nothing before or behind it"
            )
        return value
    name = reference[1]
    if name not in environment:
        raise _UnresolvedError(f"the environment variable {name} is not set; set it, or use token_secret_file")
    if not environment[name].strip():
        raise _UnresolvedError(f"the environment variable {name} is empty; give it the secret")
    return environment[name].strip()


def _from_credential(name: str, environment: Mapping[str, str]) -> str:
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise _UnresolvedError(
            f"$CREDENTIALS_DIRECTORY is not set; start as a systemd service with LoadCredential={name}:/path/of/the/secret"
        )
    if "/" in name or name.startswith("."):
        raise _UnresolvedError("expected the name of a credential, without a path")
    return _from_file(Path(folder) / name)


def _from_file(path: Path) -> str:
    try:
        content, _ = read_small(path, LARGEST_SECRET)
    except UnreadableError as error:
        raise _UnresolvedError(f"{path} {error}") from None
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise _UnresolvedError(f"{path} is not text; write only the secret into it") from None
    if not text:
        raise _UnresolvedError(f"{path} is empty; write the secret into it")
    return text


def readable_by_others(mode: int) -> bool:
    """Given a file's mode, return whether every user of the machine may read it."""
    return bool(mode & stat.S_IROTH)
