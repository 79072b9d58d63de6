"""Every finding: facts that raise it, and facts that differ in one thing and do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from report.backups import Archive, BackupGroup, SnapshotFlag
from report.facts import (
    ConfigVolume,
    Drill,
    GuestConfig,
    GuestOutcome,
    GuestResult,
    Node,
    Restore,
    StorageDefinition,
    StorageState,
    TaskOutcome,
)
from report.findings import RULES, Area, Finding, FindingCode, Severity
from report.policy import DeclaredStorage, Expectation, Policy, Scope, StoreMark, Waiver
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import DAY, HOUR, NIGHT, NOW, SAVED, Judged, cluster, dailies, group, judge, rows

F = FindingCode
FAILED, VERIFIED = SnapshotFlag.VERIFY_FAILED, SnapshotFlag.VERIFIED
ENCRYPTED, SIGNED = SnapshotFlag.ENCRYPTED | VERIFIED, SnapshotFlag.SIGNED | VERIFIED
OFFSITE = (StoreMark("vault", "offsite", offsite=True),)
PLAIN_NIGHTS = rows(dailies())


def expecting(**fields: Any) -> Policy:
    """Return a policy that expects this of every guest; `offsite` is marked as an off-site store."""
    return Policy(default=replace(Expectation(), **fields), stores=OFFSITE)


def nights(count: int, *last: tuple[int, int, int, int], skipped: int = 0) -> BackupGroup:
    """Return a group of verified nights up to `skipped` days ago, and further rows."""
    return group([*rows(dailies(count, SAVED - skipped * DAY)), *last])


def failed_run(result: GuestResult = GuestResult.FAILED, begun: bool = True) -> dict[str, Any]:
    """Return tasks of which tonight's failed, with a log that says so of guest 100."""
    tonight = e.task(status="job errors")
    outcome = GuestOutcome(100, result, SAVED if begun else None, 60, "disk is on fire")
    return {
        "tasks": {"pve1": a.reading((tonight, *e.nightly_tasks()[1:])), "pve2": a.reading(())},
        "outcomes": e.logs((tonight, TaskOutcome((outcome,)))),
    }


def unreached_run() -> dict[str, Any]:
    tonight = e.task(status="could not activate storage")
    return {
        "tasks": {"pve1": a.reading((tonight, *e.nightly_tasks()[1:])), "pve2": a.reading(())},
        "outcomes": e.logs((tonight, TaskOutcome(error="could not activate storage 'pbs': offline"))),
    }


def running(started_at: int, **fields: str) -> dict[str, Any]:
    now = e.task(started_at, None, None, **fields)
    return {"tasks": {"pve1": a.reading((now, *e.nightly_tasks()[1:])), "pve2": a.reading(())}}


def without_tonights_task() -> dict[str, Any]:
    return {"tasks": {node: a.reading(e.nightly_tasks(9, NIGHT - DAY, node=node)) for node in e.NODES}}


def told_by_nodes(online: bool | None = True, **states: tuple[bool, bool]) -> dict[str, Any]:
    """Return whether pve1 is online, and what it says of storages: whether each is enabled there, and active."""
    told = tuple(StorageState(name, "pve1", "pbs", *state, shared=True) for name, state in states.items())
    nodes = (Node("pve1", online=online), Node("pve2", online=True))
    return {"nodes": a.reading(nodes), "storage_states": {"pve1": a.reading(told)}}


def two_stores(newest_offsite: int) -> Judged:
    """Judge a guest that one job saves to `pbs` and one to `off`, where the newest is as given."""
    jobs = [e.job(), e.job("second", storage="off", schedule="01:00")]
    storages = [e.entry(), e.entry("off", datastore="offsite", namespace=None)]
    return judge(group(), e.copy(rows(dailies(5, newest_offsite)), owner=e.TOKEN), jobs=jobs, storages=storages)


def volumes(*excluded: str, all_of_them: bool = False) -> Judged:
    left_out = [e.volume(key, included=False, reason="backup=no") for key in excluded]
    told = [e.volume(), *left_out] if not all_of_them else left_out
    return judge(group(), included=e.included(*told))


