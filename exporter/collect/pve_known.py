"""What is kept or derived when an answer tells less than was known: names of guests, names of nodes, pools to ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from report.facts import BackupJob, Guest, GuestConfig, Inventory, Node, Reading

_NOT_READ = GuestConfig(0)


def nodes_or_names(nodes: Reading[tuple[Node, ...]], inventory: Reading[Inventory]) -> Reading[tuple[Node, ...]]:
    """Where /cluster/status was never read, or lacks nodes, those are known by name from the inventory, and nothing of their state."""
    known = {node.name: node for node in nodes.value or ()}
    missing = inventory.value.nodes - known.keys() if inventory.value is not None else frozenset()
    if not missing or (known and nodes.fetched_at != inventory.fetched_at):
        return nodes
    merged = known | {name: Node(name) for name in missing}
    return replace(nodes, value=tuple(merged[name] for name in sorted(merged)), fetched_at=inventory.fetched_at)


def unseen_pools(jobs: Reading[tuple[BackupJob, ...]], inventory: Reading[Inventory]) -> list[str]:
    """Return the pools that jobs name and the inventory does not show: gone, or not ours to see (B10, B24)."""
    visible = inventory.value.pools if inventory.value else frozenset()
    return sorted({job.pool for job in jobs.value or () if job.pool and job.pool not in visible})


def with_last_names(
    inventory: Reading[Inventory], before: Inventory | None, configs: Mapping[int, GuestConfig]
) -> Reading[Inventory]:
    """Fill in the name and template flag of guests whose node tells nothing fresh (A4): as last seen, else as their configuration says."""
    if inventory.value is None or all(_complete(guest) for guest in inventory.value.guests):
        return inventory
    last = {guest.vmid: guest for guest in before.guests} if before else {}
    guests = tuple(
        guest if _complete(guest) else _filled(guest, (last.get(guest.vmid, guest), configs.get(guest.vmid, _NOT_READ)))
        for guest in inventory.value.guests
    )
    return replace(inventory, value=replace(inventory.value, guests=guests))


def _complete(guest: Guest) -> bool:
    return guest.name is not None and guest.template is not None


def _filled(guest: Guest, sources: Sequence[Guest | GuestConfig]) -> Guest:
    name, template = guest.name, guest.template
    for source in sources:
        name = source.name if name is None else name
        template = source.template if template is None else template
    return replace(guest, name=name, template=template)
