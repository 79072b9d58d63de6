"""Backup groups judged: what acts on them, and what cannot be told (E1, E24, E30)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from report.analyse import analyse
from report.backups import BackupGroup, PbsFacts, PbsJob, SnapshotFlag, Snapshots
from report.facts import BackupJob, Facts, Guest, Permissions, Reading, StorageDefinition, Task, VzdumpDefaults
from report.model.groups import GroupMatch, GroupReport, RetentionState
from report.model.guests import Protection
from report.model.reasons import ReasonCode
from report.model.report import Report
from report.model.sources import Issue, IssueCode
from report.past import Past, PastPolicy
from report.policy import Policy
from tests import builders as a

NOW = a.NOW  # 2026-10-21 09:00 UTC
DAY = 86400
TWO_O_CLOCK = NOW - 7 * 3600
AUDITOR = a.reading(Permissions({"/": dict.fromkeys(("VM.Audit", "Datastore.Audit", "Sys.Audit", "Pool.Audit"), True)}))
ENTRY = a.storage_definition(
    "pbs", storage_type="pbs", server="pbs.example", datastore="main", namespace="lab", keep=(("keep-daily", 9),)
)


def dailies(days: int, flags: int = 0, newest: int = TWO_O_CLOCK) -> Snapshots:
    return Snapshots.of([(newest - day * DAY + 60, 1, flags, 0) for day in range(days)])


def site(
    snapshots: Snapshots,
    *prune_jobs: PbsJob,
    jobs: Sequence[BackupJob],
    prunes: Reading[Any] | None = None,
    cluster: dict[str, Any] | None = None,
    **fields: Any,
) -> Facts:
    """One group of vm/100 in main/lab, prune jobs that reach it, and a cluster with one guest, whose storage leads there."""
    group = BackupGroup("vault", "main", "lab", "vm", "100", snapshots, NOW, **fields)
    server = PbsFacts(
        "vault",
        NOW,
        True,
        (("pbs.example", 8007),),
        zone=a.reading("UTC"),
        groups={("main", "lab"): a.reading((group,))},
        prune_jobs=a.reading(prune_jobs) if prunes is None else prunes,
    )
    known: dict[str, Any] = {
        "guests": [a.guest(100)],
        "storages": [ENTRY],
        "permissions": AUDITOR,
        "zones": {"pve1": a.reading("UTC")},
        "vzdump_defaults": {"pve1": a.reading(VzdumpDefaults(keep=(("keep-last", 99),)))},
    }
    facts = a.cluster(jobs=jobs, **(known | (cluster or {})))
    return replace(a.facts(facts), servers=(server,))


def judged(
    snapshots: Snapshots,
    *prune_jobs: PbsJob,
    job: dict[str, Any] | None = None,
    **fields: Any,
) -> GroupReport:
    """Judge one group of vm/100 in main/lab: a daily job at 02:00 UTC writes there, and the given prune jobs reach it."""
    jobs = [a.backup_job(storage="pbs", **(job or {}))]
    return analyse(site(snapshots, *prune_jobs, jobs=jobs, **fields), Policy(), NOW).groups[0]


def prune(**fields: Any) -> PbsJob:
    return PbsJob(
        "prune",
        "p1",
        "main",
        "lab",
        **{"schedule": "03:00", "keep": (("keep-daily", 4),), "last_run_upid": "UPID:x", **fields},
    )


def test_case_55_the_jobs_own_policy_comes_before_the_storages_and_that_before_the_nodes() -> None:
    own = judged(dailies(30), job={"keep": (("keep-daily", 7),)})
    assert (own.nominal, own.policy.pruned_by, own.policy.keep) == (7, ("job nightly",), (("keep-daily", 7),))
    assert judged(dailies(30)).nominal == 9


def test_a_group_with_as_many_versions_as_the_replay_leaves_is_ok_and_with_fewer_short() -> None:
    assert (judged(dailies(9)).state, judged(dailies(9)).delta) == (RetentionState.OK, 0)
    gaps = Snapshots.of([(TWO_O_CLOCK - day * DAY + 60, 1, 0, 0) for day in (0, 1, 20)])
    short = judged(gaps)
    assert (short.state, short.actual, short.expected) == (RetentionState.SHORT, 3, 9)
    assert short.missing == 6


def test_e4_a_job_that_removes_nothing_leaves_the_group_unbounded_unless_a_prune_job_reaches_it() -> None:
    keeps_all: dict[str, Any] = {"keep": ()}
    assert judged(dailies(20), job=keeps_all).state is RetentionState.UNBOUNDED
    pruned = judged(dailies(5), prune(), job=keeps_all)
    assert pruned.policy.pruned_by == ("prune job p1",)
    assert pruned.nominal == 4
    assert pruned.policy.next_prune_at is not None


@pytest.mark.parametrize(
    "out_of_reach",
    [
        pytest.param(prune(disabled=True), id="case 58: disabled"),
        pytest.param(prune(keep=()), id="case 58: without a keep option"),
        pytest.param(replace(prune(), namespace="other"), id="case 59: another namespace"),
        pytest.param(replace(prune(), datastore="second"), id="another datastore"),
        pytest.param(replace(prune(), namespace="", max_depth=0), id="case 59: not that deep"),
    ],
)
def test_cases_58_and_59_a_prune_job_that_does_not_act_here_is_none(out_of_reach: PbsJob) -> None:
    assert judged(dailies(20), out_of_reach, job={"keep": ()}).state is RetentionState.UNBOUNDED


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"prunes": Reading()}, id="prune jobs were never read"),
        pytest.param({"prunes": replace(a.reading(()), partial=True)}, id="not all prune jobs are visible"),
        pytest.param({"incomplete": True}, id="not all snapshots were listed"),
        pytest.param(
            {"cluster": {"storages": [replace(ENTRY, keep=None)], "vzdump_defaults": {}}},
            id="the node's policy decides and was not read (E1)",
        ),
        pytest.param(
            {"job": {"schedule": "on tuesdays", "next_run": NOW + 60}}, id="the job's schedule cannot be read"
        ),
    ],
)
def test_what_cannot_be_told_is_unknown_never_short(changes: dict[str, Any]) -> None:
    group = judged(dailies(2), **changes)
    assert (group.state, group.expected, group.delta) == (RetentionState.UNKNOWN, None, None)


def test_case_61_a_job_that_protects_every_version_is_not_short() -> None:
    group = judged(dailies(30, SnapshotFlag.PROTECTED), job={"protected": True})
    assert (group.state, group.actual, group.protected) == (RetentionState.UNBOUNDED, 0, 30)


def test_contents_are_counted_by_what_is_true_of_them() -> None:
    rows = [
        (NOW - 4 * DAY, 10, int(SnapshotFlag.VERIFIED | SnapshotFlag.ENCRYPTED), NOW - DAY),
        (NOW - 3 * DAY, 20, int(SnapshotFlag.VERIFY_FAILED), NOW - DAY),
        (NOW - 2 * DAY, 30, int(SnapshotFlag.PROTECTED), 0),
        (NOW - 1 * DAY, -1, int(SnapshotFlag.UNFINISHED), 0),
    ]
    group = judged(Snapshots.of(rows))
    assert (group.snapshots, group.unfinished, group.verified, group.verify_failed) == (3, 1, 1, 1)
    assert (group.protected, group.encrypted) == (1, 1)
    assert (group.oldest_at, group.newest_at, group.newest_size_bytes) == (NOW - 4 * DAY, NOW - 2 * DAY, 30)
    assert group.newest_verified_at == NOW - 4 * DAY


def test_e32_a_backup_that_its_job_usually_takes_hours_for_may_still_be_under_way() -> None:
    half_past_six = {"schedule": "06:30", "keep": (("keep-last", 30),)}  # UTC; now is 09:00
    event = NOW - 9000
    days = Snapshots.of([(event - day * DAY + 60, 1, 0, 0) for day in range(1, 4)])
    task = Task("UPID:1", "pve1", event - DAY + 5, event - DAY + 3 * 3600, "OK", "root@pam", "")
    quick = judged(days, job=half_past_six)
    slow = judged(days, job=half_past_six, cluster={"tasks": {"pve1": a.reading((task,))}})
    assert (quick.expected, quick.low, quick.high) == (4, 4, 4)
    assert (slow.expected, slow.low, slow.high) == (3, 3, 4)
    assert slow.state is RetentionState.YOUNG


def test_e35_a_job_of_which_no_run_is_known_is_not_short_while_its_oldest_version_explains_the_number() -> None:
    group = judged(dailies(3), job={"keep": (("keep-daily", 30),)}, cluster={"tasks": {"pve1": a.reading(())}})
    assert (group.state, group.expected, group.actual) == (RetentionState.YOUNG, 3, 3)


def test_e35_a_job_that_was_seen_to_be_switched_on_again_is_not_short() -> None:
    paused = Snapshots.of([(TWO_O_CLOCK - day * DAY + 60, 1, 0, 0) for day in (0, 1, 40, 41, 42)])
    facts = site(paused, jobs=[a.backup_job(storage="pbs", keep=(("keep-last", 30),))])
    before = TWO_O_CLOCK - 2 * DAY + 3600
    key = ("vault", "main", "lab", "vm", "100")
    nightly = ("job nightly", "02:00", (("keep-last", 30),))

    def since(policy: PastPolicy) -> GroupReport:
        return analyse(facts, Policy(), NOW, Past(at=before, policies={key: policy})).groups[0]

    assert analyse(facts, Policy(), NOW).groups[0].state is RetentionState.SHORT
    assert since(PastPolicy((nightly,))).state is RetentionState.SHORT  # it was so when it was first seen
    for seen in (PastPolicy(()), PastPolicy((nightly,), before)):
        again = since(seen)
        assert (again.state, again.expected, again.delta) == (RetentionState.YOUNG, 5, 0)


NAS = a.storage_definition()
DAYS = a.backup_job("days", storage="nas", schedule="mon..sat 21:00", keep=(("keep-daily", 7),))
WEEKS = a.backup_job("weeks", storage="nas", schedule="sun 21:00", keep=(("keep-weekly", 8),))


def conflicts(*jobs: BackupJob, guests: Sequence[Guest] = (a.guest(100), a.guest(101)), **cluster: Any) -> list[Issue]:
    """Return what is said of jobs in conflict; `nas` and `pbs` are storages of the cluster."""
    given = {"guests": guests, "storages": [NAS, ENTRY], **cluster}
    report = analyse(site(dailies(1), jobs=jobs, cluster=given), Policy(), NOW)
    return [issue for issue in report.issues if issue.code is IssueCode.CONFLICTING_POLICIES]


def test_case_56_two_jobs_with_different_policies_on_one_storage_are_told_with_their_policies_and_guests() -> None:
    (issue,) = conflicts(DAYS, WEEKS)
    assert (issue.source, issue.subject, issue.guests) == ("lab", "nas", (100, 101))
    assert dict(issue.params) == {
        "storage": "nas",
        "jobs": "days, weeks",
        "policies": "days: keep-daily=7; weeks: keep-weekly=8",
        "count": 2,
    }


def test_jobs_that_share_a_policy_are_named_together() -> None:
    third = replace(DAYS, id="more-days", schedule="12:00", keep=(("keep-daily", 7),))
    (issue,) = conflicts(DAYS, WEEKS, third)
    assert dict(issue.params)["policies"] == "days, more-days: keep-daily=7; weeks: keep-weekly=8"


def test_case_39_two_storage_ids_of_one_place_are_one_place_of_conflict() -> None:
    one, two = replace(ENTRY, storage="one", keep=None), replace(ENTRY, storage="two", keep=None)
    jobs = replace(DAYS, storage="two"), replace(WEEKS, storage="one")
    (issue,) = conflicts(*jobs, guests=[a.guest(100)], storages=[one, two])
    assert (issue.subject, issue.guests) == ("one", (100,))


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(replace(WEEKS, keep=DAYS.keep), id="equal policies"),
        pytest.param(replace(WEEKS, keep=(("keep-daily", 7), ("keep-last", 0))), id="equal but for a zero (E3)"),
        pytest.param(replace(WEEKS, enabled=False), id="a job that is switched off"),
        pytest.param(replace(WEEKS, storage="pbs"), id="another place"),
        pytest.param(replace(WEEKS, all=False, vmid="102"), id="another guest"),
        pytest.param(
            replace(WEEKS, keep=(), protected=True), id="its versions are protected at once and it prunes nothing"
        ),
        pytest.param(replace(WEEKS, remove=False), id="it fails rather than prune (E8)"),
    ],
)
def test_e11_jobs_that_do_not_undo_each_other_are_no_conflict(second: BackupJob) -> None:
    assert conflicts(DAYS, second) == []


def test_e11_a_job_that_keeps_all_is_in_conflict_with_one_that_prunes_in_the_same_place() -> None:
    (issue,) = conflicts(DAYS, replace(WEEKS, keep=()))
    assert dict(issue.params)["policies"] == "days: keep-daily=7; weeks: keep-all=1"
    assert conflicts(replace(DAYS, keep=()), replace(WEEKS, keep=())) == []


def test_case_55_jobs_that_differ_on_one_node_only_are_in_conflict_there() -> None:
    defaults = {
        "pve1": a.reading(VzdumpDefaults(keep=(("keep-last", 2),))),
        "pve2": a.reading(VzdumpDefaults(keep=(("keep-daily", 7),))),
    }
    guests = [a.guest(100), a.guest(101, node="pve2")]
    (issue,) = conflicts(DAYS, replace(WEEKS, keep=None), guests=guests, vzdump_defaults=defaults)
    assert issue.guests == (100,)
    assert conflicts(DAYS, replace(WEEKS, keep=None), vzdump_defaults={}) == []  # not known


def provider(*groups: BackupGroup) -> Report:
    """Judge a cluster whose only backups are a provider's: a daily job with a retention writes to storage `borg` for guest 100."""
    borg = StorageDefinition("borg", "borgplugin", frozenset({"backup"}))
    cluster = a.cluster(
        guests=[a.guest(100), a.guest(101)],
        jobs=[a.backup_job(storage="borg", keep=(("keep-daily", 7),))],
        storages=[borg],
        permissions=AUDITOR,
        backups={"borg": a.reading(groups)},
    )
    return analyse(a.facts(cluster), Policy(), NOW)