def with_disk(key: str, size: int) -> dict[str, Any]:
    return {"configs": {100: GuestConfig(NOW, volumes=(ConfigVolume(key, f"local-lvm:vm-100-{key}", size),))}}


def encrypted(storage_key: str | None = "ab:cd", *keys: str) -> Judged:
    """Judge a guest whose backups are encrypted, the older half with the first key and the newer with the last."""
    fingerprints = keys or ("ab:cd",)
    held = e.keyed(group(rows(dailies(), ENCRYPTED)), [1] * 5 + [len(fingerprints)] * 5, *fingerprints)
    return judge(held, storages=[e.entry(encryption_key=storage_key)])


def on_files() -> Judged:
    files = replace(
        group(rows(dailies(), 0)), server="lab", datastore="nas", namespace="", owner=None, newest_archives=()
    )
    facts = cluster(
        jobs=[e.job(storage="nas")], storages=[a.storage_definition()], backups={"nas": a.reading((files,))}
    )
    return judge(clusters=(facts,), policy=expecting(verified_within_seconds=7 * DAY))


def restored(at: int) -> dict[str, Any]:
    """Return a restore of guest 100's backup to another id, which ended well."""
    restore = Restore("U", "pve1", "qemu", 900, at - 60, at, "OK", "pbs:backup/vm/100/2026-10-01T02:01:00Z")
    return {"restores": {"pve1": a.reading((restore,)), "pve2": a.reading(())}}


def drill(*, ok: bool, at: int = NOW - DAY) -> Drill:
    return Drill("lab", 100, at, ok, "ana", message="no console")


def sized(*sizes: int) -> Judged:
    times = dailies(len(sizes))
    return judge(group([row for time, size in zip(times, sizes, strict=True) for row in rows([time], size=size)]))


def shared(other_token: str) -> Judged:
    """Judge two clusters with a guest 100 each; the second one's entry for the same place has the account given."""
    shop = cluster(name="shop", storages=[e.entry(username=other_token)])
    return judge(group(), clusters=(cluster(), shop))


def noted(line: str, policy: Policy | None = None) -> Judged:
    allowed = policy or Policy(waive_in_notes=True)
    return judge(group(), policy=allowed, configs={100: GuestConfig(NOW, notes=line)})


def declaring(*entries: StorageDefinition) -> Policy:
    """Return a policy by which `lab` should have these entries."""
    return Policy(declared=tuple(DeclaredStorage("lab", entry) for entry in entries))


def waived(until: int) -> Judged:
    waiver = Waiver(Scope.of_guest("lab", 100), "migration", until, "ana", "backup_late")
    return judge(group(), policy=Policy(waivers=(waiver,)))


@dataclass(frozen=True)
class Row:
    """A code, and the two estates that differ in what it is about."""

    code: FindingCode
    raised: Callable[[], Judged]
    neighbour: Callable[[], Judged]
    why: str

    def __str__(self) -> str:
        return f"{self.code}: {self.why}"


