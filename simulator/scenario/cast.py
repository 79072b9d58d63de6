"""Which guest of an estate has which trouble: each trouble befalls one guest, the same one at any time of day."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.scenario.wanted import Plan, Wanted

# smaller estates are spared
GUESTS_AT_LEAST, NODES_AT_LEAST = 40, 3
# trouble → pool, number of the node, and which of the guests there
PLACES: Mapping[str, tuple[str | None, int, int]] = {
    "hourly": (None, 0, 0),  # its job was to run at 22:00, and runs each hour at :22
    "rebooted": (None, 1, 0),  # in the same job; its node was down
    "stuck": (None, 0, 1),  # its backup began two days ago and does not end
    "weekly": ("prod/db", 2, 2),  # its weekly backup to the other storage failed, while the ordinary ones go on
    "bare": ("infra", 1, 2),  # none of its disks is saved
    "corrupt": ("prod", 1, 0),  # two older backups failed verification
    "outdated": ("prod/web", 0, 1),  # verified last long ago
    "unsynced": ("prod/db", 2, 2),  # its copies stopped coming
    "unpruned": ("prod", 1, 2),  # its prune is refused
    "deleted": ("prod/web", 1, 1),  # somebody removed backups
    "jumped": ("prod/web", 0, 0),  # its newest backup is far larger
    "noted": ("prod/web", 2, 2),  # a waiver in its notes does not read
}
# trouble → the hard case whose first guest has it: nobody's job saves these
OF_CASES: Mapping[str, str] = {"spoiled": "legacy-disabled", "forgotten": "no-job", "by-hand": "sub-pool"}


def cast(wanted: Wanted, plan: Plan) -> dict[str, int]:
    """Given the plan with everybody's place, return the vmid of each trouble; none for a small estate."""
    if wanted.guests < GUESTS_AT_LEAST or wanted.nodes < NODES_AT_LEAST:
        return {}
    there: dict[tuple[str | None, str], list[int]] = {}
    for vmid in plan.ordinary:
        there.setdefault((plan.pool_of.get(vmid), plan.node_of[vmid]), []).append(vmid)
    found = {}
    for trouble, (pool, node, which) in PLACES.items():
        vmids = there.get((pool and wanted.pool(pool), wanted.node_names[node]), [])
        if which < len(vmids):
            found[trouble] = vmids[which]
    return found | {trouble: plan.hard[case][0] for trouble, case in OF_CASES.items() if case in plan.hard}
