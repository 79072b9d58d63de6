"""The rulebook's edge cases 29–63 (section K) from facts to Report. Those that one judgement decides alone are proven beside it:

| case | test |
|---|---|
| 40–45, 56, 57 | `test_retention.test_an_edge_case_of_the_rulebook_gives_its_numbers`, by the case's number |
| 46–53, and 54 for marks | `test_pruning.test_an_edge_case_of_the_rulebook_gives_its_marks`, by the case's number |
| 55, first half | `test_groups.test_case_55_the_jobs_own_policy_comes_before_the_storages_and_that_before_the_nodes` |
| 57, its band | `test_retention.test_between_two_prunes_of_a_server_any_number_of_the_band_is_right` |
| 58, 59 | `test_groups.test_cases_58_and_59_a_prune_job_that_does_not_act_here_is_none` |
| 61 | `test_groups.test_case_61_a_job_that_protects_every_version_is_not_short` |

Case 62, a prune that the server refused, is told by task logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.collect.file_parse import Asked, PruneRow, parse_backups
from exporter.collect.pve_values import keep_options
from report.analyse import analyse
from report.backups import BackupGroup, PbsFacts, SnapshotFlag, Snapshots
from report.facts import (
    BackupJob,
    ClusterFacts,
    Facts,
    Guest,
    GuestConfig,
    IncludedGuest,
    IncludedVolume,
    OracleAnswer,
    StorageDefinition,
    VzdumpDefaults,
)
from report.model.groups import GroupMatch, GroupReport, RetentionState
from report.model.guests import GuestReport, Protection
from report.model.report import Report
from report.model.sources import IssueCode
from report.policy import Policy
from report.readings import Permissions
from tests import builders as a

NOW = a.NOW  # 2026-10-21 09:00 UTC, a Wednesday
DAY = 86_400
NIGHT = NOW - 7 * 3600  # when the job over all guests last started
NODES = ("pve1", "pve2")
AUDITOR = Permissions({"/": dict.fromkeys(("VM.Audit", "Datastore.Audit", "Sys.Audit", "Pool.Audit"), True)})
TOKEN = "backup@pbs!lab"
VM = a.guest(100)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def entry(storage: str = "pbs", **fields: Any) -> StorageDefinition:
    """Return a storage entry that leads to the namespace `lab` of datastore `main` on `vault`."""
    known = {"server": "pbs.example", "datastore": "main", "namespace": "lab", "username": TOKEN}
    return a.storage_definition(storage, storage_type="pbs", **(known | fields))


def job(job_id: str = "nightly", **fields: Any) -> BackupJob:
    return a.backup_job(job_id, **({"storage": "pbs", "keep": (("keep-daily", 7),)} | fields))


def cluster(
    name: str = "lab",
    guests: Sequence[Guest] = (VM,),
    jobs: Sequence[BackupJob] = (),
    storages: Sequence[StorageDefinition] = (),
    **fields: Any,
) -> ClusterFacts:
    """Return a cluster of which everything was read: its jobs save every disk, and no task is known."""
    planned = jobs or (job(),)
    disk = (IncludedVolume("scsi0", "local-lvm:vm-disk-0", included=True, reason="backup=yes"),)
    saved = tuple(IncludedGuest(guest.vmid, guest.guest_type, disk) for guest in guests)
    facts = a.cluster(
        name,
        guests=guests,
        jobs=planned,
        storages=storages or (entry(),),
        nodes=NODES,
        permissions=a.reading(AUDITOR),
        zones={node: a.reading("UTC") for node in NODES},
        tasks={node: a.reading(()) for node in NODES},
        included={each.id: a.reading(OracleAnswer(saved)) for each in planned},
    )
    return replace(facts, **fields)


def group(
    times: Sequence[int], backup_id: str = "100", flags: Mapping[int, int] | None = None, **fields: Any
) -> BackupGroup:
    """Return a group in the namespace `lab` of `main`, owned by the cluster's token; `flags` by position."""
    rows = [(time, 1, int((flags or {}).get(position, 0)), 0) for position, time in enumerate(sorted(times))]
    known = {"server": "vault", "datastore": "main", "namespace": "lab", "backup_type": "vm", "owner": TOKEN}
    return BackupGroup(backup_id=backup_id, snapshots=Snapshots.of(rows), read_at=NOW, **(known | fields))


def server(*groups: BackupGroup) -> PbsFacts:
    """Return the PBS `vault`, of which everything was read; it has no jobs of its own."""
    places = {("main", "lab"), *((each.datastore, each.namespace) for each in groups)}
    return PbsFacts(
        "vault",
        NOW,
        True,
        (("pbs.example", 8007),),
        version=a.reading("4.1.0"),
        permissions=a.reading(Permissions({"/": {"Datastore.Audit": True, "Sys.Audit": True}})),
        zone=a.reading("UTC"),
        groups={
            place: a.reading(tuple(each for each in groups if (each.datastore, each.namespace) == place))
            for place in places
        },
        prune_jobs=a.reading(()),
        verify_jobs=a.reading(()),
        sync_jobs=a.reading(()),
        tasks=a.reading(()),
    )


