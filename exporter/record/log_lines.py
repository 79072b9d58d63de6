"""Lines of task logs: those that tell what became of a guest, or which backup was restored; any other is blotted out (G6–G9)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from exporter.record import values as to
from exporter.record.names import Names
from exporter.record.texts import BLOT

Sentence = Callable[[str], str]
_SNAPSHOT = re.compile(r"(?:vm|ct)/[0-9]+/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z")
_FILE = re.compile(r"[^\s/'\"|]+\.vma(?:\.(?:gz|lzo|zst|bz2))?(?=['\"\s|]|$)")


@dataclass(frozen=True, slots=True)
class _Line:
    """A form of line; `shown` gets its groups and says what stays of it (None: all)."""

    pattern: re.Pattern[str]
    shown: Callable[[Names, Sentence, Sequence[str]], str] | None = None


def _command(names: Names, _: Sentence, groups: Sequence[str]) -> str:
    """Keep the guests and the storage of a command line."""
    try:
        words = shlex.split(groups[1])
    except ValueError:
        words = groups[1].split()
    kept = [word for word in words if re.fullmatch(r"[0-9,]+", word)] if words and not words[0].startswith("-") else []
    storage = next((value for word, value in pairwise(words) if word == "--storage"), None)
    options = ["--storage", shlex.quote(names.of(to.STORAGE, storage))] if storage else []
    return " ".join((groups[0], *kept, *options))


def _message(_: Names, sentence: Sentence, groups: Sequence[str]) -> str:
    return groups[0] + sentence(groups[1])


def _archive(names: Names, _: Sentence, groups: Sequence[str]) -> str:
    return f"{groups[0]}{_source(names, groups[1])}{groups[2]}"


def _snapshot(_: Names, __: Sentence, groups: Sequence[str]) -> str:
    found = _SNAPSHOT.search(groups[0])
    return f"starting to restore snapshot '{found[0]}'" if found else BLOT


def _file(names: Names, _: Sentence, groups: Sequence[str]) -> str:
    found = _FILE.search(groups[1])
    return groups[0] + to.archive(names, found[0]) if found else BLOT


def _source(names: Names, source: str) -> str:
    """Rename a snapshot, a volume, or a file in whatever folder."""
    if _SNAPSHOT.fullmatch(source) or source == "-":
        return source
    if ":backup/" in source:
        return to.volume(names, source)
    return f"/{to.archive(names, source.rpartition('/')[2])}"


_LINES = (
    _Line(re.compile(r"INFO: (?:Starting|Finished) Backup of VM [0-9]+ \([a-z0-9:]+\)")),
    _Line(re.compile(r"INFO: Backup (?:started|finished) at [0-9: -]{19}")),
    _Line(re.compile(r"INFO: Failed at [0-9: -]{19}")),
    _Line(re.compile(r"INFO: Backup job finished (?:successfully|with errors)")),
    _Line(re.compile(r"INFO: skip external VMs: [0-9, ]+")),
    _Line(re.compile(r"INFO: (?:status = (?:running|stopped)|backup mode: [a-z]+|(?:VM|CT) Name:)")),
    _Line(re.compile(r"TASK (?:OK|WARNINGS: [0-9]+)")),
    _Line(re.compile(r"unable to open file - No such file or directory")),
    _Line(re.compile(r"(INFO: starting new backup job: vzdump)\b(.*)"), _command),
    _Line(re.compile(r"(INFO: creating (?:vzdump|Proxmox Backup Server) archive ')(.+)(')"), _archive),
    _Line(re.compile(r"(ERROR: Backup of VM [0-9]+ failed - ?)(.*)"), _message),
    _Line(re.compile(r"(ERROR: Backup job failed - )(.*)"), _message),
    _Line(re.compile(r"((?:TASK )?ERROR: )(.*)"), _message),
    _Line(re.compile(r"((?:recovering backed-up configuration from|restoring) ')(.+)('(?: now\.\.)?)"), _archive),
    _Line(re.compile(r"((?:restore proxmox backup image: |starting to restore snapshot '|repository: ).*)"), _snapshot),
    _Line(re.compile(r"(restore vma archive: )(.*)"), _file),
)


def log_line(names: Names, sentence: Sentence, line: str) -> str:
    """Given a line, and what scrubs a message, return what may be shown of it."""
    for form in _LINES:
        found = form.pattern.fullmatch(line)
        if found:
            return form.shown(names, sentence, found.groups()) if form.shown else line
    return BLOT
