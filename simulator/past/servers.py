"""The backup servers beside a made-up cluster: what its jobs left there, copies of it, and what others put there."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

from simulator.model import Cluster
from simulator.past.groups import copied_group, saved_group
from simulator.past.jobs import make_jobs, make_tasks
from simulator.past.others import add_others
from simulator.past.roles import encrypt, mark, roles_of
from simulator.past.runs import DAY, events
from simulator.past.streams import Prune, Streams
from simulator.past.trouble import fall_behind, spoil
from simulator.pbs.control import ARCHIVES
from simulator.pbs.model import Access, Brought, Datastore, Group, Releases, Server, Verifications, escaped, make_task
from simulator.scenario.logs import Run
from simulator.scenario.wanted import Wanted

AUDITOR, DATASTORE = "auditor@pbs!vzcover", "datastore@pbs!vzcover"
NAMESPACE, OWNER, NOTHING = "namespace@pbs!vzcover", "owner@pbs!vzcover", "nobody@pbs!vzcover"
CLUSTER_TOKEN = "backup@pbs!pve"  # noqa: S105 (an id, no secret)
VERIFY_SCHEDULE, SYNC_SCHEDULE, COPY_PRUNE_SCHEDULE = "05:00", "06:30", "07:00"
EVERY_TIME = 1  # seconds after which a verification is outdated for a job that does not ignore any
COPY_KEEP = {"keep-daily": 30, "keep-monthly": 6}


def make_access() -> tuple[Access, ...]:
    """The auditor as recommended (H1), and weaker ones as recorded: a datastore, a namespace, owned groups, nothing."""
    found: list[Access] = []
    for identity, path, role in (
        (AUDITOR, "/", "Audit"),
        (AUDITOR, "/remote", "RemoteAudit"),
        (DATASTORE, "/datastore/main", "DatastoreAudit"),
        (NAMESPACE, "/datastore/main/prod", "DatastoreAudit"),
        (OWNER, "/datastore/main", "DatastoreBackup"),
        (CLUSTER_TOKEN, "/datastore", "DatastorePowerUser"),
    ):
        found += [Access(path, identity, role), Access(path, identity.partition("!")[0], role)]
    return tuple(found)


def make_servers(
    cluster: Cluster, streams: Streams, runs: Sequence[Run], wanted: Wanted, release: Releases
) -> list[Server]:
    """Given the cluster and its past, return the servers that `wanted.targets` names: the original, then its copies."""
    return [
        _original(cluster, streams, runs, wanted, release) if number == 0 else _copy(streams, wanted, release, number)
        for number in range(len(wanted.targets))
    ]


def admit(server: Server, wanted: Wanted) -> None:
    """Give a further cluster its account and its namespace on a server that the first one made."""
    server.tokens[wanted.account] = secret(wanted, server.name, wanted.account)
    user = wanted.account.partition("!")[0]
    server.access += tuple(Access("/datastore", one, "DatastorePowerUser") for one in (wanted.account, user))
    if "main" in server.datastores:
        server.datastores["main"].namespaces.setdefault(wanted.own_namespace, {})


def secret(wanted: Wanted, server: str, identity: str) -> str:
    """The secret of a token on a server: the same for the same seed."""
    digest = hashlib.sha256(f"{wanted.seed} {server} {identity}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _server(wanted: Wanted, release: Releases, number: int) -> Server:
    name = wanted.targets[number].name
    server = Server(name, release, wanted.zone, access=make_access())
    for identity in (AUDITOR, DATASTORE, NAMESPACE, OWNER, NOTHING, CLUSTER_TOKEN):
        server.tokens[identity] = secret(wanted, name, identity)
    for user in (AUDITOR.partition("!")[0], "root@pam"):
        server.passwords[user] = hashlib.sha256(f"{wanted.seed} {name} {user}".encode()).hexdigest()[:20]
    return server


def verifications(wanted: Wanted, server: str, store: str, job: str) -> Verifications:
    """What the daily verify job of a datastore did so far."""
    instants = events(VERIFY_SCHEDULE, wanted.now - wanted.history_days * DAY, wanted.now - 3600, ZoneInfo(wanted.zone))
    subject = escaped(f"{store}:{job}")
    upids = [
        f"UPID:{server}:00001C97:0003BBDF:{number:08X}:{instant:08X}:verificationjob:{subject}:root@pam:"
        for number, instant in enumerate(instants)
    ]
    return Verifications(instants, upids)


def _original(cluster: Cluster, streams: Streams, runs: Sequence[Run], wanted: Wanted, release: Releases) -> Server:
    server = _server(wanted, release, 0)
    main = server.datastores["main"] = Datastore(
        "main", config={"comment": "production backups", "gc-schedule": "sat 03:30"}
    )
    main.history = tuple(0.38 + 0.02 * number / 1440 for number in range(1440))
    main.estimated_full = wanted.now + 900 * DAY
    prod: dict[tuple[str, str], Group] = {}
    main.namespaces |= {"prod": prod, "prod/db": {}, "dev": {}, "cluster-b": {}}
    checked = verifications(wanted, server.name, "main", "v-main")
    roles = roles_of(streams)
    for key in streams.keys("pbs-main"):
        group = saved_group(streams, key, checked, frozenset({0} if key == roles.get("protected") else ()))
        prod[group.key] = group
    mark(prod, roles)
    spoil(prod, streams.trouble)
    add_others(main, server, cluster, streams, wanted, checked)
    if wanted.bulk:
        server.datastores["bulk"] = _bulk(cluster, wanted)
    server.jobs = make_jobs(wanted, server.name, streams, original=True)
    server.tasks += make_tasks(server, wanted, runs)
    _collect_garbage(main, server, wanted)
    return server


def _collect_garbage(store: Datastore, server: Server, wanted: Wanted) -> None:
    """The datastore's last garbage collection (H11)."""
    instants = events(str(store.config["gc-schedule"]), wanted.now - 30 * DAY, wanted.now - 7200, ZoneInfo(wanted.zone))
    tasks = [
        make_task(server.name, "garbage_collection", store.name, "root@pam", instant, instant + 1800, "OK", number)
        for number, instant in enumerate(instants)
    ]
    server.tasks += tasks
    store.garbage = {
        "upid": tasks[-1].upid,
        "disk-bytes": 7_900_000_000_000,
        "disk-chunks": 3_200_000,
        "index-data-bytes": 61_000_000_000_000,
        "index-file-count": 4_200,
        "pending-bytes": 90_000_000_000,
        "pending-chunks": 41_000,
        "removed-bytes": 120_000_000_000,
        "removed-chunks": 52_000,
    }
    store.garbage_run = {"last-run-endtime": instants[-1] + 1800, "last-run-state": "OK", "duration": 1800}