@dataclass(frozen=True)
class Judged:
    """A Report with its parts by name."""

    report: Report

    def guest(self, vmid: int = 100, pve: str = "lab") -> GuestReport:
        return next(each for each in self.report.guests if (each.pve, each.guest.vmid) == (pve, vmid))

    def group(self, backup_id: str = "100", backup_type: str = "vm") -> GroupReport:
        (found,) = (
            each for each in self.report.groups if (each.backup_type, each.backup_id) == (backup_type, backup_id)
        )
        return found


def judge(vault: PbsFacts, *clusters: ClusterFacts, now: int = NOW) -> Judged:
    return Judged(analyse(Facts(clusters or (cluster(),), (vault,)), Policy(), now))


def dailies(count: int, newest: int = NIGHT + 60) -> list[int]:
    return [newest - day * DAY for day in range(count)]


# --- recognising backups


def files(*rows: PruneRow) -> ClusterFacts:
    """Return a cluster whose only backups are these files on `nas`, as PVE lists them."""
    groups = parse_backups(Asked("lab", "nas", external=False, contents_visible=False), rows, (), "pve1", NOW)
    nas = a.storage_definition("nas")
    guests = (VM, a.guest(2024))
    return cluster(guests=guests, jobs=[job(storage="nas")], storages=[nas], backups={"nas": a.reading(groups)})


def test_case_29_a_file_with_the_standard_name_is_a_version_made_when_pve_says() -> None:
    written = at("2026-06-01T19:00:03")  # 21:00:03 in Berlin
    row = PruneRow("nas:backup/vzdump-qemu-100-2026_06_01-21_00_03.vma.zst", written, "keep", "qemu", 100)
    judged = judge(server(), files(row))
    found = judged.group()
    assert (found.match, found.vmid, found.snapshots, found.newest_at) == (GroupMatch.GUEST, 100, 1, written)
    assert judged.guest().newest_backup_at == written


@pytest.mark.parametrize(
    ("row", "vmid"),
    [
        pytest.param(
            PruneRow("nas:backup/my-2024-backup.vma.zst", NIGHT, "renamed", "unknown", 2024), 2024, id="case 30"
        ),
        pytest.param(
            PruneRow("nas:backup/vzdump-qemu-100-before_upgrade.vma.zst", NIGHT, "renamed", "qemu", "100"),
            100,
            id="case 31",
        ),
    ],
)
def test_cases_30_and_31_a_renamed_file_is_shown_and_counts_for_nothing(row: PruneRow, vmid: int) -> None:
    judged = judge(server(), files(row))
    found = judged.group(str(vmid))
    assert (found.renamed, found.snapshots, found.newest_at) == (1, 0, None)
    assert (found.actual, found.expected) == (0, 0)
    assert judged.guest(vmid).newest_backup_at is None
    assert judged.guest(vmid).protection is Protection.UNPROTECTED


def test_case_32_an_unfinished_snapshot_is_neither_counted_nor_the_newest() -> None:
    judged = judge(server(group(dailies(7), flags={6: SnapshotFlag.UNFINISHED})))
    found = judged.group()
    assert (found.unfinished, found.snapshots, found.actual) == (1, 6, 6)
    assert found.newest_at == judged.guest().newest_backup_at == NIGHT + 60 - DAY


def test_case_33_a_group_that_another_clusters_token_owns_is_no_backup_of_the_guest_with_the_same_id() -> None:
    other = cluster("shop", storages=[entry(username="backup@pbs!shop")])
    judged = judge(server(group(dailies(7))), cluster(), other)
    assert (judged.group().match, judged.group().pve) == (GroupMatch.GUEST, "lab")
    assert judged.guest().newest_backup_at == NIGHT + 60
    assert judged.guest(pve="shop").newest_backup_at is None
    assert judged.guest(pve="shop").protection is Protection.UNPROTECTED


def test_case_34_with_one_token_for_both_clusters_nobody_can_say_whose_the_group_is() -> None:
    judged = judge(server(group(dailies(7))), cluster(), cluster("shop"))
    assert (judged.group().match, judged.group().pve, judged.group().state) == (
        GroupMatch.AMBIGUOUS,
        None,
        RetentionState.UNKNOWN,
    )
    assert {judged.guest(pve=pve).protection for pve in ("lab", "shop")} == {Protection.UNKNOWN}
    (issue,) = (issue for issue in judged.report.issues if issue.code is IssueCode.AMBIGUOUS_GROUPS)
    assert dict(issue.params)["namespace"] == "lab"


