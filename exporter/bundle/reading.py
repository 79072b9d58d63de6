"""A bundle as it lies there, folder or zip → its hash, the bundle before it, and all that is wrong with it. Nothing is unpacked."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from exporter.bundle.content import ABOUT, FIRST, PREVIOUS, SUMS, ZIP, Chain, Link, chain_of, hash_of, read_lines
from exporter.config.reports import DAILY
from exporter.errors import BundleError
from exporter.files import leftover_of

# what the configuration takes; anything else could pass itself off as lines of ours
_REPORT_NAME = re.compile("[a-z0-9-]{1,63}")
_CHUNK = 1 << 20
# SHA256SUMS, PREVIOUS and about.json are far shorter
_LONGEST_TEXT = 1 << 20
_UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)

Opened = Callable[[], IO[bytes]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was read. `sha256`: its hash, "" without SHA256SUMS; `previous`: the one before it, None for the first of a chain
    (and where PREVIOUS tells nothing, which `faults` says); `chain`: that of its name where about.json does not tell it;
    `generated_at` (epoch): 0 where that does not tell it; `due_at`: the due time that it serves.
    """

    path: Path
    sha256: str
    previous: Link | None
    chain: Chain
    generated_at: int
    due_at: int | None
    faults: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How it is called in what is said of it."""
        return self.path.name or str(self.path)


def read_bundle(path: Path, *, whole: bool = True) -> Bundle:
    """Given a bundle's path, return it with its faults; raise BundleError where there is none, or it cannot be read.

    Without `whole` only what tells its place in a chain is read: then the other files may be anything.
    """
    try:
        with ExitStack() as stack:
            return _judged(path, _entries(path, stack), whole)
    except (OSError, zipfile.BadZipFile) as error:
        detail = error.strerror if isinstance(error, OSError) else "not a zip file, or only a part of one"
        raise BundleError(str(path), (detail or str(error)).lower()) from None


def bundles_in(folder: Path) -> list[Path]:
    """Given a folder, return what is, or by its name should be, a bundle in it, by name; raise BundleError where it cannot be read."""
    try:
        return [each for each in sorted(folder.iterdir()) if is_bundle(each)]
    except OSError as error:
        raise BundleError(str(folder), (error.strerror or str(error)).lower()) from None


def is_bundle(path: Path) -> bool:
    """Given a path, say whether it is a bundle, or a zip that has the name of one; half-written ones are not."""
    if leftover_of(path):
        return False
    if path.is_dir():
        return (path / SUMS).is_file() or (path / ABOUT).is_file()
    if path.suffix != ZIP or not path.is_file():
        return False
    if chain_of(path.name):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return {SUMS, ABOUT} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _entries(path: Path, stack: ExitStack) -> list[tuple[str, Opened | None]]:
    """Return what is in a bundle: names, and how each is opened; None for what is no plain file."""
    if path.is_dir():
        return [
            (each.relative_to(path).as_posix(), _opener(each) if each.is_file() and not each.is_symlink() else None)
            for each in sorted(path.rglob("*"))
        ]
    archive = stack.enter_context(zipfile.ZipFile(path))
    return [(info.filename, None if info.is_dir() else _member(archive, info)) for info in archive.infolist()]


def _opener(path: Path) -> Opened:
    return lambda: path.open("rb")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Opened:
    return lambda: archive.open(info)


def _judged(path: Path, entries: Sequence[tuple[str, Opened | None]], whole: bool) -> Bundle:
    opened = dict(entries)
    faults = [
        f"{name} is in it {count} times" for name, count in Counter(name for name, _ in entries).items() if count > 1
    ]
    sums = _text(opened.get(SUMS))
    listed = None if sums is None else read_lines(sums)
    if listed is None:
        faults.append(f"{SUMS} is missing" if SUMS not in opened else f"{SUMS} cannot be used")
    elif whole:
        faults += _compared(listed, opened)
    previous, fault = _previous(_text(opened.get(PREVIOUS)))
    about = _told(_text(opened.get(ABOUT)))
    generated_at, due_at = (_instant(about.get(key)) for key in ("generated_at", "due_at"))
    return Bundle(
        path,
        "" if sums is None else hash_of(sums.encode()),
        previous,
        _chain(about) or chain_of(path.name) or Chain(DAILY, by_hand=True),
        generated_at or 0,
        due_at,
        (*faults, *([fault] if fault and PREVIOUS in opened else [])),
    )


def _compared(listed: Iterable[Link], opened: dict[str, Opened | None]) -> list[str]:
    """Compare what SHA256SUMS lists with what is there, and say each difference."""
    expected = {line.name: line.sha256 for line in listed}
    faults = [f"{name} is not listed in {SUMS}" for name in (ABOUT, PREVIOUS) if name not in expected]
    for name, checksum in expected.items():
        if name not in opened:
            faults.append(f"{name} is missing")
            continue
        found = _checksum(opened[name])
        if found is None:
            faults.append(f"{name} cannot be read")
        elif found != checksum:
            faults.append(f"{name} was changed")
    others = (name for name in opened if name not in expected and name != SUMS)
    return faults + [f"{name} does not belong to it" for name in others if name not in (ABOUT, PREVIOUS)]


def _checksum(opened: Opened | None) -> str | None:
    """Return the SHA-256 of a file; None where it cannot be read whole."""
    if opened is None:
        return None
    checksum = hashlib.sha256()
    try:
        with opened() as file:
            while piece := file.read(_CHUNK):
                checksum.update(piece)
    except _UNREADABLE:
        return None
    return checksum.hexdigest()


def _text(opened: Opened | None) -> str | None:
    """Return a short file's text; None where it is missing, cannot be read, or is no text of ours."""
    if opened is None:
        return None
    try:
        with opened() as file:
            return file.read(_LONGEST_TEXT).decode()
    except (*_UNREADABLE, UnicodeDecodeError):
        return None


def _previous(text: str | None) -> tuple[Link | None, str]:
    """Given the text of PREVIOUS, return the bundle it names, and what is wrong with it."""
    if text == FIRST:
        return None, ""
    lines = None if text is None else read_lines(text)
    return (lines[0], "") if lines and len(lines) == 1 else (None, f"{PREVIOUS} cannot be used")


def _told(text: str | None) -> dict[str, object]:
    """Given the text of about.json, return what it tells; nothing where it cannot be used."""
    try:
        told = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _chain(about: dict[str, object]) -> Chain | None:
    report, by_hand = about.get("report"), about.get("by_hand")
    named = isinstance(report, str) and _REPORT_NAME.fullmatch(report)
    return Chain(named[0], by_hand) if named and isinstance(by_hand, bool) else None


def _instant(told: object) -> int | None:
    return told if isinstance(told, int) else None