def archive(backup_type: str, backup_id: str, days: int = 20) -> BackupGroup:
    return BackupGroup("lab", "borg", "", backup_type, backup_id, dailies(days), NOW)


@pytest.mark.parametrize("backup_type", ["vm", "unknown"])
def test_case_74_a_providers_backups_with_a_vmid_are_counted_and_unbounded(backup_type: str) -> None:
    report = provider(archive(backup_type, "100"))
    (group,) = report.groups
    assert (group.match, group.vmid, group.snapshots) == (GroupMatch.GUEST, 100, 20)
    assert (group.state, group.policy.pruned_by) == (RetentionState.UNBOUNDED, ())
    held, without = report.guests
    assert (held.newest_backup_at, without.newest_backup_at) == (group.newest_at, None)
    assert ReasonCode.BACKUPS_UNATTRIBUTED not in {reason.code for reason in without.reasons}


def test_case_74_a_providers_backups_without_a_vmid_are_nobodys_and_may_be_anybodys() -> None:
    report = provider(archive("vm", ""), archive("unknown", ""))
    assert {group.match for group in report.groups} == {GroupMatch.EXTERNAL}
    assert {group.state for group in report.groups} == {RetentionState.NOT_APPLICABLE}
    for guest in report.guests:
        assert guest.protection is Protection.UNKNOWN
        assert ReasonCode.BACKUPS_UNATTRIBUTED in {reason.code for reason in guest.reasons}
