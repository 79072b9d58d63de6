"""Waivers in a guest's notes: `vzcover: waive until=2027-01-31 reason=migration in progress`, one a line.

`until` and `reason` are needed, `finding`, `volume` and `owner` may be given; `reason` comes last and goes on to the end of the line.
Text with blanks may stand in "quotes". A line that does not read is no waiver, and is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from report.findings import RULES, Area, FindingCode
from report.policy import Scope, Waiver, end_of, read_end
from report.value import Value

# findings about volumes: a waiver for one volume leaves the others in them
VOLUME_CODES = (FindingCode.VOLUMES_EXCLUDED, FindingCode.NO_VOLUME_SAVED, FindingCode.VOLUMES_NOT_IN_BACKUP)
_NO_GUEST = (Area.JOBS, Area.STORES, Area.WAIVERS)
# a waiver is for guests: findings about jobs, stores and waivers cannot be waived
WAIVABLE = tuple(code for code in FindingCode if RULES[code].area not in _NO_GUEST)

# characters of a line that are told when it does not read
LONGEST_LINE = 120

_KEYS = ("until", "finding", "volume", "owner", "reason")
_LINE = re.compile(r"\s*vzcover:\s*(.*?)\s*", re.IGNORECASE)
_PAIR = re.compile(r'([a-z]+)=(?:"([^"]*)"|([^\s"]*))(?:\s+|$)')
_REASON = re.compile(r'reason=\s*(?:"([^"]*)"|([^"\s].*)|)')


class NotesFault(StrEnum):
    """What is wrong with a line in the notes that means to be a waiver. The values are a contract."""

    NOT_A_WAIVER = "not_a_waiver"  # something else than `waive` behind `vzcover:`
    NOT_READABLE = "not_readable"  # no key=value, or quotes that do not close
    KEY_UNKNOWN = "key_unknown"
    KEY_TWICE = "key_twice"
    REASON_MISSING = "reason_missing"
    UNTIL_MISSING = "until_missing"
    UNTIL_NOT_READABLE = "until_not_readable"
    FINDING_UNKNOWN = "finding_unknown"
    VOLUME_NOT_IN_FINDING = "volume_not_in_finding"


@dataclass(frozen=True, slots=True)
class NotesProblem:
    """A line of a guest's notes (cut to LONGEST_LINE) that is no waiver though it begins like one, and what is wrong with it."""

    pve: str
    vmid: int
    line: str
    fault: NotesFault


class Noted(Value, frozen=True):
    """What notes say: the waivers in them, run out or not, and the lines that do not read."""

    waivers: tuple[Waiver, ...] = ()
    problems: tuple[NotesProblem, ...] = ()


NOTHING_NOTED = Noted()


class _FaultError(Exception):
    """A line that does not read."""

    def __init__(self, fault: NotesFault) -> None:
        super().__init__(fault)
        self.fault = fault


def read_notes(pve: str, vmid: int, notes: str, zone: tzinfo) -> Noted:
    """Given a guest's cluster, vmid and notes, and the zone in which a day ends, return what the notes say."""
    waivers, problems = [], []
    for line in notes.splitlines():
        ours = _LINE.fullmatch(line)
        if ours is None:
            continue
        try:
            waivers.append(_read_line(Scope.of_guest(pve, vmid), ours[1], zone))
        except _FaultError as error:
            problems.append(NotesProblem(pve, vmid, _cut(line.strip()), error.fault))
    return Noted(tuple(waivers), tuple(problems))


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


def _read_line(scope: Scope, text: str, zone: tzinfo) -> Waiver:
    word, *rest = text.split(maxsplit=1) or [""]
    if word.lower() != "waive":
        raise _FaultError(NotesFault.NOT_A_WAIVER)
    given = _pairs(" ".join(rest))
    for key, missing in (("until", NotesFault.UNTIL_MISSING), ("reason", NotesFault.REASON_MISSING)):
        if not given.get(key):
            raise _FaultError(missing)
    code, volume = given.get("finding", ""), given.get("volume", "")
    if code and code not in WAIVABLE:
        raise _FaultError(NotesFault.FINDING_UNKNOWN)
    if code and volume and code not in VOLUME_CODES:
        raise _FaultError(NotesFault.VOLUME_NOT_IN_FINDING)
    try:
        until = end_of(read_end(given["until"]), zone)
    except ValueError:
        raise _FaultError(NotesFault.UNTIL_NOT_READABLE) from None
    return Waiver(scope, given["reason"], until, given.get("owner", ""), code, volume, "notes")


def _pairs(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    while text:
        reason = text.startswith("reason=")
        pair = _REASON.fullmatch(text) if reason else _PAIR.match(text)
        if pair is None:
            raise _FaultError(NotesFault.NOT_READABLE)
        quoted, plain = pair.groups()[-2:]
        key = "reason" if reason else pair[1]
        if key not in _KEYS:
            raise _FaultError(NotesFault.KEY_UNKNOWN)
        if key in given:
            raise _FaultError(NotesFault.KEY_TWICE)
        given[key] = (quoted if quoted is not None else plain or "").strip()
        text = text[pair.end() :]
    return given
