"""The PBS of a site: two groups of each guest, each with just what the policy leaves, most of it verified and half of it encrypted."""

from __future__ import annotations

from array import array
from dataclasses import replace

from bench.site.plan import DAY, GIB, NOW, PBS, POOLS, PVE, TOKEN, ZONE_NAME, Site, is_so, job_of
from report.backups import Archive, BackupGroup, Datastore, PbsFacts, PbsJob, SnapshotFlag, Snapshots
from report.facts import Guest
from report.readings import Permissions
from tests import builders as a

PLACES = {"main": PVE, "second": PVE, "offsite": ""}
KEYS = (":".join(["a1"] * 32), ":".join(["b2"] * 32))
VERIFIED, ENCRYPTED = int(SnapshotFlag.VERIFIED), int(SnapshotFlag.ENCRYPTED)
# guests of a pool take turns: so many seconds each, all within the hour
TURN_SECONDS, TURNS = 3, 1000
BASE_SIZE, STEP, STEPS = 32 * GIB, 10**6, 997


def server_of(site: Site) -> PbsFacts:
    """Given a site, return its PBS, of which everything was read."""
    groups: dict[str, list[BackupGroup]] = {store: [] for store in PLACES}
    for guest in site.inventory:
        first = _group(site, guest, "main")
        groups["main"].append(first)
        if job_of("second", guest.pool) in site.nights:
            groups["second"].append(_group(site, guest, "second"))
        else:
            groups["offsite"].append(_copy(first))
    stores = sorted(PLACES)
    return PbsFacts(
        PBS,
        NOW,
        True,
        (("pbs.example", 8007),),
        version=a.reading("4.1.0"),
        permissions=a.reading(
            Permissions({"/": dict.fromkeys(("Datastore.Audit", "Sys.Audit", "Remote.Audit"), True)})
        ),
        zone=a.reading(ZONE_NAME),
        datastores=a.reading(tuple(Datastore(store, total_bytes=10**14, used_bytes=10**13) for store in stores)),
        namespaces={store: a.reading((PLACES[store],)) for store in stores},
        groups={(store, PLACES[store]): a.reading(tuple(groups[store])) for store in stores},
        prune_jobs=a.reading(tuple(_job("prune", store, "05:00", site) for store in ("main", "offsite"))),
        verify_jobs=a.reading((_job("verify", "main", "sat 06:00", site),)),
        sync_jobs=a.reading((_job("sync", "offsite", "04:00", site),)),
        tasks=a.reading(()),
    )


def _job(kind: str, store: str, schedule: str, site: Site) -> PbsJob:
    """Return a job of the server that ran well this morning."""
    return PbsJob(
        kind,
        f"{kind}-{store}",
        store,
        schedule=schedule,
        keep=site.keep if kind == "prune" else (),
        last_run_state="OK",
        last_run_at=NOW - DAY // 6,
        last_run_upid=f"UPID:{kind}:{store}",
        next_run_at=NOW + DAY * 5 // 6,
    )


def _group(site: Site, guest: Guest, store: str) -> BackupGroup:
    container, nights = guest.guest_type == "lxc", site.nights[job_of(store, guest.pool)]
    turn = TURN_SECONDS * (guest.vmid // POOLS % TURNS)
    times = array("q", (at + turn for at in nights))
    encrypted = guest.vmid % POOLS in (2, 3, 4, 5, 6)
    names = ("root.pxar.didx",) if container else ("drive-scsi0.img.fidx", "drive-scsi1.img.fidx")
    return BackupGroup(
        server=PBS,
        datastore=store,
        namespace=PLACES[store],
        backup_type="ct" if container else "vm",
        backup_id=str(guest.vmid),
        snapshots=Snapshots(
            times,
            _sizes(guest, len(times)),
            _flags(guest, len(times), encrypted),
            array("q", (at + DAY for at in times[:-1])) + array("q", (0,)),
            _keys(guest, len(times)) if encrypted else b"",
        ),
        read_at=NOW,
        owner=TOKEN,
        newest_archives=tuple(Archive(name, BASE_SIZE, "encrypt" if encrypted else "none") for name in names),
        key_fingerprints=KEYS if encrypted else (),
    )


def _copy(group: BackupGroup) -> BackupGroup:
    """Return the group as a sync job has written it: with the same times, under an owner of its own."""
    held = group.snapshots
    copied = replace(held, times=held.times[:], sizes=held.sizes[:], verified_at=held.verified_at[:])
    return replace(group, datastore="offsite", namespace=PLACES["offsite"], owner="root@pam", snapshots=copied)


def _sizes(guest: Guest, count: int) -> array[int]:
    sizes = array("q", (BASE_SIZE + STEP * ((guest.vmid * 31 + at) % STEPS) for at in range(count)))
    if is_so("collapsed", guest):
        sizes[-1] = GIB
    return sizes


def _flags(guest: Guest, count: int, encrypted: bool) -> bytes:
    """Return the flags of a group's snapshots: all verified but the newest."""
    flags = [VERIFIED | (ENCRYPTED if encrypted else 0)] * count
    flags[-1] &= ~VERIFIED
    if is_so("corrupt", guest):
        flags[count // 2] = SnapshotFlag.VERIFY_FAILED
    if is_so("protected", guest):
        flags[guest.vmid % count] |= SnapshotFlag.PROTECTED
    if is_so("unfinished", guest):
        flags[-1] = SnapshotFlag.UNFINISHED
    return bytes(flags)


def _keys(guest: Guest, count: int) -> bytes:
    """Return the number of each snapshot's key; half of the guests have changed theirs."""
    return bytes((1 if at < count // 2 and guest.vmid % 2 else 2) for at in range(count))
