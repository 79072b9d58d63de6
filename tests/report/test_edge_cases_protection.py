"""The rulebook's edge cases 14, 19–28, 62 and 64–75 (section K) that decide a verdict, from facts to Report. Those proven elsewhere:

| case | test |
|---|---|
| 14 | also `test_coverage.py`: its coverage; `test_findings.py`: what is and is not said |
| 20 | `tests/exporter/test_file_backups.py` reads the list; here: what is unread is unknown |
| 23, 24, 26, 27 | also `tests/exporter/test_pve_parse.py`: which lines of a configuration are data volumes |
| 64 | also `test_schedules.py`, `test_schedules_gaps.py`: the events themselves |
| 65, 66 | also `test_schedules.py`: the events themselves |
| 68, 69, 70 | also `tests/exporter/test_task_logs.py`: the lines of the log |
| 71 | `tests/e2e/test_pbs_recordings.py`, `tests/exporter/test_pbs_collect.py` |
| 74 | also `test_matching.py` and `tests/exporter/test_file_backups.py` |
| 75 | `tests/exporter/storages` |
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from report.analyse import analyse
from report.backups import BackupGroup, Datastore, PbsJob, SnapshotFlag, Snapshots
from report.facts import (
    Facts,
    GuestOutcome,
    GuestResult,
    IncludedVolume,
    Node,
    StorageState,
    TaskOutcome,
    VzdumpDefaults,
)
from report.findings import FindingCode
from report.model.groups import RetentionState
from report.model.guests import Coverage, DiskCover, GuestReport, Protection
from report.model.reasons import ReasonCode
from report.model.sources import IssueCode
from report.policy import Policy
from report.readings import Permissions, Reading
from report.value import changed
from report.words import describe_finding_remedy
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import DAY, NIGHT, NOW, SAVED, Judged, cluster, dailies, group, judge, rows

BERLIN = ZoneInfo("Europe/Berlin")
PARTIAL, FULL = DiskCover.PARTIAL, DiskCover.FULL


# --- selection


def test_case_19_a_token_that_does_not_see_every_guest_says_so() -> None:
    some = Permissions(
        {"/": dict.fromkeys(("Sys.Audit", "Datastore.Audit", "Pool.Audit"), True), "/vms/100": {"VM.Audit": True}}
    )
    judged = judge(group(), permissions=a.reading(some))
    assert IssueCode.PARTIAL_VIEW in {issue.code for issue in judged.report.issues}


def test_case_20_a_file_storage_that_the_token_may_not_list_makes_the_guest_unknown() -> None:
    on_files: dict[str, Any] = {"jobs": [e.job(storage="nas")], "storages": [a.storage_definition()]}
    hidden = judge(**on_files, backups={"nas": a.reading(())})
    unread = judge(**on_files, backups={"nas": replace(a.reading(()), partial=True)})
    assert hidden.guest().protection is Protection.UNPROTECTED
    assert unread.guest().protection is Protection.UNKNOWN
    assert ReasonCode.STORE_NOT_READ in {reason.code for reason in unread.guest().reasons}


# --- what cannot run now


def states(**active: bool) -> dict[str, Reading[tuple[StorageState, ...]]]:
    """Return what pve1 says of storages that it has enabled."""
    return {"pve1": a.reading(tuple(StorageState(each, "pve1", "pbs", True, up, True) for each, up in active.items()))}


@pytest.mark.parametrize(
    "facts",
    [
        {"nodes": a.reading((Node("pve1", online=False), Node("pve2", online=True)))},
        {"storage_states": states(pbs=False)},
    ],
    ids=["its node is offline", "its storage is not active"],
)
def test_case_14_a_guest_whose_job_cannot_run_now_is_as_covered_and_protected_as_before(facts: dict[str, Any]) -> None:
    usual, now = judge(group()).guest(), judge(group(), **facts).guest()
    assert FindingCode.NEXT_BACKUP_BLOCKED in {finding.code for finding in now.findings}
    assert (now.coverage, now.protection) == (usual.coverage, usual.protection)
    assert (now.coverage, now.protection) == (Coverage.PLANNED, Protection.PROTECTED)
    assert changed(now, findings=()) == changed(usual, findings=()), "all else is as it was"


def test_case_14_once_the_run_was_missed_the_guest_is_late() -> None:
    offline = a.reading((Node("pve1", online=False), Node("pve2", online=True)))
    two_nights = group(rows(dailies(5, SAVED - 2 * DAY)))
    guest = judge(two_nights, nodes=offline).guest()
    assert {FindingCode.BACKUP_LATE, FindingCode.NEXT_BACKUP_BLOCKED} <= {finding.code for finding in guest.findings}
    assert guest.protection is Protection.AT_RISK


def test_what_cannot_run_is_told_storage_by_storage_with_what_still_can() -> None:
    jobs = [
        e.job("by-conf", storage=None, schedule="23:00"),
        e.job("hourly", schedule="*:30"),
        e.job("nightly"),
        e.job("to-folder", storage=None, dumpdir="/mnt/dump"),
        e.job("weekly", storage="off", schedule="sat 01:00"),
    ]
    judged = judge(
        group(),
        jobs=jobs,
        storages=[e.entry(), e.entry("off", datastore="offsite", namespace=None)],
        vzdump_defaults={"pve1": a.reading(VzdumpDefaults(storage="off"))},
        storage_states=states(pbs=True, off=False),
    )
    blocked = judged.finding(FindingCode.NEXT_BACKUP_BLOCKED)
    assert (blocked.subject, dict(blocked.params)) == (
        "off",
        {
            "at": NOW + 14 * e.HOUR,
            "jobs": "by-conf, weekly",
            "node": "pve1",
            "storage": "off",
            "able": "hourly, nightly, to-folder",
        },
    )


@pytest.mark.parametrize(
    "facts",
    [
        {"storage_states": {"pve1": replace(states(pbs=False)["pve1"], fetched_at=NOW - DAY)}},
        {"storage_states": {"pve1": Reading()}},
        {"nodes": replace(a.reading((Node("pve1", online=False),)), fetched_at=NOW - DAY)},
        {"storage_states": {"pve2": states(pbs=False)["pve1"]}},
        {"storage_states": {"pve1": a.reading((StorageState("pbs", "pve1", "pbs", False, False, True),))}},
        {"storage_states": states(pbs=False), "zones": {}},
        {"storage_states": states(pbs=False), "jobs": [e.job(enabled=False)]},
    ],
    ids=[
        "the states are old",
        "they were never read",
        "the list of nodes is old",
        "another node says so",
        "it is not enabled there",
        "when the next event is, is not known",
        "no job is active",
    ],
)
def test_what_is_not_known_to_stop_a_job_is_not_said_to(facts: dict[str, Any]) -> None:
    assert FindingCode.NEXT_BACKUP_BLOCKED not in judge(group(), **facts).codes


def test_pve_says_when_a_job_runs_next_whose_schedule_we_cannot_read() -> None:
    jobs = [e.job(schedule="odd", next_run=NOW + 5 * e.HOUR)]
    judged = judge(group(), jobs=jobs, storage_states=states(pbs=False))
    assert dict(judged.finding(FindingCode.NEXT_BACKUP_BLOCKED).params)["at"] == NOW + 5 * e.HOUR


# --- disks


def volume(key: str, included: bool, reason: str) -> IncludedVolume:
    return IncludedVolume(key, f"local-lvm:{key}", included, reason)


@pytest.mark.parametrize(
    ("volumes", "cover", "excluded"),
    [
        pytest.param([volume("scsi1", False, "backup=no")], PARTIAL, ("scsi1",), id="case 21: backup=0"),
        pytest.param([volume("scsi1", True, "backup=no")], FULL, (), id="case 22: backup=1 that reads backup=no"),
        pytest.param([], FULL, (), id="case 23: cloud-init and an empty CD are not mentioned"),
        pytest.param(
            [volume("efidisk0", False, "efidisk but no OVMF BIOS")], FULL, (), id="case 24: an EFI disk of a BIOS"
        ),
        pytest.param(
            [volume("efidisk0", False, "efidisk but no OMVF BIOS")], FULL, (), id="case 24: as older PVE spells it"
        ),
        pytest.param([volume("tpmstate0", True, "backup=yes")], FULL, (), id="case 25: a TPM state"),
        pytest.param([volume("mp0", False, "disabled")], PARTIAL, ("mp0",), id="case 26: a mount point without flag"),
        pytest.param([volume("mp1", False, "not a volume")], FULL, (), id="case 26: a bind mount"),
        pytest.param([], FULL, (), id="case 27: an unused volume is not mentioned"),
    ],
)
def test_how_much_of_a_guest_is_saved(
    volumes: list[IncludedVolume], cover: DiskCover, excluded: tuple[str, ...]
) -> None:
    files = replace(group(rows(dailies(), 0)), server="lab", datastore="nas", namespace="", owner=None)
    guest = judge(
        jobs=[e.job(storage="nas")],
        storages=[a.storage_definition()],
        backups={"nas": a.reading((files,))},
        included=e.included(e.volume(), *volumes),
    ).guest()
    assert (guest.disks, guest.excluded_volumes) == (cover, excluded)
    assert guest.protection is (Protection.AT_RISK if excluded else Protection.PROTECTED)


def test_case_28_a_machine_without_disks_is_saved_all_the_same() -> None:
    guest = judge(group(newest_archives=()), included=e.included()).guest()
    assert (guest.disks, guest.protection) == (DiskCover.CONFIG_ONLY, Protection.PROTECTED)
    assert FindingCode.CONFIG_ONLY in {finding.code for finding in guest.findings}


# --- tasks and schedules


def with_log(status: str, *outcomes: GuestOutcome, error: str = "") -> dict[str, Any]:
    tonight = e.task(status=status)
    return {
        "tasks": {"pve1": a.reading((tonight, *e.nightly_tasks()[1:])), "pve2": a.reading(())},
        "outcomes": e.logs((tonight, TaskOutcome(outcomes, error))),
    }


def test_case_62_a_refused_prune_fails_the_guest_whose_snapshot_is_there() -> None:
    failed = GuestOutcome(100, GuestResult.FAILED, SAVED, 60, "error pruning backups - check log")
    guest = judge(group(), **with_log("job errors", failed)).guest()
    assert guest.newest_backup_at == SAVED
    assert [finding.code for finding in guest.findings if finding.lowers] == [FindingCode.BACKUP_WITH_ERRORS]


@pytest.mark.parametrize(
    ("schedule", "rpo", "meant"),
    [
        pytest.param("24:00", 3600, "00:00", id="case 64: every hour"),
        pytest.param("mon..fri 22", 49 * 3600, "'mon..fri 22:00'", id="case 64: every hour of a working day"),
        pytest.param("01:00,13:00", 24 * 3600 - 13 * 60, "1,13:00", id="case 64: one o'clock, twice"),
        pytest.param("01:15,13:20", None, "SCHEDULE", id="case 64: no one text says what was meant"),
    ],
)
def test_case_64_a_schedule_that_reads_otherwise_is_judged_by_what_it_does_and_told(
    schedule: str, rpo: int | None, meant: str
) -> None:
    judged = judge(group(), jobs=[e.job(schedule=schedule)])
    assert rpo is None or judged.guest().rpo_seconds == rpo
    assert [each.finding.code for each in judged.estate] == [FindingCode.SCHEDULE_READS_OTHERWISE]
    assert describe_finding_remedy(judged.estate[0].finding, "en", 0).endswith(f" --schedule {meant}")


def moved(value: Any, seconds: int) -> Any:
    """Return facts read so much earlier or later."""
    if isinstance(value, Reading):
        return value if value.fetched_at is None else replace(value, fetched_at=value.fetched_at + seconds)
    if isinstance(value, dict):
        return {key: moved(each, seconds) for key, each in value.items()}
    return value


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


def judged_at(now: str, newest: str, schedule: str) -> GuestReport:
    """Judge the guest at a time of Berlin, where its node is; its tasks ran, as far as is known."""
    shift = at(now) - NOW
    facts = cluster(jobs=[e.job(schedule=schedule)], zones={node: a.reading("Europe/Berlin") for node in e.NODES})
    facts = replace(facts, tasks={node: a.reading((e.task(at(newest), node=node),)) for node in e.NODES})
    held = e.server(group(rows([at(newest)])))
    whole = Facts((shifted(facts, shift),), (shifted(held, shift),))
    return Judged(analyse(whole, Policy(), at(now))).guest()


def shifted(source: Any, seconds: int) -> Any:
    return replace(source, **{name: moved(getattr(source, name), seconds) for name in source.__dataclass_fields__})


@pytest.mark.parametrize(
    ("schedule", "newest", "now", "late"),
    [
        pytest.param("2:30", "2026-03-28T02:31", "2026-03-29T12:00", False, id="case 65: the clock skipped it"),
        pytest.param("2:30", "2026-03-28T02:31", "2026-03-30T03:20", False, id="case 65: due, within the grace"),
        pytest.param("2:30", "2026-03-28T02:31", "2026-03-30T04:30", True, id="case 65: past the grace"),
        pytest.param("mon..fri 22:00", "2026-06-05T22:05", "2026-06-07T12:00", False, id="case 66: Sunday"),
        pytest.param("mon..fri 22:00", "2026-06-05T22:05", "2026-06-08T22:30", False, id="case 66: Monday, grace"),
        pytest.param("mon..fri 22:00", "2026-06-05T22:05", "2026-06-08T23:30", True, id="case 66: Monday, late"),
    ],
)
def test_a_backup_is_late_when_an_event_passed_with_its_grace(schedule: str, newest: str, now: str, late: bool) -> None:
    guest = judged_at(now, newest, schedule)
    assert (FindingCode.BACKUP_LATE in {finding.code for finding in guest.findings}) is late
    assert guest.protection is (Protection.AT_RISK if late else Protection.PROTECTED)


@pytest.mark.parametrize("nights_behind", [0, 1])
def test_case_67_that_no_task_bears_the_guests_id_is_neither_a_failure_nor_a_missed_run(nights_behind: int) -> None:
    """A job of twenty guests: its tasks bear no id (G2), a task of one guest alone does, and failed."""
    guests = [a.guest(vmid) for vmid in range(100, 120)]
    alone = e.task(NOW - 3600, "job errors", subject="101", user="alice@pve")
    failed = GuestOutcome(101, GuestResult.FAILED, NOW - 3590, 60, "no space")
    newest = SAVED - nights_behind * DAY
    judged = judge(
        *(group(rows(dailies(5, newest)), str(guest.vmid)) for guest in guests),
        guests=guests,
        tasks={"pve1": a.reading((alone, *e.nightly_tasks())), "pve2": a.reading(())},
        outcomes=e.logs((alone, TaskOutcome((failed,)))),
    )
    told = {FindingCode.BACKUP_LATE} if nights_behind else set()
    for guest in judged.report.guests:
        own = {FindingCode.BACKUP_FAILED} if guest.guest.vmid == 101 else set()
        assert {finding.code for finding in guest.findings if finding.lowers} == told | own
        assert (guest.last_failure_at is None) is not bool(own)


def test_case_68_warnings_of_a_task_are_a_success_of_the_guest() -> None:
    guest = judge(group(), **with_log("WARNINGS: 2", GuestOutcome(100, GuestResult.OK, SAVED, 300))).guest()
    assert (guest.last_failure_at, guest.protection) == (None, Protection.PROTECTED)
    assert guest.last_duration_seconds == 300


def test_case_69_who_was_begun_is_aborted_and_who_was_not_is_not_reached() -> None:
    guests = [a.guest(101), a.guest(102)]
    log = with_log("unexpected status", GuestOutcome(101, GuestResult.ABORTED, SAVED))
    judged = judge(*(group(rows(dailies(5, SAVED - DAY)), str(guest.vmid)) for guest in guests), guests=guests, **log)
    codes = {vmid: {finding.code for finding in judged.guest(vmid).findings} for vmid in (101, 102)}
    assert FindingCode.BACKUP_ABORTED in codes[101]
    assert FindingCode.BACKUP_NOT_REACHED in codes[102]


def test_case_70_a_task_that_failed_as_a_whole_reached_none_of_its_nodes_guests() -> None:
    guests = [a.guest(100), a.guest(101), a.guest(102, node="pve2")]
    log = with_log("could not activate storage", error="could not activate storage 'x': offline")
    groups = [group(rows(dailies(5, SAVED - DAY)), str(guest.vmid)) for guest in guests]
    judged = judge(*groups, guests=guests, **log)
    hit = {
        guest.guest.vmid
        for guest in judged.report.guests
        if FindingCode.BACKUP_NOT_REACHED in {finding.code for finding in guest.findings}
    }
    assert hit == {100, 101}


def test_a_log_that_was_not_read_is_a_doubt_and_a_newer_backup_ends_it() -> None:
    tonight = e.task(status="job errors")
    tasks = {"pve1": a.reading((tonight, *e.nightly_tasks()[1:])), "pve2": a.reading(())}
    assert judge(group(), tasks=tasks).guest().protection is Protection.UNKNOWN
    newer = group(rows([*dailies(), NIGHT + 3600]))
    assert judge(newer, tasks=tasks).guest().protection is Protection.PROTECTED


def test_without_the_zone_no_task_is_told_to_be_a_jobs_and_nothing_is_said_to_be_stuck() -> None:
    running = (e.task(NOW - 7 * 3600, None, None, subject="100"), *e.nightly_tasks()[1:])
    tasks = {"pve1": a.reading(running), "pve2": a.reading(())}
    assert FindingCode.BACKUP_STUCK in judge(group(), tasks=tasks).codes
    unread = judge(group(), tasks=tasks, zones={})
    assert FindingCode.BACKUP_STUCK not in unread.codes
    assert unread.guest().protection is Protection.UNKNOWN


# --- servers


def test_case_72_outdated_unverified_and_corrupt_are_told_apart() -> None:
    old = NOW - 40 * DAY
    outdated = judge(group([(SAVED, 1, SnapshotFlag.VERIFIED, old)]))
    unverified = judge(group([(SAVED, 1, 0, 0)]))
    corrupt = judge(group([(SAVED - DAY, 1, SnapshotFlag.VERIFIED, NOW), (SAVED, 1, SnapshotFlag.VERIFY_FAILED, NOW)]))
    assert outdated.codes == {FindingCode.VERIFICATION_OUTDATED}
    assert FindingCode.NEVER_VERIFIED in unverified.codes
    assert FindingCode.VERIFICATION_FAILED in corrupt.codes
    assert corrupt.guest().newest_backup_at == SAVED - DAY, "the newest one cannot be restored"
    assert FindingCode.BACKUP_LATE in corrupt.codes, "freshness counts from the newest usable one"


@pytest.mark.parametrize(
    ("jobs", "age_days", "outdated"),
    [
        ([], 40, True),
        ([{"outdated_after_days": 90}], 40, False),
        ([{"outdated_after_days": 7}], 10, True),
        ([{"outdated_after_days": 7}, {"outdated_after_days": 90}], 10, True),
        ([{"outdated_after_days": 7, "disabled": True}], 10, False),
        ([{"outdated_after_days": 7, "namespace": "other"}], 10, False),
        ([{"outdated_after_days": 7, "max_depth": 0}], 10, False),
        ([{}], 40, True),
    ],
)
def test_h6_a_verification_is_outdated_when_the_verify_job_that_reaches_it_says_so(
    jobs: list[dict[str, Any]], age_days: int, outdated: bool
) -> None:
    checked = [(SAVED, 1, SnapshotFlag.VERIFIED, NOW - age_days * DAY)]
    verify_jobs = tuple(PbsJob("verify", f"v{number}", "main", **fields) for number, fields in enumerate(jobs))
    held = e.server(group(checked), verify_jobs=a.reading(verify_jobs))
    assert (FindingCode.VERIFICATION_OUTDATED in judge(vault=held).codes) is outdated


def test_case_73_a_datastore_in_maintenance_makes_its_guests_unknown_and_what_was_known_stays() -> None:
    away = Datastore("main", maintenance="offline")
    held = e.server(group(), datastores=a.reading((away, Datastore("offsite"))))
    kept = judge(vault=held)
    assert kept.guest().protection is Protection.PROTECTED, "still young enough to rely on"
    aged = {("main", "lab"): replace(held.groups["main", "lab"], fetched_at=NOW - 2 * DAY)}
    lost = judge(vault=replace(held, groups={**held.groups, **aged}))
    assert lost.guest().protection is Protection.UNKNOWN
    assert lost.guest().coverage is Coverage.PLANNED


def provided(backup_id: str) -> BackupGroup:
    held = Snapshots.of(rows(dailies(), 0))
    return BackupGroup("lab", "borg", "", "vm", backup_id, held, NOW)


@pytest.mark.parametrize(
    ("backup_id", "protection"),
    [
        pytest.param("100", Protection.PROTECTED, id="case 74: with a vmid they count"),
        pytest.param("", Protection.UNKNOWN, id="case 74: without one they may be anybody's"),
    ],
)
def test_case_74_backups_of_an_external_provider(backup_id: str, protection: Protection) -> None:
    judged = judge(
        jobs=[e.job(storage="borg")],
        storages=[a.storage_definition("borg", storage_type="borg")],
        backups={"borg": a.reading((provided(backup_id),))},
    )
    assert judged.guest().protection is protection
    if backup_id:
        assert judged.report.groups[0].state is RetentionState.UNBOUNDED
