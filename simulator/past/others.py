"""What is on a backup server beside the cluster's own backups, and its other datastores."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from simulator.model import Cluster
from simulator.past.pruning import Entry, survivors
from simulator.past.runs import DAY, events
from simulator.past.streams import Streams
from simulator.past.trouble import add_forgotten
from simulator.pbs.control import ARCHIVES
from simulator.pbs.model import Datastore, Group, Server, Special, Verifications, make_task
from simulator.scenario.wanted import Wanted

GONE_VMIDS = (8998, 8999)
HOST_KEEP = {"keep-last": 3, "keep-daily": 7, "keep-weekly": 4}
OWNER, OTHER_CLUSTER, BY_HAND = "owner@pbs!vzcover", "backup@pbs!cluster-b", "admin@pbs!manual"


def _group(kind: str, identity: str, owner: str, times: Sequence[int], checked: Verifications) -> Group:
    found = tuple(times)
    return Group(kind, identity, owner, lambda: found, archives=ARCHIVES[kind], verifications=checked)


def add_others(
    main: Datastore, server: Server, cluster: Cluster, streams: Streams, wanted: Wanted, checked: Verifications
) -> None:
    """Given the datastore with the cluster's groups, add the rest, and the other datastores of that server."""
    _hosts(main, server, wanted, checked)
    _strangers(main, cluster, streams, wanted, checked)
    _crashed_and_running(main, server, cluster, streams, wanted)
    server.datastores |= {
        "archive": Datastore("archive", maintenance="read-only", config={"comment": "old things"}),
        "empty": Datastore("empty"),
    }
    old = _group("vm", "8000", BY_HAND, [wanted.now - days * DAY for days in (900, 800, 700)], Verifications())
    server.datastores["archive"].namespaces[""][old.key] = old


def _hosts(main: Datastore, server: Server, wanted: Wanted, checked: Verifications) -> None:
    """Machines that save themselves into the root, pruned once a day by the server's own job (E24)."""
    zone, start = ZoneInfo(wanted.zone), wanted.now - wanted.history_days * DAY
    prunes = events("daily", start, wanted.now, zone)
    for identity, schedule in (("files.example.org", "*/4:20"), ("elsa", "sun 01:15")):
        made = events(schedule, start, wanted.now - 600, zone)
        present: list[Entry] = []
        actions = sorted([(at, "save") for at in made] + [(at, "prune") for at in prunes])
        for at, action in actions:
            if action == "save":
                present.append(Entry(at))
            else:
                present = survivors(present, HOST_KEEP, zone)
        group = _group("host", identity, "admin@pbs!hosts", [entry.time for entry in present], checked)
        main.namespaces[""][group.key] = group


def _strangers(main: Datastore, cluster: Cluster, streams: Streams, wanted: Wanted, checked: Verifications) -> None:
    """Groups of guests that are gone (D17), another cluster's with the same ids (D14), by hand, and the limited owner's."""
    prod = main.namespaces["prod"]
    for number, vmid in enumerate(GONE_VMIDS):
        owner = ("backup@pbs!pve", "backup@pbs!old-pve")[number]
        times = [wanted.now - (20 + 5 * number + days) * DAY for days in range(10, 0, -1)]
        group = _group("vm", str(vmid), owner, times, checked)
        prod[group.key] = group
    for key in streams.keys("pbs-main")[:5]:
        times = [wanted.now - days * DAY - 5000 for days in range(21, 0, -1)]
        kind = "vm" if key[2] == "qemu" else "ct"
        group = _group(kind, str(key[3]), OTHER_CLUSTER, times, checked)
        main.namespaces["cluster-b"][group.key] = group
    listed = [key for key in streams.keys("nas") if not streams.parts(("pbs-main", "", *key[2:]))]
    if listed:
        kind = "vm" if listed[0][2] == "qemu" else "ct"
        group = _group(kind, str(listed[0][3]), BY_HAND, [wanted.now - days * DAY for days in (40, 17, 3)], checked)
        prod[group.key] = group
    add_forgotten(prod, cluster, streams.trouble, wanted, checked)
    mine = _group("vm", "900", OWNER, [wanted.now - days * DAY for days in range(7, 0, -1)], checked)
    main.namespaces["dev"][mine.key] = mine


def _crashed_and_running(main: Datastore, server: Server, cluster: Cluster, streams: Streams, wanted: Wanted) -> None:
    """A backup that crashed and that no prune reaches, and two that are running now (M11)."""
    crashed = wanted.now - 5 * DAY
    times = [crashed - 14 * DAY, crashed - 7 * DAY, crashed]
    group = _group("host", "laptop", OWNER, times, Verifications())
    group.special[crashed] = Special(finished=False)
    main.namespaces["dev"][group.key] = group
    task = make_task(server.name, "backup", "main:host/laptop", OWNER, crashed, crashed + 40, "unknown", 9001)
    server.tasks.append(task)
    begun = wanted.now - 60
    running = main.namespaces[""]["host", "elsa"]
    running.put(begun, Special(finished=False))
    server.tasks.append(make_task(server.name, "backup", "main:host/elsa", "admin@pbs!hosts", begun, None, None, 9002))
