"""Backup groups judged: what acts on them, and what cannot be told (E1, E24, E30)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from report.analyse import analyse
from report.backups import BackupGroup, PbsFacts, PbsJob, SnapshotFlag, Snapshots
from report.facts import Permissions, Reading, VzdumpDefaults
from report.model import GroupReport, RetentionState
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


def judged(
    snapshots: Snapshots,
    *prune_jobs: PbsJob,
    job: dict[str, Any] | None = None,
    prunes: Reading[Any] | None = None,
    **fields: Any,
) -> GroupReport:
    """Judge one group of vm/100 in main/lab: a daily job at 02:00 UTC writes there, and the given prune jobs reach it."""
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
    cluster = a.cluster(
        guests=[a.guest(100)],
        jobs=[a.backup_job(storage="pbs", **(job or {}))],
        storages=[ENTRY],
        permissions=AUDITOR,
        zones={"pve1": a.reading("UTC")},
        vzdump_defaults={"pve1": a.reading(VzdumpDefaults(keep=(("keep-last", 99),)))},
    )
    return analyse(replace(a.facts(cluster), servers=(server,)), Policy(), NOW).groups[0]


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