def test_case_35_snapshots_older_than_the_guest_are_inherited_and_only_later_ones_count() -> None:
    born = NIGHT - 3 * DAY
    judged = judge(server(group(dailies(30))), cluster(configs={100: GuestConfig(NOW, created_at=born)}))
    found = judged.group()
    assert (found.snapshots, found.inherited, found.actual) == (30, 26, 4)


def test_case_36_a_container_made_under_a_deleted_vms_id_has_a_stream_of_its_own() -> None:
    container = a.guest(100, guest_type="lxc")
    judged = judge(server(group(dailies(7)), group([NIGHT + 60], backup_type="ct")), cluster(guests=[container]))
    assert (judged.group().match, judged.group().vmid) == (GroupMatch.ORPHAN, None)
    assert (judged.group(backup_type="ct").match, judged.group(backup_type="ct").actual) == (GroupMatch.GUEST, 1)
    assert judged.group(backup_type="ct").state is RetentionState.YOUNG


def test_case_37_a_hosts_own_group_is_never_a_guests() -> None:
    judged = judge(server(group(dailies(7), "pve1", backup_type="host"), group(dailies(7), "100", backup_type="host")))
    assert {found.match for found in judged.report.groups} == {GroupMatch.HOST}
    assert judged.guest().newest_backup_at is None


def test_case_38_backups_in_a_namespace_below_the_entrys_are_seen_on_the_server_and_are_not_the_entrys() -> None:
    judged = judge(server(group(dailies(7), namespace="lab/b")))
    assert (judged.group().namespace, judged.group().snapshots) == ("lab/b", 7)
    assert judged.group().match is not GroupMatch.GUEST
    assert judged.guest().newest_backup_at is None


def test_case_39_two_storages_with_one_target_are_one_stream_in_which_both_jobs_prune() -> None:
    jobs = [job("first", storage="one"), job("second", storage="two", schedule="14:00", keep=(("keep-last", 3),))]
    judged = judge(server(group(dailies(3))), cluster(jobs=jobs, storages=[entry("one"), entry("two")]))
    assert len(judged.report.groups) == 1
    assert judged.group().policy.pruned_by == ("job first", "job second")
    assert judged.group().snapshots == 3


# --- retention


def test_case_54_a_policy_of_zeros_keeps_everything() -> None:
    keep = keep_options("keep-last=0,keep-daily=0")
    assert keep == ()
    assert judge(server(group(dailies(40))), cluster(jobs=[job(keep=keep)])).group().state is RetentionState.UNBOUNDED


def test_case_55_where_neither_job_nor_storage_has_a_policy_each_nodes_own_decides() -> None:
    guests = [VM, a.guest(101, node="pve2")]
    defaults = {"pve1": a.reading(VzdumpDefaults(keep=(("keep-last", 2),))), "pve2": a.reading(VzdumpDefaults(keep=()))}
    there = cluster(guests=guests, jobs=[job(keep=None)], vzdump_defaults=defaults)
    judged = judge(server(group(dailies(2)), group(dailies(20), "101")), there)
    assert (judged.group().nominal, judged.group().actual, judged.group().state) == (2, 2, RetentionState.OK)
    assert (judged.group("101").nominal, judged.group("101").state) == (None, RetentionState.UNBOUNDED)


def test_case_56_two_policies_on_one_target_are_a_finding() -> None:
    jobs = [
        job("weekdays", schedule="mon..sat 02:00"),
        job("sundays", schedule="sun 02:00", keep=(("keep-weekly", 8),)),
    ]
    judged = judge(server(group(dailies(3))), cluster(jobs=jobs))
    assert judged.group().policy.keep is None, "they do not agree"
    (issue,) = (issue for issue in judged.report.issues if issue.code is IssueCode.CONFLICTING_POLICIES)
    assert "weekdays" in str(dict(issue.params)["jobs"])
    assert "sundays" in str(dict(issue.params)["jobs"])


def test_case_60_a_job_that_removes_nothing_stops_at_the_sum_of_its_policy() -> None:
    five = dailies(5, NIGHT + 60 - 10 * DAY)
    judged = judge(server(group(five)), cluster(jobs=[job(remove=False, keep=(("keep-last", 5),))]))
    found = judged.group()
    assert (found.nominal, found.expected, found.actual, found.state) == (5, 5, 5, RetentionState.OK)
    assert judged.guest().protection is not Protection.PROTECTED, "every backup since has failed"


def test_case_63_a_job_that_fails_for_weeks_is_ok_by_count_and_late() -> None:
    judged = judge(server(group(dailies(7, NIGHT + 60 - 20 * DAY))))
    found, guest = judged.group(), judged.guest()
    assert (found.actual, found.expected, found.state) == (7, 7, RetentionState.OK)
    assert guest.newest_backup_at == NIGHT + 60 - 20 * DAY
    assert guest.due_at == NIGHT - 19 * DAY
    assert guest.protection not in (Protection.PROTECTED, Protection.UNKNOWN)
