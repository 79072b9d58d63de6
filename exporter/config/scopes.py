"""How guests, findings and the ends of waivers are written: `lab/104`, `100-199`, `backup_late`, `2027-01-31`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, ClassVar

from exporter.config.kinds import Kind, quoted, text_of
from report.policy import read_end
from report.waiver_notes import WAIVABLE

LOWEST_VMID, HIGHEST_VMID = 100, 999_999_999


@dataclass(frozen=True, slots=True)
class VmidRange:
    """Guests by number, both ends included."""

    low: int
    high: int

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


@dataclass(frozen=True, slots=True)
class Vmids(Kind):
    """One vmid, or a range of them."""

    word: ClassVar[str] = "vmid or range"

    def parse(self, value: object) -> VmidRange:
        if isinstance(value, VmidRange):
            return value
        text = text_of(value)
        parts = re.fullmatch(r"([0-9]{3,9})(?: ?- ?([0-9]{3,9}))?", text)
        if parts is None or int(parts[1]) < LOWEST_VMID or int(parts[2] or parts[1]) < LOWEST_VMID:
            raise ValueError(f"{quoted(text)} is no vmid; write one from {LOWEST_VMID}, or a range, such as 100-199")
        low, high = int(parts[1]), int(parts[2] or parts[1])
        if low > high:
            raise ValueError(f"the range {low}-{high} is empty; write {high}-{low}")
        return VmidRange(low, high)

    def limits(self) -> str:
        return f"{LOWEST_VMID} to {HIGHEST_VMID}"

    def json_schema(self) -> dict[str, Any]:
        number = {"type": "integer", "minimum": LOWEST_VMID, "maximum": HIGHEST_VMID}
        return {"anyOf": [number, {"type": "string", "pattern": "^[0-9]{3,9}( ?- ?[0-9]{3,9})?$"}]}


@dataclass(frozen=True, slots=True)
class GuestName:
    """A guest by its cluster's name and its vmid."""

    cluster: str
    vmid: int

    def __str__(self) -> str:
        return f"{self.cluster}/{self.vmid}"


@dataclass(frozen=True, slots=True)
class OneGuest(Kind):
    """A guest as `lab/104`."""

    word: ClassVar[str] = "guest"

    def parse(self, value: object) -> GuestName:
        if isinstance(value, GuestName):
            return value
        cluster, _, vmid = text_of(value).partition("/")
        if not cluster or not re.fullmatch("[1-9][0-9]{2,8}", vmid):
            raise ValueError("expected a cluster's name, / and a vmid, such as lab/104")
        return GuestName(cluster, int(vmid))

    def limits(self) -> str:
        return "CLUSTER/VMID"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[a-z0-9-]{1,63}/[1-9][0-9]{2,8}$", "examples": ["lab/104"]}


@dataclass(frozen=True, slots=True)
class FindingName(Kind):
    """The code of a finding about a guest."""

    word: ClassVar[str] = "code of a finding"

    def parse(self, value: object) -> str:
        text = text_of(value)
        if text in WAIVABLE:
            return text
        close = get_close_matches(text, WAIVABLE, n=1, cutoff=0.6)
        right = f"did you mean {close[0]}?" if close else "docs/findings.md lists them"
        raise ValueError(f"{quoted(text)} is no finding about a guest; {right}")

    def limits(self) -> str:
        return "docs/findings.md"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": [str(code) for code in WAIVABLE]}


@dataclass(frozen=True, slots=True)
class Until(Kind):
    """A day, which is over at its end, or an instant; without an offset in `report.zone`."""

    word: ClassVar[str] = "date"

    def parse(self, value: object) -> date:
        if isinstance(value, date):  # a datetime is one as well
            return value
        text = text_of(value)
        try:
            return read_end(text)
        except ValueError:
            raise ValueError(
                f"{quoted(text)} is not a date; write the last day, such as 2027-01-31, or an instant: 2027-01-31T18:00"
            ) from None

    def limits(self) -> str:
        return "YYYY-MM-DD or YYYY-MM-DDTHH:MM"

    def shown(self, value: date) -> str:
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()

    def json_schema(self) -> dict[str, Any]:
        pattern = r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$"
        return {"type": "string", "pattern": pattern, "examples": ["2027-01-31"]}
