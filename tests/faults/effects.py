"""What a fault did to the verdicts, as plain data that can be compared with the table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from report.model.guests import Coverage, GuestReport, Protection
from report.model.report import Report
from tests.faults.table import FAILING, MISSING, Called
from tests.faults.world import Phase

EXPECTED = Path(__file__).with_name("expected.json")
# which reason makes a coverage undecided, or a protection unknown; others may stand beside it
WHY = frozenset(
    """inventory_stale jobs_not_visible storage_not_visible pool_not_visible nodes_not_visible vzdump_defaults_not_visible
    backups_not_read store_not_read group_incomplete volumes_not_read tasks_not_read log_not_read zone_not_read
    restores_not_read sync_jobs_not_read notes_not_read folder_not_listed group_ambiguous""".split()  # noqa: SIM905
)
Effect = dict[str, Any]


def effect_of(phase: Phase) -> Effect:
    """Given a refresh with a fault, return which guests differ from the same refresh without: those that turned indetermine or unknown, by
    reason; those that only lost findings; those that are not there at all; and those of which something else is said.
    """
    before, after = _guests(phase.healthy), _guests(phase.report)
    found: Effect = {}
    for vmid, guest in sorted(before.items()):
        if vmid not in after:
            found.setdefault("absent", []).append(vmid)
        else:
            _compare(found, vmid, guest, after[vmid])
    if after.keys() - before.keys():
        found["new"] = sorted(after.keys() - before.keys())
    return found


def _compare(found: Effect, vmid: int, before: GuestReport, after: GuestReport) -> None:
    why = sorted({reason.code.value for reason in after.reasons} & WHY)
    reason = ", ".join(why)
    undecided = after.coverage is not before.coverage and after.coverage is Coverage.UNDECIDED
    unknown = after.protection is not before.protection and after.protection is Protection.UNKNOWN
    if undecided:
        found.setdefault("indetermine", {}).setdefault(reason, []).append(vmid)
    if unknown:
        found.setdefault("unknown", {}).setdefault(reason, []).append(vmid)
    told = []
    if after.coverage is not before.coverage and not undecided:
        told.append(f"{before.coverage.value} → {after.coverage.value}")
    if after.protection is not before.protection and not unknown:
        told.append(f"{before.protection.value} → {after.protection.value}")
    lowering = [
        {(each.code.value, each.subject) for each in guest.findings if each.lowers} for guest in (before, after)
    ]
    if lowering[1] - lowering[0]:
        told.append("+ " + ", ".join(sorted(code for code, _ in lowering[1] - lowering[0])))
    if told:
        found.setdefault("otherwise", {})[str(vmid)] = "; ".join(told)
    elif lowering[0] != lowering[1] and not (undecided or unknown):
        found.setdefault("fewer findings", []).append(vmid)


def _guests(report: Report) -> dict[int, GuestReport]:
    return {guest.guest.vmid: guest for guest in report.guests}


def expected() -> dict[str, dict[str, dict[str, Effect]]]:
    """Return the table: endpoint → kind ("failed" for all that tell nothing) → phase → effect."""
    table: dict[str, dict[str, dict[str, Effect]]] = json.loads(EXPECTED.read_text())
    return table


def expected_of(table: Mapping[str, Any], called: Called, kind: str) -> dict[str, Effect]:
    """Given the table, an endpoint and a kind, return what is expected: of kinds that the table does not name, what any failure costs."""
    if kind in called.whole:
        return {"first": {}, "stale": {}}
    rows = table[called.name]
    effects: dict[str, Effect] = rows[kind if kind in rows else "failed"]
    return effects


def effects_of(phases: Mapping[str, Phase]) -> dict[str, Effect]:
    """Given a trial, return the effects that the table holds; the one while facts are held is nothing but where law 3 names the cell."""
    return {
        name: effect for name in ("held", "first", "stale") if (effect := effect_of(phases[name])) or name != "held"
    }


def row_of(trials: Mapping[str, Mapping[str, Effect]]) -> dict[str, Any]:
    """Given the effects of each kind that was tried, return a row of the table: kinds whose effect is that of any failure are left out."""
    failed = trials[FAILING[FAILING.index("500")]]
    named = {kind: effects for kind, effects in trials.items() if kind in MISSING and effects != failed}
    return {"failed": failed, **named}