ABOUT_GUESTS = [
    Row(F.NEVER_BACKED_UP, judge, lambda: judge(group()), "no store holds anything of it"),
    Row(
        F.NEVER_BACKED_UP,
        lambda: judge(group([(SAVED, 1, SnapshotFlag.UNFINISHED, 0)])),
        lambda: judge(group([(SAVED, 1, 0, 0)])),
        "case 32: an unfinished one is none",
    ),
    Row(
        F.NEVER_BACKED_UP,
        lambda: judge(group([(SAVED, 1, SnapshotFlag.RENAMED, 0)])),
        lambda: judge(vault=e.server(groups={("main", "lab"): a.reading(None)})),
        "cases 30, 31: a renamed one is no version; a store that was not read says nothing",
    ),
    Row(
        F.NO_USABLE_BACKUP,
        lambda: judge(group(rows(dailies(), FAILED))),
        lambda: judge(group([*rows(dailies(9), FAILED, e.DISK), (SAVED + 1, 1, 0, 0)])),
        "case 72: every version failed verification",
    ),
    Row(
        F.NO_USABLE_BACKUP,
        lambda: judge(group(), configs={100: GuestConfig(NOW, created_at=NOW - HOUR)}),
        lambda: judge(group(), configs={100: GuestConfig(NOW, created_at=SAVED)}),
        "case 35: all are a predecessor's",
    ),
    Row(F.BACKUP_LATE, lambda: judge(nights(5, skipped=2)), lambda: judge(nights(5)), "two nights without a backup"),
    Row(
        F.BACKUP_TOO_OLD,
        lambda: judge(group(), policy=expecting(max_age_seconds=6 * HOUR)),
        lambda: judge(group(), policy=expecting(max_age_seconds=7 * HOUR)),
        "older than the policy allows",
    ),
    Row(
        F.BACKUP_TOO_OLD,
        lambda: judge(nights(5, skipped=7), jobs=[e.job(enabled=False)]),
        lambda: judge(nights(5, skipped=6), jobs=[e.job(enabled=False)]),
        "unscheduled: older than a week",
    ),
    Row(F.STORE_LATE, lambda: two_stores(SAVED - 2 * DAY), lambda: two_stores(SAVED), "one of two stores fell behind"),
    Row(
        F.NOT_SCHEDULED,
        lambda: judge(group(), jobs=[e.job(enabled=False)]),
        lambda: judge(group(), jobs=[e.job()]),
        "its only job is switched off",
    ),
    Row(
        F.BACKUP_DUE,
        lambda: judge(group(rows(dailies(5, NOW - DAY - HOUR // 2))), jobs=[e.job(schedule="08:30")]),
        lambda: judge(group(rows(dailies(5, NOW - DAY - HOUR // 2))), jobs=[e.job(schedule="09:01")]),
        "an event passed, the grace did not",
    ),
    Row(
        F.BACKUP_RUNNING,
        lambda: judge(nights(5, skipped=1), **running(NIGHT)),
        lambda: judge(nights(5, skipped=1), **running(NIGHT - 3 * HOUR)),
        "late, and a task of its job runs",
    ),
    Row(F.VOLUMES_EXCLUDED, lambda: volumes("scsi1"), volumes, "case 21: a disk with backup=0"),
    Row(
        F.NO_VOLUME_SAVED,
        lambda: volumes("scsi0", all_of_them=True),
        lambda: volumes("scsi1"),
        "no disk is saved, only the configuration",
    ),
    Row(F.CONFIG_ONLY, lambda: volumes(all_of_them=True), volumes, "case 28: a machine without disks"),
    Row(
        F.VOLUMES_NOT_IN_BACKUP,
        lambda: judge(group(), included=e.included(e.volume(), e.volume("scsi1"))),
        lambda: judge(
            group(newest_archives=(e.SCSI0, Archive("drive-scsi1.img.fidx", 1, None))),
            included=e.included(e.volume(), e.volume("scsi1")),
        ),
        "a disk was added after the newest backup",
    ),
    Row(
        F.VOLUME_GROWN,
        lambda: judge(group(), **with_disk("scsi0", 2 * e.DISK)),
        lambda: judge(group(), **with_disk("scsi0", e.DISK)),
        "32 GiB in the backup, 64 GiB now",
    ),
    Row(
        F.VERIFICATION_FAILED,
        lambda: judge(nights(9, *rows([SAVED + 60], FAILED))),
        lambda: judge(nights(9, *rows([SAVED + 60], 0))),
        "the newest is corrupt: the usable one is older",
    ),
    Row(
        F.VERSIONS_CORRUPT,
        lambda: judge(nights(9, *rows([SAVED - 20 * DAY], FAILED))),
        lambda: judge(nights(9, *rows([SAVED - 20 * DAY], 0))),
        "an older version is corrupt",
    ),
    Row(
        F.VERIFICATION_OVERDUE,
        lambda: judge(group(rows(dailies(), 0)), policy=expecting(verified_within_seconds=7 * DAY)),
        lambda: judge(group(), policy=expecting(verified_within_seconds=7 * DAY)),
        "demanded, and never verified",
    ),
    Row(
        F.VERIFICATION_OUTDATED,
        lambda: judge(group([(SAVED, 1, VERIFIED, NOW - 31 * DAY)])),
        lambda: judge(group([(SAVED, 1, VERIFIED, NOW - 30 * DAY)])),
        "case 72: checked more than 30 days ago",
    ),
    Row(F.NEVER_VERIFIED, lambda: judge(group(rows(dailies(), 0))), lambda: judge(group()), "case 72: no verification"),
    Row(
        F.VERIFICATION_NOT_POSSIBLE,
        on_files,
        lambda: judge(group(), policy=expecting(verified_within_seconds=7 * DAY)),
        "demanded of backups in files",
    ),
    Row(
        F.ENCRYPTION_LOST,
        lambda: judge(nights(1, *rows(dailies(5, SAVED - 5 * DAY), ENCRYPTED))),
        lambda: judge(group(rows(dailies(), ENCRYPTED)), storages=[e.entry(encryption_key="1")]),
        "encrypted before, plain now",
    ),
    Row(
        F.NOT_ENCRYPTED,
        lambda: judge(group(), policy=expecting(encrypted=True)),
        lambda: judge(
            group(rows(dailies(), ENCRYPTED)), policy=expecting(encrypted=True), storages=[e.entry(encryption_key="1")]
        ),
        "demanded, and plain",
    ),
    Row(
        F.SIGNED_ONLY,
        lambda: judge(group(rows(dailies(), SIGNED))),
        lambda: judge(group(rows(dailies(), SIGNED | ENCRYPTED))),
        "signed is not encrypted",
    ),
    Row(
        F.SEVERAL_KEYS, lambda: encrypted("ef:01", "ab:cd", "ef:01"), lambda: encrypted("ab:cd"), "the key was changed"
    ),
    Row(
        F.KEY_NOT_ON_STORAGE,
        lambda: encrypted(None),
        lambda: encrypted("ab:cd"),
        "the entry has no key to decrypt with",
    ),
    Row(
        F.KEY_NOT_ON_STORAGE,
        lambda: encrypted("ef:01"),
        lambda: encrypted("1"),
        "another key; one that PVE does not name",
    ),
    Row(
        F.TOO_FEW_COPIES,
        lambda: judge(group(), policy=expecting(copies=2)),
        lambda: judge(group(), e.copy(), policy=expecting(copies=2)),
        "one store, two wanted",
    ),
    Row(
        F.NO_OFFSITE_COPY,
        lambda: judge(group(), policy=expecting(offsite=True)),
        lambda: judge(group(), e.copy(), policy=expecting(offsite=True)),
        "no copy on a store that is marked off-site",
    ),
    Row(
        F.OFFSITE_LATE,
        lambda: judge(group(), e.copy(rows(dailies(5, SAVED - 3 * DAY))), policy=expecting(offsite=True)),
        lambda: judge(group(), e.copy(rows(dailies(5, SAVED))), policy=expecting(offsite=True)),
        "the sync stopped three days ago",
    ),
    Row(
        F.SYNC_NOT_CLEAN,
        lambda: judge(
            vault=e.server(group(), e.copy(), sync_jobs=a.reading((e.sync_job(last_run_state="WARNINGS: 1"),))),
            policy=expecting(copies=2),
        ),
        lambda: judge(
            vault=e.server(group(), e.copy(), sync_jobs=a.reading((e.sync_job(),))), policy=expecting(copies=2)
        ),
        "warnings of a sync are a loss (H8)",
    ),
    Row(
        F.BACKUP_FAILED,
        lambda: judge(nights(5, skipped=1), **failed_run()),
        lambda: judge(nights(5, *rows([NIGHT + HOUR])), **failed_run()),
        "tonight's failed; a newer backup ends that",
    ),
    Row(
        F.BACKUP_ABORTED,
        lambda: judge(nights(5, skipped=1), **failed_run(GuestResult.ABORTED)),
        lambda: judge(nights(5, skipped=1), **failed_run(GuestResult.OK)),
        "case 69: begun and never finished",
    ),
    Row(
        F.BACKUP_NOT_REACHED,
        lambda: judge(nights(5, skipped=1), **unreached_run()),
        lambda: judge(nights(5, *rows([NIGHT + HOUR])), **unreached_run()),
        "case 70: the task died before it",
    ),
    Row(
        F.BACKUP_WITH_ERRORS,
        lambda: judge(group(), **failed_run()),
        lambda: judge(group(), **failed_run(GuestResult.OK)),
        "case 62: the snapshot is there, the prune was refused (E9)",
    ),
    Row(
        F.MISSED_RUN,
        lambda: judge(nights(5, skipped=1), **without_tonights_task()),
        lambda: judge(nights(5, skipped=1)),
        "B25: no task answered to the event",
    ),
    Row(
        F.NEXT_BACKUP_BLOCKED,
        lambda: judge(group(), **told_by_nodes(online=False)),
        lambda: judge(group(), **told_by_nodes(online=None)),
        "case 14: its node is offline; of one whose state is not known nothing is said",
    ),
    Row(
        F.NEXT_BACKUP_BLOCKED,
        lambda: judge(group(), **told_by_nodes(pbs=(True, False))),
        lambda: judge(group(), **told_by_nodes(pbs=(True, True), off=(True, False))),
        "B28: its job's storage is not active on its node; another storage is nothing to it",
    ),
    Row(
        F.BACKUP_STUCK,
        lambda: judge(group(), **running(NOW - 6 * HOUR - 1, subject="100")),
        lambda: judge(group(), **running(NOW - 6 * HOUR, subject="100")),
        "it runs far longer than usual",
    ),
    Row(
        F.STALE_LOCK,
        lambda: judge(group(), guests=[a.guest(100, lock="backup")]),
        lambda: judge(group(), guests=[a.guest(100, lock="backup")], **running(NOW - HOUR)),
        "locked, and nothing runs (A6)",
    ),
    Row(
        F.LEFTOVER_SNAPSHOT,
        lambda: judge(group(), configs={100: GuestConfig(NOW, parent_snapshot="vzdump")}),
        lambda: judge(group(), configs={100: GuestConfig(NOW, parent_snapshot="before-upgrade")}),
        "a container's snapshot that a backup left behind",
    ),
    Row(
        F.VERSIONS_MISSING,
        lambda: judge(group(rows([SAVED - 9 * DAY, *dailies(3)]))),
        lambda: judge(group()),
        "six nights are gone, three are there",
    ),
    Row(
        F.VERSIONS_SURPLUS,
        lambda: judge(nights(20)),
        lambda: judge(nights(10)),
        "twice as many as the policy leaves",
    ),
    Row(
        F.DRILL_FAILED,
        lambda: judge(group(), drills=(drill(ok=False),)),
        lambda: judge(group(), drills=(drill(ok=False), drill(ok=True, at=NOW - HOUR))),
        "the newest drill failed",
    ),
    Row(
        F.RESTORE_NOT_PROVEN,
        lambda: judge(group(), policy=expecting(restore_proven_within_seconds=90 * DAY)),
        lambda: judge(group(), policy=expecting(restore_proven_within_seconds=90 * DAY), **restored(NOW - 30 * DAY)),
        "demanded, and never restored",
    ),
    Row(
        F.SIZE_COLLAPSED,
        lambda: sized(*[e.DISK] * 9, e.DISK // 10),
        lambda: sized(*[e.DISK] * 9, e.DISK // 4),
        "a tenth of what it was",
    ),
    Row(
        F.SIZE_JUMPED,
        lambda: sized(*[e.DISK] * 9, e.DISK * 6),
        lambda: sized(*[e.DISK] * 9, e.DISK * 4),
        "six times what it was",
    ),
    Row(
        F.BACKUPS_INHERITED,
        lambda: judge(group(), configs={100: GuestConfig(NOW, created_at=SAVED - 3 * DAY)}),
        lambda: judge(group(), configs={100: GuestConfig(NOW, created_at=SAVED - 30 * DAY)}),
        "case 35: the oldest are a predecessor's",
    ),
    Row(
        F.BACKUPS_AMBIGUOUS,
        lambda: shared(e.TOKEN),
        lambda: shared("backup@pbs!shop"),
        "case 34: one token, two guests",
    ),
    Row(
        F.WAIVER_NOT_READ,
        lambda: noted("vzcover: waive until=soon reason=moving"),
        lambda: noted("vzcover: waive until=2027-01-31 reason=moving"),
        "a line in the notes that does not read",
    ),
]
ABOUT_JOBS_AND_STORES = [
    Row(
        F.JOB_SELECTS_NOTHING,
        lambda: judge(group(), jobs=[e.job(), e.job("empty", all=False, pool="dev")], pools=["dev"]),
        lambda: judge(group(), jobs=[e.job(), e.job("empty", all=False, pool="dev", enabled=False)]),
        "B32: an empty pool; one that is switched off is no finding",
    ),
    Row(
        F.JOB_NEVER_RUNS,
        lambda: judge(group(), jobs=[e.job(), e.job("once", schedule="2025-10-21")]),
        lambda: judge(group(), jobs=[e.job(), e.job("once", schedule="2027-10-21")]),
        "case 15: no future event",
    ),
    Row(
        F.SCHEDULE_READS_OTHERWISE,
        lambda: judge(group(), jobs=[e.job(schedule="24:00")]),
        lambda: judge(group(), jobs=[e.job(schedule="23:00")]),
        "case 64: 24:00 is every hour at :24",
    ),
    Row(
        F.ORPHANED_BACKUPS,
        lambda: judge(group(), group(backup_id="101")),
        lambda: judge(group(), group(backup_id="pve1", backup_type="host")),
        "D17: no guest has that id; a host's own backup is none",
    ),
    Row(
        F.STORAGE_DRIFT,
        lambda: judge(group(), policy=declaring(e.entry(port=8008))),
        lambda: judge(group(), policy=declaring(e.entry(port=8007, server="PBS.example"))),
        "J1: another port than the file says; the usual one said or not said is the same",
    ),
    Row(
        F.NAMESPACE_SHARED,
        lambda: shared("backup@pbs!shop"),
        lambda: judge(group(), clusters=(cluster(), cluster(name="shop", storages=[e.entry(namespace="shop")]))),
        "D14: two clusters, one namespace",
    ),
    Row(F.WAIVER_EXPIRING, lambda: waived(NOW + 14 * DAY), lambda: waived(NOW + 15 * DAY), "it ends within two weeks"),
    Row(F.WAIVER_EXPIRED, lambda: waived(NOW - 1), lambda: waived(NOW), "it ran out"),
]
EVERY = ABOUT_GUESTS + ABOUT_JOBS_AND_STORES
CHECKED = [row for row in EVERY if RULES[row.code].area not in (Area.JOBS, Area.STORES, Area.WAIVERS)]


def codes(judged: Judged) -> set[FindingCode]:
    """Return every finding, of the guest, of jobs and of stores."""
    return judged.codes | {each.finding.code for each in judged.estate}


@pytest.mark.parametrize("row", EVERY, ids=str)
def test_it_is_raised_and_not_by_its_closest_neighbour(row: Row) -> None:
    assert row.code in codes(row.raised())
    assert row.code not in codes(row.neighbour())


def test_no_code_is_forgotten() -> None:
    assert {row.code for row in EVERY} == set(FindingCode)


@pytest.mark.parametrize("code", FindingCode)
def test_a_warning_lowers_the_verdict_and_information_does_not(code: FindingCode) -> None:
    finding = Finding.of(code)
    assert finding.severity is RULES[code].severity
    assert finding.lowers is (finding.severity is not Severity.INFO)
    assert not finding.as_information().lowers


@pytest.mark.parametrize("row", CHECKED, ids=str)
def test_what_is_raised_of_a_guest_is_as_grave_as_its_rule_says(row: Row) -> None:
    graver = row.code is F.BACKUP_TOO_OLD and "unscheduled" in row.why
    for finding in row.raised().findings:
        if finding.code is row.code:
            assert finding.severity is (Severity.CRITICAL if graver else RULES[row.code].severity)


def test_findings_come_the_gravest_first() -> None:
    found = judge(
        nights(5, *rows([SAVED - 20 * DAY], FAILED), skipped=2), included=e.included(e.volume("scsi1"))
    ).findings
    severities = [list(Severity).index(finding.severity) for finding in found]
    assert len(found) > 3
    assert severities == sorted(severities)
