"""Where PVE is not what the operator declares: the entries of the file of PBS storages against those that PVE has (rulebook J)."""

from __future__ import annotations

from dataclasses import dataclass

from report.facts import StorageDefinition
from report.policy import DeclaredStorage
from report.storage_options import PBS, differences

MISSING = "missing"
TYPE = "type"


@dataclass(frozen=True, slots=True)
class Drift:
    """One option of one entry that differs. `field` is PVE's name of the option, `missing` where the entry is not there at all, `type`
    where something else has its name; `wanted` and `found` are texts without secrets, empty where not set."""

    entry: str
    cluster: str
    field: str
    wanted: str = ""
    found: str = ""


def drift_of(declared: DeclaredStorage, present: StorageDefinition | None) -> tuple[Drift, ...]:
    """Given an entry that is declared and what PVE has under its name (None: nothing), return every difference."""
    name, cluster = declared.name, declared.cluster
    if present is None:
        return (Drift(name, cluster, MISSING),)
    if present.storage_type != PBS:
        return (Drift(name, cluster, TYPE, PBS, present.storage_type),)
    return tuple(
        Drift(name, cluster, field.option, field.after or "", field.before or "")
        for field in differences(declared.definition, present)
    )
