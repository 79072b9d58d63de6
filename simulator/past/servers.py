"""The backup servers beside a made-up cluster: what its jobs left there, copies of it, and what others put there."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

from simulator.model import Cluster
from simulator.past.jobs import make_jobs, make_tasks
from simulator.past.others import add_others
from simulator.past.pruning import Entry
from simulator.past.runs import DAY, events
from simulator.past.streams import Key, Prune, Streams
from simulator.past.trouble import fall_behind, spoil
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
FINGERPRINT, NEW_FINGERPRINT = (
    ":".join(f"{byte:02x}" for byte in hashlib.sha256(text).digest()) for text in (b"encryption key", b"the next key")
)
# whose backups are special, from the last group on
ROLES = ("protected", "encrypted", "signed", "failed", "unverified", "plain_again", "two_keys")


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
    server.tokens[wanted.account] = _secret(wanted, server.name, wanted.account)
    user = wanted.account.partition("!")[0]
    server.access += tuple(Access("/datastore", one, "DatastorePowerUser") for one in (wanted.account, user))
    if "main" in server.datastores:
        server.datastores["main"].namespaces.setdefault(wanted.own_namespace, {})


def _secret(wanted: Wanted, server: str, identity: str) -> str:
    digest = hashlib.sha256(f"{wanted.seed} {server} {identity}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _server(wanted: Wanted, release: Releases, number: int) -> Server:
    name = wanted.targets[number].name
    server = Server(name, release, wanted.zone, access=make_access())
    for identity in (AUDITOR, DATASTORE, NAMESPACE, OWNER, NOTHING, CLUSTER_TOKEN):
        server.tokens[identity] = _secret(wanted, name, identity)
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
    keys = streams.keys("pbs-main")
    roles = roles_of(_without_trouble(streams))
    for key in keys:
        group = _guest_group(cluster, key, checked)
        group.source = partial(_fill, group, streams, key, frozenset({0} if key == roles.get("protected") else ()))
        prod[group.key] = group
    _mark(prod, roles)
    spoil(prod, streams.trouble)
    add_others(main, server, cluster, streams, wanted, checked)
    if wanted.bulk:
        server.datastores["bulk"] = _bulk(cluster, wanted)
    server.jobs = make_jobs(wanted, server.name, streams, original=True)
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
    saved = [volume for volume in volumes(guest.as_saved()) if volume.included]
    if kind == "vm":
        disks = [(f"drive-{volume.key}.img.fidx", volume.size or 34_359_738_368) for volume in saved]
        archives = (*disks, ("qemu-server.conf.blob", 389))
    else:
        archives = ARCHIVES["ct"]
    comment = f"{guest.shown_name} on {guest.node} ({guest.vmid})"
    return Group(kind, str(guest.vmid), owner, tuple, comment=comment, archives=archives, verifications=checked)


def _mark(groups: Mapping[tuple[str, str], Group], roles: Mapping[str, Key]) -> None:
    """One whose newest verification failed, one never verified, one whose newest is far too small, a note, and keys."""
    named = _encrypt(groups, roles)
    if "collapsed" in named:
        group = named["collapsed"]
        group.source = partial(_with_collapse, group, group.source)
    if "unverified" in named:
        named["unverified"].verifications = Verifications()
    if "failed" in named:
        group = named["failed"]
        group.source = partial(_with_failure, group, group.source)
    if "protected" in named:
        named["protected"].note = "keep the first one\nuntil the audit is over"


def _without_trouble(streams: Streams) -> list[Key]:
    """The cluster's groups but those that have another trouble."""
    troubled = set(streams.trouble.values())
    return [key for key in streams.keys("pbs-main") if key[3] not in troubled]


def roles_of(keys: Sequence[Key]) -> dict[str, Key]:
    """Given the cluster's groups, return whose backups are special in which way; a collapse shows at containers only."""
    roles = dict(zip(ROLES, keys[::-1], strict=False))
    taken = set(roles.values())
    collapsed = next((key for key in keys[::-1] if key[2] == "lxc" and key not in taken), None)
    return roles if collapsed is None else roles | {"collapsed": collapsed}


def _encrypt(groups: Mapping[tuple[str, str], Group], roles: Mapping[str, Key]) -> dict[str, Group]:
    """An encrypted guest, one that is only signed, one that no longer is encrypted, one whose key was changed; return all by role."""
    named = {role: next(one for one in groups.values() if one.identity == str(key[3])) for role, key in roles.items()}
    for role, mode in (("encrypted", "encrypt"), ("signed", "sign-only")):
        if role in named:
            named[role].crypt_mode, named[role].fingerprint = mode, FINGERPRINT
    for role, group in named.items():
        if role == "plain_again":
            group.source = partial(_with_older_key, group, group.source)
        elif role == "two_keys":
            group.crypt_mode, group.fingerprint = "encrypt", NEW_FINGERPRINT
            group.source = partial(_with_older_key, group, group.source)
    return named


def _with_older_key(group: Group, source: Callable[[], Sequence[int]]) -> Sequence[int]:
    """All but the newest three were encrypted with the first key."""
    times = source()
    for time in times[:-3]:
        if group.of(time).finished:
            group.special[time] = replace(group.of(time), encrypted_with=FINGERPRINT)
    return times


def _with_collapse(group: Group, source: Callable[[], Sequence[int]]) -> Sequence[int]:
    """The newest backup holds next to nothing of what the ones before it hold."""
    times = source()
    newest = next((time for time in reversed(times) if group.of(time).finished), None)
    if newest is not None:
        small = tuple((name, size // 50 if size > 1_000_000 else size) for name, size in group.archives)
        group.special[newest] = replace(group.of(newest), archives=small)
    return times


def _with_failure(group: Group, source: Callable[[], Sequence[int]]) -> Sequence[int]:
    times = source()
    newest = next((time for time in reversed(times) if group.verifications.of(time) and group.of(time).finished), None)
    if newest is not None:
        group.special[newest] = replace(group.of(newest), verification="failed")
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
    named = _encrypt(groups, roles_of(_without_trouble(streams)))  # a pull copies the manifests (H7)
    if "unverified" in named:
        named["unverified"].verifications = Verifications()
    fall_behind(groups, streams.trouble, wanted)
    server.remotes["origin"] = {"name": "origin", "host": wanted.targets[0].host}
    server.jobs = make_jobs(wanted, server.name, streams, original=False)
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
