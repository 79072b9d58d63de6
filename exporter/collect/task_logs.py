"""Lines of task logs → what became of guests, and which backup a restore came from: pure (G6–G9).

Lines are as the API tells them, with vzdump's own prefixes; what they quote is in PVE's words, cut to `LONGEST_MESSAGE`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from itertools import pairwise

from exporter.collect.pbs_values import text
from report.facts import GuestOutcome, GuestResult, TaskOutcome

LONGEST_LINE, LONGEST_MESSAGE = 4000, 500  # characters
# the API answers this, with status 200, when the file of the log is gone
LOG_GONE = "unable to open file - No such file or directory"

_COMMAND = re.compile(r"INFO: starting new backup job: vzdump\b(.*)")
_EXTERNAL = re.compile(r"INFO: skip external VMs: (.*)")
_STARTING = re.compile(r"INFO: Starting Backup of VM ([0-9]{1,9}) \((?:qemu|lxc|openvz)\)")
_STARTED_AT = re.compile(r"INFO: Backup started at ([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})")
_ARCHIVE = re.compile(r"INFO: creating .*archive '(.+)'")
_FINISHED = re.compile(r"INFO: Finished Backup of VM ([0-9]{1,9}) \(([0-9]{1,6}):([0-9]{2}):([0-9]{2})\)")
_FAILED = re.compile(r"ERROR: Backup of VM ([0-9]{1,9}) failed - ?(.*)")
_JOB_FAILED = re.compile(r"ERROR: Backup job failed - (.*)")
_ERROR = re.compile(r"ERROR: (.*)")
_END = re.compile(r"TASK (?:ERROR: )?(.*)")
# ends that say nothing of the task as a whole
_NO_ERROR = re.compile(r"OK|WARNINGS: [0-9]+|job errors")
# a message that leaves the reason to the lines before it (E9)
_SEE_ABOVE = "check log"

_CONTAINER_SOURCE = re.compile(r"(?:recovering backed-up configuration from|restoring) '(.+)'(?: now\.\.)?")
_SERVER_SOURCE = re.compile(
    r"(?:restore proxmox backup image: .*|starting to restore snapshot '|repository: .*snapshot: ')"
    r"(?<![^\s'])(vm/[0-9]+/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)"
)
_FILE_SOURCE = re.compile(r"restore vma archive: .*?([^\s/'\"|]+\.vma(?:\.(?:gz|lzo|zst|bz2))?)(?=['\"\s|]|$)")


@dataclass(slots=True)
class _Log:
    """What the lines so far say. `began`: the guest whose part it is; `errors`: lines of error that no guest has claimed."""

    zone: tzinfo | None
    task_started_at: int
    guests: dict[int, GuestOutcome] = field(default_factory=dict)
    began: int | None = None
    storage: str | None = None
    selected: tuple[int, ...] = ()
    errors: list[str] = field(default_factory=list)
    whole: str = ""

    def read(self, line: str) -> None:
        """Take in one line."""
        if found := _STARTING.match(line):
            self.began = int(found[1])
            self.errors.clear()
            self.guests[self.began] = GuestOutcome(self.began, GuestResult.ABORTED)
        elif found := _FAILED.match(line):
            self._fail(int(found[1]), found[2])
        elif found := _FINISHED.match(line):
            seconds = int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4])
            self._end(int(found[1]), result=GuestResult.OK, duration_seconds=seconds)
        elif self.began is not None and (found := _STARTED_AT.match(line)):
            self._change(self.began, started_at=self._instant(found[1]))
        elif self.began is not None and (found := _ARCHIVE.match(line)):
            self._change(self.began, archive=found[1][:LONGEST_MESSAGE])
        else:
            self._read_task(line)

    def _read_task(self, line: str) -> None:
        """Take in a line that is about no guest in particular."""
        if found := _COMMAND.match(line):
            self.storage, self.selected = _command(found[1])
        elif found := _EXTERNAL.match(line):
            elsewhere = {int(part) for part in re.findall(r"[0-9]+", found[1])}
            self.selected = tuple(vmid for vmid in self.selected if vmid not in elsewhere)
        elif found := _JOB_FAILED.match(line):
            self.whole = found[1]
        elif found := _ERROR.match(line):
            self.errors.append(found[1])
        elif (found := _END.match(line)) and not _NO_ERROR.fullmatch(found[1]):
            self.whole = found[1]

    def _fail(self, vmid: int, message: str) -> None:
        if message.endswith(_SEE_ABOVE) and self.errors:
            message = f"{message}: {self.errors[-1]}"
        self._end(vmid, result=GuestResult.FAILED, message=_shown(message))

    def _end(self, vmid: int, **told: object) -> None:
        self._change(vmid, **told)
        self.began = None
        self.errors.clear()

    def _change(self, vmid: int, **told: object) -> None:
        before = self.guests.get(vmid, GuestOutcome(vmid, GuestResult.ABORTED))
        self.guests[vmid] = replace(before, **told)  # type: ignore[arg-type]

    def _instant(self, local: str) -> int | None:
        """Given a time on the node's clock, return the epoch; of an hour that came twice, the one the task can have reached first."""
        try:
            clock = datetime.fromisoformat(local)
        except ValueError:
            return None
        if self.zone is None:
            return None
        both = (int(clock.replace(tzinfo=self.zone, fold=fold).timestamp()) for fold in (0, 1))
        first = next((instant for instant in both if instant >= self.task_started_at), None)
        return first if first is not None else int(clock.replace(tzinfo=self.zone).timestamp())


