"""The backup servers beside a made-up cluster: what its jobs left there, copies of it, and what others put there."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

from simulator.model import Cluster
from simulator.past.jobs import make_jobs, make_tasks
from simulator.past.others import add_others
from simulator.past.pruning import Entry
from simulator.past.runs import DAY, events
from simulator.past.streams import Key, Prune, Streams
from simulator.pbs.control import ARCHIVES
from simulator.pbs.model import Access, Datastore, Group, Releases, Server, Special, Verifications, escaped, make_task
from simulator.scenario.logs import Run
from simulator.scenario.wanted import Wanted
from simulator.volumes import volumes

AUDITOR, DATASTORE = "auditor@pbs!vzcover", "datastore@pbs!vzcover"
NAMESPACE, OWNER, NOTHING = "namespace@pbs!vzcover", "owner@pbs!vzcover", "nobody@pbs!vzcover"
CLUSTER_TOKEN = "backup@pbs!pve"  # noqa: S105 (an id, no secret)
VERIFY_SCHEDULE, SYNC_SCHEDULE, COPY_PRUNE_SCHEDULE = "05:00", "06:30", "07:00"
COPY_KEEP = {"keep-daily": 30, "keep-monthly": 6}
FINGERPRINT = ":".join(f"{byte:02x}" for byte in hashlib.sha256(b"encryption key").digest())


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


def _server(wanted: Wanted, release: Releases, number: int) -> Server:
    name = wanted.targets[number].name
    server = Server(name, release, wanted.zone, access=make_access())
    for identity in (AUDITOR, DATASTORE, NAMESPACE, OWNER, NOTHING, CLUSTER_TOKEN):
        digest = hashlib.sha256(f"{wanted.seed} {name} {identity}".encode()).digest()
        server.tokens[identity] = str(uuid.UUID(bytes=digest[:16], version=4))
    user = AUDITOR.partition("!")[0]
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
    keys = streams.keys("pbs-main")
    roles = dict(zip(("protected", "encrypted", "signed", "failed", "unverified"), keys[::-1], strict=False))
    for key in keys:
        group = _guest_group(cluster, key, checked)
        group.source = partial(_fill, group, streams, key, frozenset({0} if key == roles.get("protected") else ()))
        prod[group.key] = group
    _mark(prod, roles)
    add_others(main, server, cluster, streams, wanted, checked)
    if wanted.bulk:
        server.datastores["bulk"] = _bulk(cluster, wanted)
    server.jobs = make_jobs(wanted, server.name, original=True)
    server.tasks += make_tasks(server, wanted, streams, runs)
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


def _fill(group: Group, streams: Streams, key: Key, protected: frozenset[int]) -> Sequence[int]:
    """Work out what is left of a group, and note in what single snapshots differ."""
    return _note(group, streams.left(key, protected))


def _note(group: Group, entries: Sequence[Entry]) -> Sequence[int]:
    for entry in entries:
        if not entry.finished:
            group.special.setdefault(entry.time, Special(finished=False, files=(group.archives[-1][0],)))
        elif entry.protected:
            group.special.setdefault(entry.time, Special(protected=True))
    return tuple(entry.time for entry in entries)


def _guest_group(cluster: Cluster, key: Key, checked: Verifications, owner: str = CLUSTER_TOKEN) -> Group:
    guest = cluster.guests[key[3]]
    kind = "vm" if guest.kind == "qemu" else "ct"
    saved = [volume for volume in volumes(guest) if volume.included]
    if kind == "vm":
        disks = [(f"drive-{volume.key}.img.fidx", 34_359_738_368) for volume in saved]
        archives = (*disks, ("qemu-server.conf.blob", 389))
    else:
        archives = ARCHIVES["ct"]
    comment = f"{guest.shown_name} on {guest.node} ({guest.vmid})"
    return Group(kind, str(guest.vmid), owner, tuple, comment=comment, archives=archives, verifications=checked)


def _mark(groups: Mapping[tuple[str, str], Group], roles: Mapping[str, Key]) -> None:
    """An encrypted guest, one that is only signed, one whose newest verification failed, one never verified, a note."""
    named = {role: next(one for one in groups.values() if one.identity == str(key[3])) for role, key in roles.items()}
    for role, mode in (("encrypted", "encrypt"), ("signed", "sign-only")):
        if role in named:
            named[role].crypt_mode, named[role].fingerprint = mode, FINGERPRINT
    if "unverified" in named:
        named["unverified"].verifications = Verifications()
    if "failed" in named:
        group = named["failed"]
        group.source = partial(_with_failure, group, group.source)
    if "protected" in named:
        named["protected"].note = "keep the first one\nuntil the audit is over"


def _with_failure(group: Group, source: Callable[[], Sequence[int]]) -> Sequence[int]:
    times = source()
    newest = next((time for time in reversed(times) if group.verifications.of(time) and group.of(time).finished), None)
    if newest is not None:
        group.special[newest] = Special(verification="failed")
    return times


def _copy(streams: Streams, wanted: Wanted, release: Releases, number: int) -> Server:
    """A server that pulls the production namespace every day and prunes its copies by a policy of its own (H15)."""
    server = _server(wanted, release, number)
    store = server.datastores["copy"] = Datastore("copy", config={"gc-schedule": "daily", "verify-new": True})
    groups: dict[tuple[str, str], Group] = {}
    store.namespaces["prod"] = groups
    zone, start = ZoneInfo(wanted.zone), wanted.now - wanted.history_days * DAY
    syncs = events(SYNC_SCHEDULE, start, wanted.now - 3600, zone)
    prune = Prune(events(COPY_PRUNE_SCHEDULE, start, wanted.now, zone), COPY_KEEP)
    checked = verifications(wanted, wanted.targets[0].name, "main", "v-main")  # H7: the source's, copied along
    for key in streams.keys("pbs-main"):
        group = _guest_group(streams.cluster, key, checked, owner="root@pam")
        group.source = partial(_copied, group, streams, key, syncs, prune)
        groups[group.key] = group
    server.remotes["origin"] = {"name": "origin", "host": wanted.targets[0].host}
    server.jobs = make_jobs(wanted, server.name, original=False)
    server.tasks += make_tasks(server, wanted, streams, ())
    return server


def _copied(group: Group, streams: Streams, key: Key, syncs: Sequence[int], prune: Prune) -> Sequence[int]:
    return _note(group, streams.copied(key, syncs, prune))


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
