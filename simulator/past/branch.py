"""What the branch left on the backup servers: in its own namespace, and by mistake in the first cluster's (D14)."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.past.groups import saved_group
from simulator.past.jobs import backup_tasks
from simulator.past.servers import copied_groups, secret, verifications
from simulator.pbs.model import Access, Group, Server
from simulator.scenario.branch import ACCOUNT, COPIED, NAMESPACE, OWN, Branch
from simulator.scenario.wanted import Wanted


def add_branch(servers: Sequence[Server], branch: Branch, wanted: Wanted) -> None:
    """Given the servers of the first cluster, the original and its copies, add the branch's account, namespace, groups and tasks."""
    original, *copies = servers
    main = original.datastores["main"]
    original.tokens[ACCOUNT] = secret(wanted, original.name, ACCOUNT)
    original.access += tuple(
        Access(f"/datastore/main/{NAMESPACE}", one, "DatastorePowerUser")
        for one in (ACCOUNT, ACCOUNT.partition("!")[0])
    )
    streams, checked = branch.streams, verifications(wanted, original.name, "main", "v-main")
    main.namespaces[NAMESPACE] = {
        group.key: group for group in (saved_group(streams, key, checked) for key in streams.keys(OWN))
    }
    _add_absent(main.namespaces["prod"], [saved_group(streams, key, checked) for key in streams.keys(COPIED)])
    original.tasks += backup_tasks(original, branch.runs)
    for copy in copies:
        _add_absent(copy.datastores["copy"].namespaces["prod"], copied_groups(streams, wanted, copy.name))


def _add_absent(there: dict[tuple[str, str], Group], groups: Sequence[Group]) -> None:
    """Add groups; one that is there already holds the branch's backups too, for they mixed."""
    for group in groups:
        there.setdefault(group.key, group)