def parse_vzdump_log(lines: Iterable[str], zone: tzinfo | None, task_started_at: int) -> TaskOutcome:
    """Given the lines of a vzdump task that ended, the node's zone (None: unknown) and the task's start (epoch), return what it says.

    Guests are in the order of the log. One that began and neither finished nor failed was aborted; one that was selected and is not
    among them was not reached (G8). Without any line about guests `error` tells why.
    """
    log = _Log(zone, task_started_at)
    for line in lines:
        log.read(line[:LONGEST_LINE])
    error = log.whole or (log.errors[-1] if log.errors and not log.guests else "")
    return TaskOutcome(tuple(log.guests.values()), _shown(error), log.storage, log.selected)


def _command(arguments: str) -> tuple[str | None, tuple[int, ...]]:
    """Given what follows `vzdump` in the command line, return the storage and the vmids that it names."""
    try:
        words = shlex.split(arguments)
    except ValueError:
        words = arguments.split()
    storage = next((value for word, value in pairwise(words) if word == "--storage"), None)
    options = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    vmids = (int(part) for word in words[:options] for part in word.split(",") if part.isdecimal() and len(part) < 10)
    return storage, tuple(dict.fromkeys(vmids))


def restore_source(lines: Sequence[str]) -> str | None:
    """Given the lines of a qmrestore or vzrestore task, return the backup it restored: `STORAGE:backup/…` where they say so, else the
    archive's own name (`vm/ID/TIME` of a PBS, `vzdump-qemu-….vma.zst` of a file, whose folder is cut off); None where they do not tell.
    """
    for line in (whole[:LONGEST_LINE] for whole in lines):
        if found := _CONTAINER_SOURCE.match(line):
            return _volume(found[1])
        if found := _SERVER_SOURCE.match(line) or _FILE_SOURCE.match(line):
            return found[1][:LONGEST_MESSAGE]
    return None


def _volume(source: str) -> str | None:
    """Given what a container was restored from, return it without its folder; a pipe (`-`) has no name."""
    name = source if ":backup/" in source else source.rpartition("/")[2]
    return name[:LONGEST_MESSAGE] if name not in ("", "-") else None


def log_gone(lines: Sequence[str]) -> bool:
    """Given the lines of a log, say whether they only say that there is none."""
    return list(lines) == [LOG_GONE]


def _shown(message: str) -> str:
    """Return a message as one printable line that is not too long."""
    return (text(message) or "")[:LONGEST_MESSAGE]