def _copy(streams: Streams, wanted: Wanted, release: Releases, number: int) -> Server:
    """A server that pulls the production namespace every day and prunes its copies by a policy of its own (H15)."""
    server = _server(wanted, release, number)
    store = server.datastores["copy"] = Datastore("copy", config={"gc-schedule": "daily", "verify-new": True})
    groups = store.namespaces["prod"] = {group.key: group for group in copied_groups(streams, wanted, server.name)}
    named = encrypt(groups, roles_of(streams))
    if "unverified" in named:
        named["unverified"].verifications = Verifications()
    fall_behind(groups, streams.trouble, wanted)
    server.remotes["origin"] = {"name": "origin", "host": wanted.targets[0].host}
    server.jobs = make_jobs(wanted, server.name, streams, original=False)
    server.tasks += make_tasks(server, wanted, ())
    return server


def copied_groups(streams: Streams, wanted: Wanted, server: str) -> list[Group]:
    """The copies on a server of what a cluster has in the production namespace, with the verifications that came with them (H7)."""
    zone, start = ZoneInfo(wanted.zone), wanted.now - wanted.history_days * DAY
    syncs = events(SYNC_SCHEDULE, start, wanted.now - 3600, zone)
    prune = Prune(events(COPY_PRUNE_SCHEDULE, start, wanted.now, zone), COPY_KEEP)
    source = verifications(wanted, wanted.targets[0].name, "main", "v-main")
    own = verifications(wanted, server, "copy", "v-copy")
    checked = Brought(own.instants, own.upids, EVERY_TIME, source, syncs)
    return [copied_group(streams, key, checked, syncs, prune) for key in streams.keys("pbs-main")]


def _bulk(cluster: Cluster, wanted: Wanted) -> Datastore:
    """Many groups by arithmetic, for benches: of the cluster's guests first, then of ids above 1,000,000; one a day."""
    store = Datastore("bulk")
    random = Random(f"bulk/{wanted.seed}")
    checked = Verifications(
        [wanted.now - 5 * DAY], ["UPID:pbs1:00001C97:0003BBDF:00000000:6B00FA4C:verify:bulk:root@pam:"]
    )
    guests = sorted(cluster.guests.values(), key=lambda guest: guest.vmid)
    for number in range(wanted.bulk):
        guest = guests[number] if number < len(guests) else None
        kind = "ct" if guest is not None and guest.kind == "lxc" else "vm"
        identity = str(guest.vmid if guest else 1_000_000 + number)
        newest = wanted.now - 3600 - random.randrange(7200)
        times = range(newest - DAY * (wanted.bulk_times - 1), newest + 1, DAY)
        group = Group(
            kind, identity, CLUSTER_TOKEN, partial(range, times.start, times.stop, times.step), archives=ARCHIVES[kind]
        )
        group.verifications = checked
        store.namespaces[""][group.key] = group
    return store
