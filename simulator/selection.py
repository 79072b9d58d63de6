"""Which guests the genuine code selects for a job, written from the rules (B4-B14, M1) apart from the product's code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from simulator.answers import failure
from simulator.model import Cluster, Properties


def truthy(value: object) -> bool:
    """Perl's idea of truth, which is what the API's `all` and `enabled` go by."""
    return value not in (None, "", 0, "0", False)


def vmid_list(text: Any) -> list[int]:
    """Ids separated by `,`, `;` or blanks (M1); 0 is skipped; raises the genuine error for anything else (B7)."""
    found = []
    for part in re.split(r"[\s,;]+", str(text).strip()):
        if not part:
            continue
        if not re.fullmatch(r"[0-9]+", part):
            raise failure(500, f"ERROR: strange VM ID '{part}'")
        if int(part):
            found.append(int(part))
    return sorted(found)


def selected_vmids(job: Properties, cluster: Cluster) -> list[int]:
    """The ids a job selects now, unknown ones and duplicates included; raises the genuine error for a broken job."""
    if truthy(job.get("pool")):
        vmids = pool_guests(str(job["pool"]), cluster)
    elif truthy(job.get("vmid")):
        vmids = vmid_list(job["vmid"])
    elif truthy(job.get("all")):
        excluded = set(vmid_list(job.get("exclude", "")))
        vmids = [vmid for vmid in cluster.guests if vmid not in excluded]
    else:
        return []
    node = job.get("node")
    return [
        vmid for vmid in sorted(vmids) if not node or vmid not in cluster.guests or cluster.guests[vmid].node == node
    ]


def pool_guests(name: str, cluster: Cluster) -> list[int]:
    """A pool's direct members that exist (B10); raises the genuine error for a missing pool (B24)."""
    if name not in cluster.pools:
        raise failure(500, f"pool '{name}' does not exist")
    return [vmid for vmid in cluster.pools[name].vmids if vmid in cluster.guests]


def not_backed_up(cluster: Cluster, visible: Iterable[int]) -> list[int]:
    """The visible guests that no job selects, disabled jobs counting too (B11); one broken job breaks it (B12)."""
    covered: set[int] = set()
    for job in cluster.jobs:
        covered.update(selected_vmids(job, cluster))
    return [vmid for vmid in visible if vmid not in covered]
